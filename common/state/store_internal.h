/*
 * store_internal.h - what the files of the state store share: store.c opens and closes it,
 * store_write.c is the writer's part, store_read.c the look-ups. Not for anyone else.
 */
#ifndef TRUEFROM_STATE_STORE_INTERNAL_H
#define TRUEFROM_STATE_STORE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/state/environment.h"
#include "common/state/store.h"

#define SEQUENCE_OCTETS 8
#define MICROSECONDS    1000000
#define BATCH_BUCKETS   256

/* One put that waits for the commit. */
struct item {
        struct item *next;
        struct item *older; /* of the same bucket */
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
        size_t pending;                      /* items */
        struct item *buckets[BATCH_BUCKETS]; /* the same items, to be found by key */
        bool looked_over;                    /* since the last commit: is the file cut? */
        uint64_t sequence;                   /* the last one given */
        uint64_t dropped, recreated;
};

/** LMDB's error as a negative errno. */
int store_errno(int error);

/** The sequence number that a value of the entries, or a key of the order, begins with. */
uint64_t store_sequence(const uint8_t *at);

/** The key of an entry. @return 0 or -EINVAL */
int store_make_key(enum store_key kind, const char *id, char key[STORE_KEY_SIZE + 2]);

/** Writer: open the environment, or make it anew when it is damaged. @return 0 or LMDB's error */
int store_open_environment(store_t *store);
int store_recreate(store_t *store);

/** Pages and entries in use. @return 0 or LMDB's error */
int store_count_pages(store_t *store, size_t *pages, size_t *entries, size_t *page_size);

/** Which bucket of the batch a key belongs to. */
size_t store_bucket(const char *key);

/** Forget the puts that wait for a commit. */
void store_clear_batch(store_t *store);

#endif
