/*
 * progress.h - a progress bar on standard error, when that is a terminal
 */
#ifndef TRUEFROM_CLI_PROGRESS_H
#define TRUEFROM_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct progress {
        bool shown; /**< standard error is a terminal */
} progress_t;

void progress_begin(progress_t *progress);

/** Draw anew. */
void progress_show(const progress_t *progress, size_t done, size_t total);

/** Take it from the screen. */
void progress_end(const progress_t *progress);

#endif
