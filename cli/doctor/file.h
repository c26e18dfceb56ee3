/*
 * file.h - a file's text, bounded
 */
#ifndef TRUEFROM_CLI_DOCTOR_FILE_H
#define TRUEFROM_CLI_DOCTOR_FILE_H

#include <stddef.h>

#include "common/base/arena.h"

/** Read a regular file whole. @return 0 and *text (NUL-terminated, in the arena), or a negative
 * errno; -EFBIG when it has more than `limit` octets, -EINVAL when it is no regular file */
int file_read(arena_t *arena, const char *path, size_t limit, char **text);

/** Read the end of a regular file: at most `limit` octets, from the start of a line. As above, but
 * that a larger one is no error. */
int file_read_end(arena_t *arena, const char *path, size_t limit, char **text);

#endif
