/*
 * exposition.h - reads Prometheus' text format 0.0.4, as far as our daemons write it
 *
 * Stricter than the format: label values are printable ASCII without "\" and quotes, numbers are
 * decimal and finite, there are no timestamps. Whoever else answers on a socket is refused.
 */
#ifndef TRUEFROM_CLI_EXPOSITION_H
#define TRUEFROM_CLI_EXPOSITION_H

#include <stddef.h>

#include "common/base/arena.h"

#define SAMPLE_LABELS_MAX 4
#define SAMPLES_MAX       10000

typedef struct sample_label {
        const char *name;
        const char *value;
} sample_label_t;

/** One line that is no comment. */
typedef struct sample {
        const char *name;
        sample_label_t labels[SAMPLE_LABELS_MAX];
        unsigned label_count;
        double value;
} sample_t;

typedef struct exposition {
        const sample_t *samples;
        size_t count;
} exposition_t;

/**
 * @param out its memory is the arena's
 * @param line set to the number of the line at fault, from 1
 * @return 0, -EBADMSG when a line is not in the format, -E2BIG for more than SAMPLES_MAX samples,
 * or -ENOMEM
 */
int exposition_parse(arena_t *arena, const char *text, size_t len, exposition_t *out,
                     unsigned *line);

/** The value of a label, or NULL when the sample does not have it. */
const char *sample_label(const sample_t *sample, const char *name);

#endif
