/*
 * last_error.h - what a daemon said last before it ended
 */
#ifndef TRUEFROM_CLI_DOCTOR_LAST_ERROR_H
#define TRUEFROM_CLI_DOCTOR_LAST_ERROR_H

#include "common/base/arena.h"

/** The last line at error or fatal, without its head and cut to a size to show, of the daemon's
 * last process in a mail log's text. Pure. NULL when there is none, or memory is out. */
const char *last_error_find(arena_t *arena, const char *text, const char *daemon);

#endif
