/*
 * ignore.h - lines of an IgnoreHosts file that Truefrom reads otherwise than OpenDMARC, or
 * not
 *
 * OpenDMARC compares text: each form in which the client's address or a block around it can be
 * written, with the first word of each line. Pure: no I/O.
 */
#ifndef TRUEFROM_CLI_MIGRATE_IGNORE_H
#define TRUEFROM_CLI_MIGRATE_IGNORE_H

#include <stddef.h>

/** Called for each such line; `message` says what differs, and what to do. */
typedef void migrate_ignore_fn(void *context, unsigned line, const char *message);

/** Look at a file's text, which may hold anything. For each such line `tell` is called once. */
void migrate_ignore_check(const char *text, size_t len, migrate_ignore_fn *tell, void *context);

#endif
