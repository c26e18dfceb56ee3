/*
 * metrics_internal.h - how a registry lies in memory; for metrics.c and exposition.c
 */
#ifndef TRUEFROM_METRICS_METRICS_INTERNAL_H
#define TRUEFROM_METRICS_METRICS_INTERNAL_H

#include <stdatomic.h>

#include "common/metrics/metrics.h"

typedef _Atomic int64_t metric_cell_t;

/** A family and its cells: series after series, in the order of the labels' numbers. A counter or
 * gauge has one; a histogram one for each bucket (not cumulated), one for what is larger, and
 * last the sum of all observations. */
typedef struct placed_family {
        const metric_family_t *family;
        size_t first_cell;
        unsigned series;
        unsigned cells_of_series;
        uint8_t
            first_bucket[65]; /**< by a value's number of bits: where its bucket is looked for */
} placed_family_t;

struct metrics {
        placed_family_t *families;
        unsigned count;
        metric_cell_t *cells;
};

#endif
