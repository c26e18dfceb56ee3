/*
 * environment.h - opening and checking the LMDB environment; internal to common/state
 */
#ifndef TRUEFROM_STATE_ENVIRONMENT_H
#define TRUEFROM_STATE_ENVIRONMENT_H

#include <lmdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/state/heads.h"

/**
 * An open environment. `env` NULL = closed. Keys and sequences are numbers of 64 bits in the
 * machine's own order (MDB_INTEGERKEY). Entries are appended, and go from the other end, so that
 * neighbours in time are neighbours in pages; only the small index is written here and there.
 */
typedef struct environment {
        MDB_env *env;
        MDB_dbi entries; /**< sequence -> hash of the key, encoded entry: in the order of time */
        MDB_dbi index;   /**< hash of the key -> sequence of its newest entry */
        dev_t device;    /**< which files they are, to notice that they were replaced */
        ino_t inode, lock_inode;
        heads_t heads;
        _Atomic int64_t octets; /**< the most that the file was seen to have: it only grows */
} environment_t;

/** Open for writing, making directory and files. Under guard (guard.h).
 * @return 0, an LMDB error or an errno (positive) */
int environment_open_writer(environment_t *environment, const char *directory, size_t size);

/** Open for reading what is there. Under guard. @return as above; ENOENT when there is none yet */
int environment_open_reader(environment_t *environment, const char *directory);

/** Close; does nothing when it is closed. What cannot be closed, because lock.mdb was cut under the
 * map of it, is left behind. */
void environment_close(environment_t *environment);

/** Forget it after the guard was left by a jump: half open, or with locks that nobody gives back.
 */
void environment_abandon(environment_t *environment);

/** End a transaction for good, or let it go until it is renewed. @return false when it was left in
 * the middle, see guard.h: the environment is to be closed then */
bool environment_abort(MDB_txn *txn);
bool environment_reset(MDB_txn *txn);

/** Octets of the file; 0 when that cannot be told. */
size_t environment_file_size(const environment_t *environment);

/** Remove the files of a damaged environment; what is no file is put aside under another name. */
void environment_remove(const char *directory);

/** True when the files on disk are no longer those that are open. */
bool environment_replaced(const environment_t *environment, const char *directory);

/** True when a file has become shorter under us, or was written over from its beginning: nothing in
 * the maps can be trusted then. Before each transaction, not under guard. Thread-safe. */
bool environment_spoiled(environment_t *environment);

/** True for errors that say that the files are damaged, not that the system is short of
 * something. */
bool environment_damaged(int error);

#endif
