#include "common/state/store.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/state/guard.h"
#include "common/state/store_internal.h"

/* LMDB's errors are negative and below -30000; ours are negative errnos. */
int store_errno(int error)
{
        if (error == 0)
                return 0;
        if (error == MDB_NOTFOUND)
                return -ENOENT;
        if (error == MDB_MAP_FULL)
                return -ENOSPC;
        return error > 0 ? -error : -EIO;
}

uint64_t store_sequence(const uint8_t *at)
{
        uint64_t sequence = 0;

        for (size_t i = 0; i < SEQUENCE_OCTETS; i++)
                sequence = sequence << 8 | at[i];
        return sequence;
}

int store_make_key(enum store_key kind, const char *id, char key[STORE_KEY_SIZE + 2])
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
static unsigned __int128 hash_octet(unsigned __int128 hash, int octet)
{
        const unsigned __int128 prime = ((unsigned __int128)1 << 88) + 0x13b;

        return (hash ^ (uint8_t)octet) * prime;
}

/* With the NUL at its end. */
static unsigned __int128 hash_text(unsigned __int128 hash, const char *text)
{
        for (; *text != '\0'; text++)
                hash = hash_octet(hash, tolower((uint8_t)*text));
        return hash_octet(hash, 0);
}

void store_envelope_key(const address_t *client, uint16_t port, const char *helo,
                        const char *sender, char key[STORE_KEY_SIZE])
{
        static const char digits[] = "0123456789abcdef";
        unsigned __int128 hash =
            (unsigned __int128)0x6c62272e07bb0142ULL << 64 | 0x62b821756295c58dULL;
        int at = 0;

        for (size_t i = 0; i < sizeof(client->octets); i++)
                hash = hash_octet(hash, client->octets[i]);
        hash = hash_octet(hash_octet(hash, port >> 8), port & 255);
        hash = hash_text(hash_text(hash, helo), sender);
        for (int bit = 124; bit >= 0; bit -= 4)
                key[at++] = digits[hash >> bit & 15];
        key[at] = '\0';
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
                        store->sequence = store_sequence(key.mv_data);
                mdb_cursor_close(cursor);
        }
        mdb_txn_abort(txn);
        return error == MDB_NOTFOUND ? 0 : error;
}

int store_open_environment(store_t *store)
{
        int error = environment_open_writer(&store->environment, store->directory, store->size);

        if (error == 0)
                error = find_sequence(store);
        return error;
}

int store_recreate(store_t *store)
{
        environment_close(&store->environment);
        environment_remove(store->directory);
        store->recreated++;
        return store_open_environment(store);
}

int store_open_writer(const store_config_t *config, store_t **out)
{
        store_t *store = store_create(config, true);
        int error;

        if (store == NULL)
                return -ENOMEM;
        error = store_open_environment(store);
        if (environment_damaged(error))
                error = store_recreate(store);
        if (error != 0) {
                store_close(store);
                return store_errno(error);
        }
        *out = store;
        return 0;
}

int store_open_reader(const store_config_t *config, store_t **out)
{
        *out = store_create(config, false);
        return *out != NULL ? 0 : -ENOMEM;
}

void store_clear_batch(store_t *store)
{
        while (store->first != NULL) {
                struct item *next = store->first->next;

                free(store->first);
                store->first = next;
        }
        store->last = &store->first;
        store->pending = 0;
        memset(store->buckets, 0, sizeof(store->buckets));
        store->looked_over = false;
}

/* FNV-1a */
size_t store_bucket(const char *key)
{
        uint32_t hash = 2166136261U;

        for (; *key != '\0'; key++)
                hash = (hash ^ (uint8_t)*key) * 16777619U;
        return (hash ^ hash >> 16) % BATCH_BUCKETS;
}

void store_close(store_t *store)
{
        if (store == NULL)
                return;
        store_clear_batch(store);
        environment_close(&store->environment);
        pthread_rwlock_destroy(&store->lock);
        free(store->directory);
        free(store);
}

void store_set_lifetime(store_t *store, int64_t lifetime)
{
        store->lifetime = lifetime;
}

int store_count_pages(store_t *store, size_t *pages, size_t *entries, size_t *page_size)
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

struct count {
        store_t *store;
        size_t pages, entries, page_size;
        int error;
};

static void count(void *context)
{
        struct count *counted = context;

        counted->error = store_count_pages(counted->store, &counted->pages, &counted->entries,
                                           &counted->page_size);
}

int store_statistics(store_t *store, store_statistics_t *statistics)
{
        struct count counted = {.store = store};

        memset(statistics, 0, sizeof(*statistics));
        pthread_rwlock_rdlock(&store->lock);
        if (store->environment.env != NULL &&
            (environment_cut(&store->environment) || !guard_run(count, &counted)))
                counted.error = MDB_CORRUPTED;
        pthread_rwlock_unlock(&store->lock);
        statistics->entries = counted.entries;
        statistics->bytes_used = (uint64_t)counted.pages * counted.page_size;
        statistics->bytes_max = store->size;
        statistics->dropped = store->dropped;
        statistics->recreated = store->recreated;
        return store_errno(counted.error);
}
