#include "common/state/store.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/state/environment.h"
#include "common/state/guard.h"

#define SEQUENCE_OCTETS  8
#define FULL_PERCENT     85  /* LMDB needs free pages to free pages: so much is left */
#define DROP_PERCENT     10  /* of all entries, at once, when it is full */
#define DROP_BATCH       500 /* entries dropped in one transaction */
#define COMMIT_ATTEMPTS  4
#define CLOCK_SKEW_LIMIT 60 /* seconds by which an entry may be from the future */
#define MICROSECONDS     1000000

/* One put that waits for the commit. */
struct item {
        struct item *next;
        char key[STORE_KEY_SIZE + 2];
        size_t len;
        uint8_t value[]; /* room for the sequence, then the encoded entry */
};

struct store {
        char *directory;
        size_t size;
        _Atomic int64_t lifetime;
        bool writer;
        environment_t environment; /* reader: under the lock */
        pthread_rwlock_t lock;
        _Atomic int64_t checked; /* reader: when the files were looked at, monotonic seconds */
        /* writer, one thread only: */
        struct item *first, **last;
        uint64_t sequence; /* the last one given */
        uint64_t dropped, recreated;
};

static int64_t monotonic_seconds(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec;
}

/* LMDB's errors are negative and below -30000; ours are negative errnos. */
static int to_errno(int error)
{
        if (error == 0)
                return 0;
        if (error == MDB_NOTFOUND)
                return -ENOENT;
        if (error == MDB_MAP_FULL)
                return -ENOSPC;
        return error > 0 ? -error : -EIO;
}

static void put_sequence(uint8_t *at, uint64_t sequence)
{
        for (size_t i = 0; i < SEQUENCE_OCTETS; i++)
                at[i] = (uint8_t)(sequence >> (8 * (SEQUENCE_OCTETS - 1 - i)));
}

static uint64_t get_sequence(const uint8_t *at)
{
        uint64_t sequence = 0;

        for (size_t i = 0; i < SEQUENCE_OCTETS; i++)
                sequence = sequence << 8 | at[i];
        return sequence;
}

static int make_key(enum store_key kind, const char *id, char key[STORE_KEY_SIZE + 2])
{
        static const char prefixes[] = {
            [STORE_QUEUE_ID] = 'q', [STORE_INSTANCE] = 'i', [STORE_ENVELOPE] = 'c'};
        size_t len = strlen(id);

        if (len == 0 || len >= STORE_KEY_SIZE)
                return -EINVAL;
        key[0] = prefixes[kind];
        key[1] = '/';
        memcpy(key + 2, id, len + 1);
        return 0;
}

/* FNV-1a, 128 bits: whoever finds an entry compares it whole, so a collision costs one evaluation.
 */
static void hash_add(unsigned __int128 *hash, const void *data, size_t len)
{
        const unsigned __int128 prime = ((unsigned __int128)1 << 88) + 0x13b;
        const uint8_t *at = data;

        for (size_t i = 0; i < len; i++)
                *hash = (*hash ^ (uint8_t)tolower(at[i])) * prime;
}

void store_envelope_key(const address_t *client, uint16_t port, const char *helo,
                        const char *sender, char key[STORE_KEY_SIZE])
{
        unsigned __int128 hash =
            (unsigned __int128)0x6c62272e07bb0142ULL << 64 | 0x62b821756295c58dULL;
        char number[2 * sizeof(address_t) + 8];
        size_t used = 0;

        for (size_t i = 0; i < sizeof(client->octets); i++)
                used += (size_t)snprintf(number + used, sizeof(number) - used, "%02x",
                                         client->octets[i]);
        used += (size_t)snprintf(number + used, sizeof(number) - used, "%u", port);
        hash_add(&hash, number, used + 1);
        hash_add(&hash, helo, strlen(helo) + 1);
        hash_add(&hash, sender, strlen(sender));
        snprintf(key, STORE_KEY_SIZE, "%016llx%016llx", (unsigned long long)(hash >> 64),
                 (unsigned long long)hash);
}

