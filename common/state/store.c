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

uint64_t store_number(const void *at)
{
        uint64_t number;

        memcpy(&number, at, sizeof(number));
        return number;
}

/* FNV-1a, 64 bits */
#define HASH_BASE 0xcbf29ce484222325ULL

static uint64_t hash_octet(uint64_t hash, int octet)
{
        return (hash ^ (uint8_t)octet) * 0x100000001b3ULL;
}

/* With the NUL at its end. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
        for (; *text != '\0'; text++)
                hash = hash_octet(hash, tolower((uint8_t)*text));
        return hash_octet(hash, 0);
}

/* The place of a character among those of queue IDs (0-9, A-Z, a-z), in 6 bits. */
static uint64_t queue_id_digit(char c)
{
        if (c >= '0' && c <= '9')
                return (uint64_t)(c - '0');
        if (c >= 'A' && c <= 'Z')
                return (uint64_t)(c - 'A') + 10;
        if (c >= 'a' && c <= 'z')
                return (uint64_t)(c - 'a') + 36;
        return 62;
}

/* Queue IDs begin with the time, so those of one moment get neighbouring hashes: all that a commit
 * adds to the index is then in few pages. 8 characters, and 16 bits for the rest. */
static uint64_t queue_id_hash(const char *id, uint64_t hash)
{
        uint64_t ordered = 0;

        for (size_t i = 0; i < 8; i++)
                ordered = ordered << 6 | (*id != '\0' ? queue_id_digit(*id++) : 63);
        return ordered << 16 | ((hash ^ hash >> 16 ^ hash >> 32 ^ hash >> 48) & 0xffff);
}

int store_hash_key(enum store_key kind, const char *id, uint64_t *out)
{
        uint64_t hash = hash_octet(HASH_BASE, kind);
        size_t len = 0;

        for (; len < STORE_KEY_SIZE && id[len] != '\0'; len++)
                hash = hash_octet(hash, id[len]);
        *out = kind == STORE_QUEUE_ID ? queue_id_hash(id, hash) : hash;
        return len > 0 && len < STORE_KEY_SIZE ? 0 : -EINVAL;
}

void store_envelope_key(const address_t *client, uint16_t port, const char *helo,
                        const char *sender, char key[STORE_KEY_SIZE])
{
        static const char digits[] = "0123456789abcdef";
        uint64_t hash = HASH_BASE;

        for (size_t i = 0; i < sizeof(client->octets); i++)
                hash = hash_octet(hash, client->octets[i]);
        hash = hash_octet(hash_octet(hash, port >> 8), port & 255);
        hash = hash_text(hash_text(hash, helo), sender);
        for (int i = 0; i < 16; i++)
                key[i] = digits[hash >> (60 - 4 * i) & 15];
        key[16] = '\0';
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
        error = mdb_cursor_open(txn, store->environment.entries, &cursor);
        if (error == 0) {
                error = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
                if (error == 0)
                        store->sequence = store_number(key.mv_data);
                mdb_cursor_close(cursor);
        }
        mdb_txn_abort(txn);
        return error == MDB_NOTFOUND ? 0 : error;
}

/* Its members outlive a jump out of it. */
struct opening {
        store_t *store;
        int error;
};

static void open_guarded(void *context)
{
        struct opening *opening = context;
        store_t *store = opening->store;

        opening->error =
            environment_open_writer(&store->environment, store->directory, store->size);
        if (opening->error == 0)
                opening->error = find_sequence(store);
}

int store_open_environment(store_t *store)
{
        struct opening opening = {.store = store};

        if (guard_run(open_guarded, &opening))
                return opening.error;
        environment_abandon(&store->environment);
        return MDB_CORRUPTED;
}

/* The view goes before its environment. */
static void close_environment(store_t *store)
{
        if (store->view != NULL)
                environment_abort(store->view);
        store->view = NULL;
        store->viewing = false;
        environment_close(&store->environment);
}

void store_end_view(store_t *store)
{
        if (store->viewing && !environment_reset(store->view))
                store->view = NULL; /* lost with its environment, which the next write finds out */
        store->viewing = false;
}

int store_recreate(store_t *store)
{
        int error;

        close_environment(store);
        environment_remove(store->directory);
        error = store_open_environment(store);
        if (error == 0)
                store->recreated++;
        return error;
}

int store_recreate_smaller(store_t *store)
{
        size_t size = environment_file_size(&store->environment);

        store->room = size / 4 * 3 + 1;
        return store_recreate(store);
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

size_t store_bucket(uint64_t hash)
{
        return (hash ^ hash >> 16 ^ hash >> 32) % BATCH_BUCKETS;
}

void store_close(store_t *store)
{
        if (store == NULL)
                return;
        store_clear_batch(store);
        close_environment(store);
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
        MDB_stat stat, index;
        MDB_txn *txn;
        int error = mdb_txn_begin(store->environment.env, NULL, MDB_RDONLY, &txn);

        if (error != 0)
                return error;
        error = mdb_stat(txn, store->environment.entries, &stat);
        if (error == 0)
                error = mdb_stat(txn, store->environment.index, &index);
        mdb_txn_abort(txn);
        if (error != 0)
                return error;
        *pages = stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages +
                 index.ms_branch_pages + index.ms_leaf_pages + index.ms_overflow_pages;
        *entries = index.ms_entries;
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
            (environment_spoiled(&store->environment) || !guard_run(count, &counted)))
                counted.error = MDB_CORRUPTED;
        pthread_rwlock_unlock(&store->lock);
        statistics->entries = counted.entries;
        statistics->bytes_used = (uint64_t)counted.pages * counted.page_size;
        statistics->bytes_max = store->size;
        statistics->dropped = store->dropped;
        statistics->recreated = store->recreated;
        return store_errno(counted.error);
}
