/*
 * summary.h - what is worth telling of a daemon's metrics
 *
 * One table a daemon names the figures, for people and for programs: stats_summary makes an object
 * of them, which "truefrom stats --json" prints as it is, and stats_page for people.
 */
#ifndef TRUEFROM_CLI_STATS_SUMMARY_H
#define TRUEFROM_CLI_STATS_SUMMARY_H

#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "cli/stats/exposition.h"

enum stats_kind {
        STATS_SHARES, /**< counts by label: [{LABEL: VALUE, …, "count": N}, …] */
        STATS_TIME,   /**< a histogram of seconds: {"count", "mean", "p50", "p99"}; null = no
                           observation, or above all bounds */
        STATS_NUMBER, /**< a number */
        STATS_FILL    /**< octets in use, of so many: {"used", "max"} */
};

typedef struct stats_row {
        const char *key;   /**< in the object */
        const char *title; /**< for people */
        enum stats_kind kind;
        const char *metric;
        const char *label; /**< SHARES: count by this label only, NULL = by all; TIME: only of
                              series with this label, NULL = all */
        const char *value; /**< TIME: … and this value of it */
        const char *of;    /**< FILL: the metric with the most that there may be */
} stats_row_t;

/** The rows of a program, up to one without a key; NULL for a program that is none of ours. */
const stats_row_t *stats_rows(const char *program);

/**
 * @param now seconds since the epoch
 * @return an object with "program", "version", "uptime", "config_loaded" (when the
 * file of the configuration in use was read), "last_reload_successful" and the rows' keys
 * (json_decref); NULL when the page is none of our daemons', or memory is out
 */
json_t *stats_summary(const exposition_t *page, int64_t now);

/** Write a summary for people. @param endpoint where it is from */
void stats_page(const json_t *summary, const char *endpoint, FILE *out);

#endif