static store_t *store_create(const store_config_t *config, bool writer)
{
        store_t *store = calloc(1, sizeof(*store));

        if (store == NULL)
                return NULL;
        store->directory = strdup(config->directory);
        if (store->directory == NULL) {
                free(store);
                return NULL;
        }
        store->size = config->size_bytes;
        store->lifetime = config->lifetime;
        store->writer = writer;
        store->last = &store->first;
        store->checked = -1;
        pthread_rwlock_init(&store->lock, NULL);
        return store;
}

/* The sequence goes on where the last writer ended. */
static int find_sequence(store_t *store)
{
        MDB_val key, value;
        MDB_cursor *cursor;
        MDB_txn *txn;
        int error = mdb_txn_begin(store->environment.env, NULL, MDB_RDONLY, &txn);

        if (error != 0)
                return error;
        error = mdb_cursor_open(txn, store->environment.order, &cursor);
        if (error == 0) {
                error = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
                if (error == 0)
                        store->sequence = get_sequence(key.mv_data);
                mdb_cursor_close(cursor);
        }
        mdb_txn_abort(txn);
        return error == MDB_NOTFOUND ? 0 : error;
}

static int open_environment(store_t *store)
{
        int error = environment_open_writer(&store->environment, store->directory, store->size);

        if (error == 0)
                error = find_sequence(store);
        return error;
}

static int recreate(store_t *store)
{
        environment_close(&store->environment);
        environment_remove(store->directory);
        store->recreated++;
        return open_environment(store);
}

int store_open_writer(const store_config_t *config, store_t **out)
{
        store_t *store = store_create(config, true);
        int error;

        if (store == NULL)
                return -ENOMEM;
        error = open_environment(store);
        if (environment_damaged(error))
                error = recreate(store);
        if (error != 0) {
                store_close(store);
                return to_errno(error);
        }
        *out = store;
        return 0;
}

int store_open_reader(const store_config_t *config, store_t **out)
{
        *out = store_create(config, false);
        return *out != NULL ? 0 : -ENOMEM;
}

static void clear_batch(store_t *store)
{
        while (store->first != NULL) {
                struct item *next = store->first->next;

                free(store->first);
                store->first = next;
        }
        store->last = &store->first;
}

void store_close(store_t *store)
{
        if (store == NULL)
                return;
        clear_batch(store);
        environment_close(&store->environment);
        pthread_rwlock_destroy(&store->lock);
        free(store->directory);
        free(store);
}

void store_set_lifetime(store_t *store, int64_t lifetime)
{
        store->lifetime = lifetime;
}

int store_put(store_t *store, enum store_key kind, const char *key, const entry_t *entry)
{
        struct item *item = malloc(sizeof(*item) + SEQUENCE_OCTETS + ENTRY_SIZE_MAX);
        uint64_t sequence = (uint64_t)entry->time * MICROSECONDS;
        struct item *fitting;
        int error;

        if (item == NULL)
                return -ENOMEM;
        error = make_key(kind, key, item->key);
        item->len =
            error == 0 ? entry_encode(entry, item->value + SEQUENCE_OCTETS, ENTRY_SIZE_MAX) : 0;
        if (item->len == 0) {
                free(item);
                return error != 0 ? error : -E2BIG;
        }
        item->len += SEQUENCE_OCTETS;
        if (sequence <= store->sequence)
                sequence = store->sequence + 1;
        store->sequence = sequence;
        put_sequence(item->value, sequence);
        fitting = realloc(item, sizeof(*item) + item->len);
        item = fitting != NULL ? fitting : item;
        item->next = NULL;
        *store->last = item;
        store->last = &item->next;
        return 0;
}

