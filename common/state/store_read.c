#include "common/state/store_internal.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/state/guard.h"

#define CLOCK_SKEW_LIMIT 60 /* seconds by which an entry may be from the future */

static int64_t monotonic_seconds(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec;
}

static int decode(store_t *store, const void *data, size_t len, int64_t now, arena_t *arena,
                  entry_t *entry)
{
        int error;

        if (len < HASH_OCTETS || len > HASH_OCTETS + ENTRY_SIZE_MAX)
                return -EPROTO;
        error = entry_decode(arena, (const uint8_t *)data + HASH_OCTETS, len - HASH_OCTETS, entry);
        if (error != 0)
                return error;
        if (entry->time < now - store->lifetime || entry->time > now + CLOCK_SKEW_LIMIT)
                return -ENOENT;
        return 0;
}

/* One look-up; its members outlive a jump out of it. */
struct look {
        store_t *store;
        uint64_t hash;
        int64_t now;
        arena_t *arena;
        entry_t *entry;
        MDB_txn *txn;
        int error;
};

/* In the transaction that the look has. */
static int find(struct look *look, MDB_val *value)
{
        const environment_t *environment = &look->store->environment;
        MDB_val hash = {.mv_data = &look->hash, .mv_size = sizeof(look->hash)};
        MDB_val sequence;
        uint64_t number;
        int error = mdb_get(look->txn, environment->index, &hash, &sequence);

        if (error != 0)
                return error;
        if (sequence.mv_size != sizeof(number))
                return MDB_CORRUPTED;
        number = store_number(sequence.mv_data);
        sequence = (MDB_val){.mv_data = &number, .mv_size = sizeof(number)};
        return mdb_get(look->txn, environment->entries, &sequence, value);
}

static void look_up(struct look *look)
{
        MDB_val value;
        int error = find(look, &value);

        look->error = error == 0 ? decode(look->store, value.mv_data, value.mv_size, look->now,
                                          look->arena, look->entry)
                                 : store_errno(error);
}

static void look_up_as_reader(void *context)
{
        struct look *look = context;
        int error = mdb_txn_begin(look->store->environment.env, NULL, MDB_RDONLY, &look->txn);

        if (error == 0) {
                look_up(look);
                return;
        }
        look->txn = NULL;
        look->error = store_errno(error);
}

static int get_as_reader(store_t *store, uint64_t hash, int64_t now, arena_t *arena, entry_t *entry)
{
        struct look look = {
            .store = store, .hash = hash, .now = now, .arena = arena, .entry = entry};

        if (environment_spoiled(&store->environment))
                return -EIO;
        if (!guard_run(look_up_as_reader, &look))
                look.error = -EIO;
        if (look.txn != NULL && !environment_abort(look.txn))
                look.error = -EIO;
        return look.error;
}

static int begin_view(store_t *store)
{
        int error = 0;

        if (store->viewing)
                return 0;
        if (store->view == NULL)
                error = mdb_txn_begin(store->environment.env, NULL, MDB_RDONLY, &store->view);
        else
                error = mdb_txn_renew(store->view);
        store->viewing = error == 0;
        return error;
}

static void look_up_as_writer(void *context)
{
        struct look *look = context;
        int error = begin_view(look->store);

        look->txn = look->store->view;
        if (error == 0)
                look_up(look);
        else
                look->error = store_errno(error);
}

static int get_as_writer(store_t *store, uint64_t hash, int64_t now, arena_t *arena, entry_t *entry)
{
        const struct item *item = store->buckets[store_bucket(hash)];
        struct look look = {
            .store = store, .hash = hash, .now = now, .arena = arena, .entry = entry};

        while (item != NULL && item->hash != hash)
                item = item->older;
        if (item != NULL)
                return decode(store, item->value, item->len, now, arena, entry);
        if (store->environment.env == NULL)
                return -ENOENT;
        if (!store->looked_over && environment_spoiled(&store->environment))
                return -EIO;
        store->looked_over = true;
        return guard_run(look_up_as_writer, &look) ? look.error : -EIO;
}

static void open_guarded(void *context)
{
        store_t *store = context;

        environment_open_reader(&store->environment, store->directory);
}

static void open_as_reader(store_t *store)
{
        if (!guard_run(open_guarded, store))
                environment_abandon(&store->environment);
}

/* Look, once a second and in one thread, whether the files are still those that are open. */
static void follow_files(store_t *store)
{
        int64_t now = monotonic_seconds(), checked = store->checked;

        if (now == checked || !atomic_compare_exchange_strong(&store->checked, &checked, now))
                return;
        pthread_rwlock_wrlock(&store->lock);
        if (store->environment.env != NULL &&
            environment_replaced(&store->environment, store->directory))
                environment_close(&store->environment);
        if (store->environment.env == NULL)
                open_as_reader(store);
        pthread_rwlock_unlock(&store->lock);
}

/* A failed transaction may mean that the map has grown: then it is opened anew at the next look. */
static void close_for_reopening(store_t *store)
{
        pthread_rwlock_wrlock(&store->lock);
        environment_close(&store->environment);
        store->checked = -1;
        pthread_rwlock_unlock(&store->lock);
}

int store_get(store_t *store, enum store_key kind, const char *key, int64_t now, arena_t *arena,
              entry_t *entry)
{
        uint64_t hash;
        int error = store_hash_key(kind, key, &hash);

        if (error != 0)
                return error;
        if (store->writer)
                return get_as_writer(store, hash, now, arena, entry);
        follow_files(store);
        pthread_rwlock_rdlock(&store->lock);
        error = -ENOENT;
        if (store->environment.env != NULL)
                error = get_as_reader(store, hash, now, arena, entry);
        pthread_rwlock_unlock(&store->lock);
        if (error == -EIO)
                close_for_reopening(store);
        return error;
}
