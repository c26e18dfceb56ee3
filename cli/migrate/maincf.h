/*
 * maincf.h - what Postfix needs in the place of OpenDMARC, as parameters with their whole values
 *
 * Pure: the host's configuration comes from the caller. Values are in the arena.
 */
#ifndef TRUEFROM_CLI_MIGRATE_MAINCF_H
#define TRUEFROM_CLI_MIGRATE_MAINCF_H

#include <stddef.h>

#include "cli/doctor/postfix.h"
#include "common/base/arena.h"

/** One parameter to set. */
typedef struct maincf_line {
        const char *service; /**< of master.cf ("submission/inet"), or NULL: main.cf */
        const char *name;
        const char *value;
} maincf_line_t;

typedef struct maincf {
        maincf_line_t *lines;
        size_t count, room;
} maincf_t;

/**
 * The lines that attach Truefrom and detach OpenDMARC.
 * @param postfix what the host has; NULL = not known: the documented lines
 * @param theirs where OpenDMARC listens, in the form of our Socket; NULL = by its name alone
 * @param ours milter.Socket, as Postfix names it
 * @return 0 or -ENOMEM
 */
int maincf_make(arena_t *arena, const postfix_t *postfix, const char *theirs, const char *ours,
                maincf_t *result);

#endif
