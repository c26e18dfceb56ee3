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
                look->error = store_errno(look->error);
                return;
        }
        look->error = mdb_get(look->txn, look->store->environment.entries, &key, &value);
        if (look->error == 0)
                look->error = decode(look->store, value.mv_data, value.mv_size, look->now,
                                     look->arena, look->entry);
        else
                look->error = store_errno(look->error);
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
        const struct item *item = store->buckets[store_bucket(key)];

        while (item != NULL && strcmp(item->key, key) != 0)
                item = item->older;
        if (item != NULL)
                return decode(store, item->value, item->len, now, arena, entry);
        if (store->environment.env == NULL)
                return -ENOENT;
        if (!store->looked_over && environment_cut(&store->environment))
                return -EIO;
        store->looked_over = true;
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
        int error = store_make_key(kind, key, text);

        if (error != 0)
                return error;
        if (store->writer)
                return get_as_writer(store, text, now, arena, entry);
        follow_files(store);
        pthread_rwlock_rdlock(&store->lock);
        error = -ENOENT;
        if (store->environment.env != NULL)
                error = environment_cut(&store->environment)
                            ? -EIO
                            : get_committed(store, text, now, arena, entry);
        pthread_rwlock_unlock(&store->lock);
        if (error == -EIO)
                close_for_reopening(store);
        return error;
}
