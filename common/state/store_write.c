#include "common/state/store_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "common/state/guard.h"

#define FULL_PERCENT    85  /* LMDB needs free pages to free pages: so much is left */
#define DROP_PERCENT    10  /* of all entries, at once, when it is full */
#define DROP_BATCH      500 /* entries dropped in one transaction */
#define DROP_BATCH_MIN  8
#define COMMIT_ATTEMPTS 4

/* @return 0 or a negative errno */
static int make_item(enum store_key kind, const char *key, const entry_t *entry, struct item **out)
{
        uint8_t encoded[ENTRY_SIZE_MAX];
        size_t len = entry_encode(entry, encoded, sizeof(encoded));
        struct item *item;
        uint64_t hash;

        if (store_hash_key(kind, key, &hash) != 0)
                return -EINVAL;
        if (len == 0)
                return -E2BIG;
        item = malloc(sizeof(*item) + HASH_OCTETS + len);
        if (item == NULL)
                return -ENOMEM;
        item->hash = hash;
        memcpy(item->value, &hash, HASH_OCTETS);
        memcpy(item->value + HASH_OCTETS, encoded, len);
        item->len = HASH_OCTETS + len;
        *out = item;
        return 0;
}

int store_put(store_t *store, enum store_key kind, const char *key, const entry_t *entry)
{
        uint64_t sequence = (uint64_t)entry->time * MICROSECONDS;
        struct item *item, **bucket;
        int error = make_item(kind, key, entry, &item);

        if (error != 0)
                return error;
        if (sequence <= store->sequence)
                sequence = store->sequence + 1;
        store->sequence = sequence;
        item->sequence = sequence;
        item->next = NULL;
        *store->last = item;
        store->last = &item->next;
        bucket = &store->buckets[store_bucket(item->hash)];
        item->older = *bucket;
        *bucket = item;
        store->pending++;
        return 0;
}

/* An older entry of the same key stays until its time comes: nobody finds it any more. */
static int write_item(store_t *store, MDB_txn *txn, struct item *item)
{
        MDB_val hash = {.mv_data = &item->hash, .mv_size = sizeof(item->hash)};
        MDB_val sequence = {.mv_data = &item->sequence, .mv_size = sizeof(item->sequence)};
        MDB_val value = {.mv_data = item->value, .mv_size = item->len};
        /* sequences grow; but at a restart the writer before us may have been ahead for a moment */
        int error = mdb_put(txn, store->environment.entries, &sequence, &value, MDB_APPEND);

        if (error == MDB_KEYEXIST)
                error = mdb_put(txn, store->environment.entries, &sequence, &value, 0);
        if (error == 0)
                error = mdb_put(txn, store->environment.index, &hash, &sequence, 0);
        return error;
}

static int write_batch(store_t *store)
{
        MDB_txn *txn;
        int error = mdb_txn_begin(store->environment.env, NULL, 0, &txn);

        if (error != 0)
                return error;
        for (struct item *item = store->first; item != NULL; item = item->next) {
                error = write_item(store, txn, item);
                if (error != 0) {
                        mdb_txn_abort(txn);
                        return error;
                }
        }
        return mdb_txn_commit(txn);
}

/* Drop the entry that the cursor is at, and its place in the index unless a newer one has it. */
static int drop_at(store_t *store, MDB_txn *txn, MDB_cursor *cursor, const MDB_val *sequence,
                   const MDB_val *value)
{
        uint64_t number;
        MDB_val hash = {.mv_data = &number, .mv_size = sizeof(number)}, newest;
        int error;

        if (value->mv_size < HASH_OCTETS)
                return MDB_CORRUPTED;
        number = store_number(value->mv_data);
        error = mdb_get(txn, store->environment.index, &hash, &newest);
        if (error == 0 && newest.mv_size == sizeof(number) &&
            store_number(newest.mv_data) == store_number(sequence->mv_data))
                error = mdb_del(txn, store->environment.index, &hash, NULL);
        if (error != 0 && error != MDB_NOTFOUND)
                return error;
        return mdb_cursor_del(cursor, 0);
}

/* Drop up to `limit` entries whose sequence is below `before`, in one transaction. */
static int drop_some(store_t *store, uint64_t before, size_t limit, size_t *dropped)
{
        MDB_val sequence, value;
        MDB_cursor *cursor;
        MDB_txn *txn;
        int error = mdb_txn_begin(store->environment.env, NULL, 0, &txn);

        *dropped = 0;
        if (error != 0)
                return error;
        error = mdb_cursor_open(txn, store->environment.entries, &cursor);
        if (error != 0) {
                mdb_txn_abort(txn);
                return error;
        }
        while (*dropped < limit) {
                error = mdb_cursor_get(cursor, &sequence, &value, MDB_FIRST);
                if (error != 0 || store_number(sequence.mv_data) >= before)
                        break;
                error = drop_at(store, txn, cursor, &sequence, &value);
                if (error != 0)
                        break;
                ++*dropped;
        }
        mdb_cursor_close(cursor);
        if (error != 0 && error != MDB_NOTFOUND) {
                mdb_txn_abort(txn);
                return error;
        }
        return mdb_txn_commit(txn);
}

/* To delete takes pages too, as many as the entries are spread over: fewer at once when there are
 * few. */