static int write_item(store_t *store, MDB_txn *txn, struct item *item)
{
        MDB_val key = {.mv_data = item->key, .mv_size = strlen(item->key)};
        MDB_val value = {.mv_data = item->value, .mv_size = item->len};
        MDB_val sequence = {.mv_data = item->value, .mv_size = SEQUENCE_OCTETS};
        MDB_val old;
        int error = mdb_get(txn, store->environment.entries, &key, &old);

        if (error == 0) {
                MDB_val row = {.mv_data = old.mv_data, .mv_size = SEQUENCE_OCTETS};

                error = mdb_del(txn, store->environment.order, &row, NULL);
        }
        if (error != 0 && error != MDB_NOTFOUND)
                return error;
        error = mdb_put(txn, store->environment.entries, &key, &value, 0);
        if (error != 0)
                return error;
        return mdb_put(txn, store->environment.order, &sequence, &key, 0);
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

/* Drop up to `limit` entries whose sequence is below `before`, in one transaction. */
static int drop_some(store_t *store, uint64_t before, size_t limit, size_t *dropped)
{
        MDB_val sequence, key;
        MDB_cursor *cursor;
        MDB_txn *txn;
        int error = mdb_txn_begin(store->environment.env, NULL, 0, &txn);

        *dropped = 0;
        if (error != 0)
                return error;
        error = mdb_cursor_open(txn, store->environment.order, &cursor);
        if (error != 0) {
                mdb_txn_abort(txn);
                return error;
        }
        while (*dropped < limit) {
                error = mdb_cursor_get(cursor, &sequence, &key, MDB_FIRST);
                if (error != 0 || get_sequence(sequence.mv_data) >= before)
                        break;
                error = mdb_del(txn, store->environment.entries, &key, NULL);
                if (error == 0 || error == MDB_NOTFOUND)
                        error = mdb_cursor_del(cursor, 0);
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

static int count_pages(store_t *store, size_t *pages, size_t *entries, size_t *page_size)
{
        MDB_stat stat, order;
        MDB_txn *txn;
        int error = mdb_txn_begin(store->environment.env, NULL, MDB_RDONLY, &txn);

        if (error != 0)
                return error;
        error = mdb_stat(txn, store->environment.entries, &stat);
        if (error == 0)
                error = mdb_stat(txn, store->environment.order, &order);
        mdb_txn_abort(txn);
        if (error != 0)
                return error;
        *pages = stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages +
                 order.ms_branch_pages + order.ms_leaf_pages + order.ms_overflow_pages;
        *entries = stat.ms_entries;
        *page_size = stat.ms_psize;
        return 0;
}

static int drop_oldest(store_t *store)
{
        size_t pages, entries, page_size, wanted, dropped;
        int error = count_pages(store, &pages, &entries, &page_size);

        if (error != 0)
                return error;
        wanted = entries * DROP_PERCENT / 100 + 1;
        while (wanted > 0) {
                error = drop_some(store, UINT64_MAX, wanted < DROP_BATCH ? wanted : DROP_BATCH,
                                  &dropped);
                if (error != 0)
                        return error;
                if (dropped == 0)
                        break;
                store->dropped += dropped;
                wanted -= dropped;
        }
        return 0;
}

static bool nearly_full(store_t *store)
{
        size_t pages, entries, page_size;

        return count_pages(store, &pages, &entries, &page_size) == 0 &&
               pages > store->size / page_size * FULL_PERCENT / 100;
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

        return guard_run(run_guarded, &guarded) ? guarded.error : MDB_CORRUPTED;
}

static int drop_if_nearly_full(store_t *store)
{
        return nearly_full(store) ? drop_oldest(store) : 0;
}

/* Make what failed work the next time. */
static int recover(store_t *store, int error)
{
        if (environment_damaged(error))
                return recreate(store);
        if (error != MDB_MAP_FULL && error != ENOSPC && error != EFBIG)
                return error;
        if (guarded(store, drop_oldest) == 0)
                return 0;
        /* not even the room to delete: what is lost can be evaluated again */
        return error == MDB_MAP_FULL ? recreate(store) : error;
}

int store_commit(store_t *store)
{
        int error = 0;

        if (store->first == NULL)
                return 0;
        if (store->environment.env == NULL)
                error = open_environment(store);
        if (error == 0)
                error = guarded(store, drop_if_nearly_full);
        if (environment_damaged(error))
                error = recreate(store);
        for (int attempt = 0; attempt < COMMIT_ATTEMPTS; attempt++) {
                if (store->environment.env == NULL)
                        break;
                error = guarded(store, write_batch);
                if (error == 0 || recover(store, error) != 0)
                        break;
        }
        clear_batch(store);
        return to_errno(error);
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
        if (!guard_run(expire, &expiry))
                expiry.error = MDB_CORRUPTED;
        if (environment_damaged(expiry.error))
                expiry.error = recreate(store);
        return expiry.error == 0 ? (int)expiry.total : to_errno(expiry.error);
}

static int decode(store_t *store, const void *data, size_t len, int64_t now, arena_t *arena,
                  entry_t *entry)
{
        int error;

        if (len < SEQUENCE_OCTETS)
                return -EPROTO;
        error = entry_decode(arena, (const uint8_t *)data + SEQUENCE_OCTETS, len - SEQUENCE_OCTETS,
                             entry);
        if (error != 0)
                return error;
        if (entry->time < now - store->lifetime || entry->time > now + CLOCK_SKEW_LIMIT)
                return -ENOENT;
        return 0;
}

/* One look-up; its members outlive a jump out of it. */
struct look {
        store_t *store;
        char *key;
        int64_t now;
        arena_t *arena;
        entry_t *entry;
        MDB_txn *txn;
        int error;
};

static void look_up(void *context)
{
        struct look *look = context;
        MDB_val key = {.mv_data = look->key, .mv_size = strlen(look->key)};
        MDB_val value;

        look->error = mdb_txn_begin(look->store->environment.env, NULL, MDB_RDONLY, &look->txn);
        if (look->error != 0) {
                look->txn = NULL;
                look->error = to_errno(look->error);
                return;
        }
        look->error = mdb_get(look->txn, look->store->environment.entries, &key, &value);
        if (look->error == 0)
                look->error = decode(look->store, value.mv_data, value.mv_size, look->now,
                                     look->arena, look->entry);
        else
                look->error = to_errno(look->error);
}

static int get_committed(store_t *store, char *text, int64_t now, arena_t *arena, entry_t *entry)
{
        struct look look = {
            .store = store, .key = text, .now = now, .arena = arena, .entry = entry};

        if (!guard_run(look_up, &look))
                look.error = -EIO;
        if (look.txn != NULL)
                mdb_txn_abort(look.txn);
        return look.error;
}

static int get_as_writer(store_t *store, char *key, int64_t now, arena_t *arena, entry_t *entry)
{
        const struct item *found = NULL;

        for (const struct item *item = store->first; item != NULL; item = item->next)
                if (strcmp(item->key, key) == 0)
                        found = item;
        if (found != NULL)
                return decode(store, found->value, found->len, now, arena, entry);
        if (store->environment.env == NULL)
                return -ENOENT;
        return get_committed(store, key, now, arena, entry);
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
                environment_open_reader(&store->environment, store->directory);
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
        char text[STORE_KEY_SIZE + 2];
        int error = make_key(kind, key, text);

        if (error != 0)
                return error;
        if (store->writer)
                return get_as_writer(store, text, now, arena, entry);
        follow_files(store);
        pthread_rwlock_rdlock(&store->lock);
        error = store->environment.env != NULL ? get_committed(store, text, now, arena, entry)
                                               : -ENOENT;
        pthread_rwlock_unlock(&store->lock);
        if (error == -EIO)
                close_for_reopening(store);
        return error;
}

struct count {
        store_t *store;
        size_t pages, entries, page_size;
        int error;
};

static void count(void *context)
{
        struct count *counted = context;

        counted->error =
            count_pages(counted->store, &counted->pages, &counted->entries, &counted->page_size);
}

int store_statistics(store_t *store, store_statistics_t *statistics)
{
        struct count counted = {.store = store};

        memset(statistics, 0, sizeof(*statistics));
        pthread_rwlock_rdlock(&store->lock);
        if (store->environment.env != NULL && !guard_run(count, &counted))
                counted.error = MDB_CORRUPTED;
        pthread_rwlock_unlock(&store->lock);
        statistics->entries = counted.entries;
        statistics->bytes_used = (uint64_t)counted.pages * counted.page_size;
        statistics->bytes_max = store->size;
        statistics->dropped = store->dropped;
        statistics->recreated = store->recreated;
        return to_errno(counted.error);
}
