/*
 * store.h - the state store: SPF results on their way from the policy service to the milter
 *
 * LMDB environment in StateDirectory. The policy service is the only writer; the milter reads.
 * Losing it costs nothing but repeated evaluations, so it is never synced to disk; a crash of
 * either daemon leaves it consistent. Bounded: entries expire after StateLifetime, and when the map
 * (StateSize) or the disk is full the oldest go first. A damaged store is recreated by the writer;
 * the reader notices that its file was replaced, and opens the new one. A process has at most one
 * store of a directory open at a time (LMDB's locks are the process').
 */
#ifndef TRUEFROM_STATE_STORE_H
#define TRUEFROM_STATE_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/state/entry.h"

/** Under which kind of key an entry stands. */
enum store_key {
        STORE_QUEUE_ID, /**< "q/" queue ID */
        STORE_INSTANCE, /**< "i/" policy instance */
        STORE_ENVELOPE  /**< "c/" hash of client address, port, helo, sender */
};

/** Room for any key text with NUL. Longer IDs are refused with -EINVAL. */
#define STORE_KEY_SIZE 128

/** Write the text of the STORE_ENVELOPE key: a 64-bit hash in hex; helo and sender in
 * policy-service form, taken without regard to case (whoever finds an entry compares it whole). */
void store_envelope_key(const address_t *client, uint16_t port, const char *helo,
                        const char *sender, char key[STORE_KEY_SIZE]);

typedef struct store_config {
        const char *directory;
        size_t size_bytes;
        int64_t lifetime; /**< seconds */
} store_config_t;

typedef struct store store_t;

/** Open for writing, creating or, when it is damaged, recreating it.
 * @return 0 and *store (store_close), or a negative errno */
int store_open_writer(const store_config_t *config, store_t **store);

/** Open for reading. The environment need not exist yet: store_get then answers -ENOENT and looks
 * again at most once a second. Thread-safe: store_get may be called from any thread.
 * @return 0 and *store, or -ENOMEM */
int store_open_reader(const store_config_t *config, store_t **store);

void store_close(store_t *store);

/** Change lifetime of a running store (reload). */
void store_set_lifetime(store_t *store, int64_t lifetime);

/**
 * Put one entry under a key, replacing what stands there. Collected in a transaction that
 * store_commit ends; one thread only.
 * @return 0, -EINVAL (key too long or empty), -E2BIG (entry too large), or another negative errno;
 * after an error the rest of the batch is still good
 */
int store_put(store_t *store, enum store_key kind, const char *key, const entry_t *entry);

/** Make all puts since the last commit visible to readers, in one commit (group commit). On a full
 * map or disk drops the oldest entries, and tries again. @return 0 or a negative errno: then none
 * of the batch is stored */
int store_commit(store_t *store);

/** Drop what is older than the lifetime, at most `limit` entries a call (0 = no bound). Writer
 * only, between batches. @return number dropped, or a negative errno */
int store_expire(store_t *store, int64_t now, size_t limit);

/**
 * Look an entry up. Writer: sees its own uncommitted puts.
 * @param now seconds since the epoch; older than the lifetime (or from the future by more than a
 * minute) counts as absent
 * @return 0 with *entry filled (memory: arena), -ENOENT, or another negative errno
 */
int store_get(store_t *store, enum store_key kind, const char *key, int64_t now, arena_t *arena,
              entry_t *entry);

/** Number of entries and bytes in use, for logs and metrics. */
typedef struct store_statistics {
        uint64_t entries;
        uint64_t bytes_used;
        uint64_t bytes_max;
        uint64_t dropped;   /**< writer: entries dropped before their time, for want of room */
        uint64_t recreated; /**< writer: times that a damaged store was replaced */
} store_statistics_t;
int store_statistics(store_t *store, store_statistics_t *statistics);

#endif