static int drop_oldest(store_t *store)
{
        size_t pages, entries, page_size, wanted, dropped, batch = DROP_BATCH;
        int error = store_count_pages(store, &pages, &entries, &page_size);

        if (error != 0)
                return error;
        wanted = entries * DROP_PERCENT / 100 + 1;
        while (wanted > 0) {
                error = drop_some(store, UINT64_MAX, wanted < batch ? wanted : batch, &dropped);
                if (error == MDB_MAP_FULL && batch > DROP_BATCH_MIN) {
                        batch /= 8;
                        continue;
                }
                if (error != 0)
                        return error;
                if (dropped == 0)
                        break;
                store->dropped += dropped;
                wanted -= dropped;
        }
        return 0;
}

static bool no_room(int error)
{
        return error == ENOSPC || error == EFBIG;
}

/* Has the file system room for the whole store again? */
static bool room_is_back(const store_t *store)
{
        struct statvfs status;

        return statvfs(store->directory, &status) == 0 &&
               (uint64_t)status.f_bavail * status.f_frsize > store->size - store->room;
}

static bool nearly_full(store_t *store)
{
        size_t pages, entries, page_size;

        if (store->room != 0 && (store->room > store->size || room_is_back(store)))
                store->room = 0;
        return store_count_pages(store, &pages, &entries, &page_size) == 0 &&
               pages >
                   (store->room != 0 ? store->room : store->size) / page_size * FULL_PERCENT / 100;
}

/* Work on the writer's environment under guard: when it is left by a jump, the file is damaged. */
struct guarded {
        store_t *store;
        int (*work)(store_t *store);
        int error;
};

static void run_guarded(void *context)
{
        struct guarded *guarded = context;

        guarded->error = guarded->work(guarded->store);
}

static int guarded(store_t *store, int (*work)(store_t *store))
{
        struct guarded guarded = {.store = store, .work = work};

        if (environment_spoiled(&store->environment))
                return MDB_CORRUPTED;
        return guard_run(run_guarded, &guarded) ? guarded.error : MDB_CORRUPTED;
}

/* Twice what comes now goes: so the store empties a little with each commit, and no commit takes
 * long. */
static int drop_if_nearly_full(store_t *store)
{
        size_t dropped;
        int error;

        if (!nearly_full(store))
                return 0;
        error = drop_some(store, UINT64_MAX, 2 * store->pending, &dropped);
        if (error == MDB_MAP_FULL)
                return drop_oldest(store);
        if (error == 0)
                store->dropped += dropped;
        return error;
}

/* Make what failed work the next time. */
static int recover(store_t *store, int error)
{
        if (environment_damaged(error))
                return store_recreate(store);
        if (error != MDB_MAP_FULL && !no_room(error))
                return error;
        if (guarded(store, drop_oldest) == 0)
                return 0;
        /* not even the room to delete: what is lost can be evaluated again */
        return error == MDB_MAP_FULL ? store_recreate(store) : store_recreate_smaller(store);
}

int store_commit(store_t *store)
{
        int error = 0;

        if (store->first == NULL)
                return 0;
        store_end_view(store);
        if (store->environment.env == NULL)
                error = store_open_environment(store);
        if (error == 0)
                error = guarded(store, drop_if_nearly_full);
        if (environment_damaged(error))
                error = store_recreate(store);
        for (int attempt = 0; attempt < COMMIT_ATTEMPTS; attempt++) {
                if (store->environment.env == NULL)
                        break;
                error = guarded(store, write_batch);
                if (error == 0 || recover(store, error) != 0)
                        break;
        }
        store_clear_batch(store);
        return store_errno(error);
}

/* Its members outlive a jump out of it. */
struct expiry {
        store_t *store;
        uint64_t before;
        size_t limit; /* 0 = no bound */
        size_t total;
        int error;
};

static void expire(void *context)
{
        struct expiry *expiry = context;
        size_t dropped, some;
        int dead;

        mdb_reader_check(expiry->store->environment.env, &dead);
        do {
                some = DROP_BATCH;
                if (expiry->limit != 0 && expiry->limit - expiry->total < DROP_BATCH)
                        some = expiry->limit - expiry->total;
                expiry->error = drop_some(expiry->store, expiry->before, some, &dropped);
                if (expiry->error != 0)
                        return;
                expiry->total += dropped;
        } while (dropped == DROP_BATCH && (expiry->limit == 0 || expiry->total < expiry->limit));
}

int store_expire(store_t *store, int64_t now, size_t limit)
{
        int64_t oldest = now - store->lifetime;
        struct expiry expiry = {
            .store = store,
            .before = oldest > 0 ? (uint64_t)oldest * MICROSECONDS : 0,
            .limit = limit,
        };

        if (store->environment.env == NULL)
                return 0;
        store_end_view(store);
        if (environment_spoiled(&store->environment) ||
            environment_replaced(&store->environment, store->directory) ||
            !guard_run(expire, &expiry))
                expiry.error = MDB_CORRUPTED;
        if (environment_damaged(expiry.error))
                expiry.error = store_recreate(store);
        else if (no_room(expiry.error))
                expiry.error = store_recreate_smaller(store);
        return expiry.error == 0 ? (int)expiry.total : store_errno(expiry.error);
}
