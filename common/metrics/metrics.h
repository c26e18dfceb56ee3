/*
 * metrics.h - counters, gauges and histograms, and their text for Prometheus
 *
 * What there is to count stands in constant tables; so no word from the network can become a name
 * or a label. Counting takes a relaxed atomic addition or two and no lock. Any thread may count and
 * any may write the text at the same time; figures that belong together may then be one event
 * apart, but each is exact. A NULL registry counts nothing: metrics are off.
 */
#ifndef TRUEFROM_METRICS_METRICS_H
#define TRUEFROM_METRICS_METRICS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define METRIC_LABELS_MAX 2
#define METRIC_BOUNDS_MAX 24

enum metric_type {
        METRIC_COUNTER,
        METRIC_GAUGE,
        METRIC_HISTOGRAM /**< at most one label */
};

/** A label's value for one of the numbers below metric_label_t.count; NULL = there is no such
 * series. Lower-case letters, digits and "_" only. */
typedef const char *metric_word_fn(unsigned number);

typedef struct metric_label {
        const char *name;
        metric_word_fn *word;
        unsigned count;
} metric_label_t;

/** The upper bounds of a histogram's buckets, in units, ascending, each at least twice the one
 * before; the bucket of all that is larger comes by itself. */
typedef struct metric_bounds {
        uint64_t values[METRIC_BOUNDS_MAX];
        unsigned count;
} metric_bounds_t;

/** One row of a table. */
typedef struct metric_family {
        const char *name; /**< by Prometheus' conventions */
        const char *help; /**< one line; neither "\\" nor control characters */
        enum metric_type type;
        unsigned scale; /**< units that are counted for each one that is told: 1000000 for a time in
                             microseconds that is told in seconds; a power of ten, 0 = 1 */
        metric_label_t labels[METRIC_LABELS_MAX]; /**< those that have a name */
        const metric_bounds_t *bounds;            /**< HISTOGRAM */
} metric_family_t;

/** Microseconds, from 10 to 20 seconds: for evaluations and for DNS answers. */
extern const metric_bounds_t metric_bounds_time;

/** Numbers of things, from 1 to 512. */
extern const metric_bounds_t metric_bounds_number;

typedef struct metric_table {
        const metric_family_t *families;
        unsigned count;
} metric_table_t;

typedef struct metrics metrics_t;

/** A registry of the families of these tables, all at zero. A family is named by its number: its
 * index in its table, plus the counts of the tables before.
 * @param tables their families must outlive the registry
 * @return the registry (metrics_free), or NULL when memory is out */
metrics_t *metrics_create(const metric_table_t *tables, unsigned count);

/** NULL is fine. */
void metrics_free(metrics_t *metrics);

/** Add to the counter or gauge of the label values with these numbers (0 for a label that the
 * family does not have). What is out of range is not counted. */
void metrics_add(metrics_t *metrics, unsigned family, unsigned first, unsigned second,
                 int64_t units);

/** Set a gauge, or a counter that is kept elsewhere; of a family without labels. */
void metrics_set(metrics_t *metrics, unsigned family, int64_t units);

/** Put one observation into a histogram. */
void metrics_observe(metrics_t *metrics, unsigned family, unsigned first, int64_t units);

/** Microseconds of CLOCK_MONOTONIC, to time what is observed; 0, without reading the clock, when
 * metrics are off. */
int64_t metrics_clock_us(const metrics_t *metrics);

/** Write all figures in Prometheus' text format 0.0.4. */
void metrics_write(const metrics_t *metrics, FILE *out);

#endif
