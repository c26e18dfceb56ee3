/*
 * run.h - running another program and reading what it prints
 */
#ifndef TRUEFROM_CLI_DOCTOR_RUN_H
#define TRUEFROM_CLI_DOCTOR_RUN_H

#include <stddef.h>

#include "common/base/arena.h"

/** What a program printed; NUL-terminated, in the arena. */
typedef struct run_output {
        char *out; /**< its standard output */
        size_t out_len;
        char *err;  /**< its standard error, the first few KiB */
        int status; /**< its exit status; 128 and the signal's number when a signal ended it */
} run_output_t;

/**
 * Run a program, without a shell, with an empty standard input.
 * @param argv NULL-terminated; argv[0] is a name that is looked for in the usual sbin folders, then
 * in PATH
 * @param limit octets of standard output that are accepted
 * @param timeout_ms after this it is killed
 * @return 0, whatever its status; -ENOENT (no such program), -ETIMEDOUT, -E2BIG (over the limit),
 * -ENOMEM or another negative errno
 */
int run_program(arena_t *arena, const char *const argv[], size_t limit, int timeout_ms,
                run_output_t *output);

#endif
