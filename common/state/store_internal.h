/*
 * store_internal.h - what the files of the state store share: store.c opens and closes it,
 * store_write.c is the writer's part, store_read.c the look-ups. Not for anyone else.
 */
#ifndef TRUEFROM_STATE_STORE_INTERNAL_H
#define TRUEFROM_STATE_STORE_INTERNAL_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/state/environment.h"
#include "common/state/store.h"

#define HASH_OCTETS   8
#define MICROSECONDS  1000000
#define BATCH_BUCKETS 256

/* One put that waits for the commit. */
struct item {
        struct item *next;
        struct item *older; /* of the same bucket */
        uint64_t hash, sequence;
        size_t len;
        uint8_t value[]; /* the hash, then the encoded entry */
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
        size_t pending;                      /* items */
        struct item *buckets[BATCH_BUCKETS]; /* the same items, to be found by key */
        bool looked_over;                    /* since the last commit: is the file cut? */
        MDB_txn *view;     /* of look-ups, until the next write; NULL = none yet */
        bool viewing;      /* it is in use, not reset */
        uint64_t sequence; /* the last one given */
        uint64_t dropped, recreated;
        size_t room; /* what of `size` the file system has for the file; 0 = all of it */
};

/** LMDB's error as a negative errno. */
int store_errno(int error);

/** A number that LMDB gave; its octets need not be aligned. */
uint64_t store_number(const void *at);

/** The hash that an entry is found by. Whoever finds one compares it whole, so that a collision
 * costs one evaluation. @return 0 or -EINVAL */
int store_hash_key(enum store_key kind, const char *id, uint64_t *hash);

/** Writer: open the environment, or make it anew when it is damaged. @return 0 or LMDB's error */
int store_open_environment(store_t *store);
int store_recreate(store_t *store);

/** The same when the file system is full: what is there goes, as nothing can be deleted without
 * room, and the new one is kept small enough to drop its oldest entries later. */
int store_recreate_smaller(store_t *store);

/** Pages and entries in use. @return 0 or LMDB's error */
int store_count_pages(store_t *store, size_t *pages, size_t *entries, size_t *page_size);

/** Which bucket of the batch a key belongs to. */
size_t store_bucket(uint64_t hash);

/** Writer: look-ups up to now share one view of the store, which would keep the pages of a write
 * from being used again. Before each write. */
void store_end_view(store_t *store);

/** Forget the puts that wait for a commit. */
void store_clear_batch(store_t *store);

#endif
