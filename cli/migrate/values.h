/*
 * values.h - values of opendmarc.conf in the forms that truefrom.conf has
 *
 * Pure: no I/O. Whatever is made lives in the arena; NULL stands for no memory where nothing else
 * is said.
 */
#ifndef TRUEFROM_CLI_MIGRATE_VALUES_H
#define TRUEFROM_CLI_MIGRATE_VALUES_H

#include <stddef.h>

#include "common/base/arena.h"

/** `path` itself when it is absolute, else below `directory`. */
const char *migrate_path(arena_t *arena, const char *directory, const char *path);

/**
 * The members of a list: separated by commas, each up to its first white space, none empty.
 * @return the members, of which *count is the number
 */
const char **migrate_list(arena_t *arena, const char *value, size_t *count);

/**
 * A socket as libmilter reads it ("local:PATH", "unix:PATH", a PATH alone, "inet:PORT@HOST",
 * "inet6:PORT@[HOST]", the prefix in any case) in the form of our Socket, not yet checked.
 * @param root the directory that OpenDMARC makes its root, and in which a path lies; NULL = none
 * @param directory what a relative path begins at
 */
const char *migrate_socket(arena_t *arena, const char *value, const char *root,
                           const char *directory);

/** One of our sockets as Postfix names it in smtpd_milters. */
const char *migrate_postfix_socket(arena_t *arena, const char *socket);

#endif
