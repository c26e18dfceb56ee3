/*
 * heads.h - the beginnings of the store's two files, which never change while they are used
 *
 * LMDB looks at them once, when it opens. Whoever writes over the files later leaves it with locks
 * that nobody holds and nobody gives back, and with numbers that lead out of the map. So they are
 * compared before each piece of work; no system call is needed for that. Internal to common/state.
 */
#ifndef TRUEFROM_STATE_HEADS_H
#define TRUEFROM_STATE_HEADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HEADS_LOCK_OCTETS 8  /* magic number and format of lock.mdb */
#define HEADS_META_OCTETS 24 /* number and kind of the page, magic number and format */

typedef struct heads {
        const uint8_t *lock, *data; /**< maps, NULL = none */
        size_t page_size;
        ino_t lock_inode;
        uint8_t lock_seen[HEADS_LOCK_OCTETS];
        uint8_t data_seen[2][HEADS_META_OCTETS]; /**< both meta pages */
} heads_t;

/** Map the beginning of lock.mdb. Before LMDB opens it, since to close any descriptor of that file
 * gives back the process's locks on it. @return 0 or a positive errno */
int heads_map_lock(heads_t *heads, const char *path);

/** Map the meta pages of data.mdb and note what both files begin with; LMDB has looked at them.
 * Under guard (guard.h). @return 0 or a positive errno */
int heads_note(heads_t *heads, const char *path, size_t page_size);

/** Whether the files begin as they did; also false when they were cut. Not under guard.
 * Thread-safe. */
bool heads_intact(const heads_t *heads);

/** Unmap; does nothing when nothing is mapped. */
void heads_release(heads_t *heads);

#endif
