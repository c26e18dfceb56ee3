/*
 * monitor.h - a daemon's metrics and the socket where they are read (MetricsSocket)
 *
 * Made before privileges are dropped, like all sockets; serves from monitor_start on. What both
 * daemons count stands in a table here, what only one does in a table of its own.
 */
#ifndef TRUEFROM_APP_MONITOR_H
#define TRUEFROM_APP_MONITOR_H

#include <sys/types.h>

#include "common/app/config.h"
#include "common/dns/resolver.h"
#include "common/metrics/metrics.h"

/** The families of both daemons; those of the program follow from MONITOR_METRIC_COUNT on. */
enum monitor_metric {
        MONITOR_DNS_QUESTIONS, /**< by enum dns_status, and whether it was cached */
        MONITOR_DNS_SECONDS,
        MONITOR_RELOADS, /**< by enum monitor_reload */
        MONITOR_CONFIG_LOADED,
        MONITOR_RELOAD_OK,
        MONITOR_START_TIME,
        MONITOR_CPU,
        MONITOR_MEMORY,
        MONITOR_DESCRIPTORS,
        MONITOR_DESCRIPTORS_MAX,
        MONITOR_METRIC_COUNT
};

enum monitor_reload { MONITOR_RELOAD_DONE, MONITOR_RELOAD_FAILED };

typedef struct monitor monitor_t;

typedef struct monitor_config {
        const char *program; /**< "truefrom-policyd"; a constant */
        const char *option;  /**< "policyd.MetricsSocket", for the log; a constant */
        const char *socket;  /**< its value: NULL = metrics are off */
        mode_t umask_bits;   /**< for the socket file */
        metric_table_t table;
} monitor_config_t;

/** Bring those figures up to date that are kept elsewhere. Called in the monitor's thread, before
 * the page is written. */
typedef void monitor_collect_fn(void *context, metrics_t *metrics);

/** Listen. @return 0 and *monitor (monitor_close), which is NULL when metrics are off; or a
 * negative errno after logging why */
int monitor_open(const monitor_config_t *config, monitor_t **monitor);

/** What to count in; NULL when metrics are off. */
metrics_t *monitor_metrics(const monitor_t *monitor);

/** Begin to answer, in a thread of its own. Nothing when metrics are off. @return 0, or a negative
 * errno after logging why */
int monitor_start(monitor_t *monitor, monitor_collect_fn *collect, void *context);

/** No more answers: the socket file is removed and `collect` is not called any more. What counts
 * may go on. NULL is fine. */
void monitor_stop(monitor_t *monitor);

/** Stop, and free all. Nobody may count any more. NULL is fine. */
void monitor_close(monitor_t *monitor);

/** A configuration is in use from now on. @param metrics NULL = none */
void monitor_config_loaded(metrics_t *metrics, const config_t *config);

/** A reload has ended; `done`: with a new configuration. @param metrics NULL = none */
void monitor_reloaded(metrics_t *metrics, bool done);

/** A dns_observer_fn that counts each answer. @param metrics a metrics_t */
void monitor_observe_dns(void *metrics, const dns_event_t *event);

/** At a reload: a warning when the option has changed, which takes a restart. NULL = unset. */
void monitor_warn_changed(const char *option, const char *old, const char *new);

#endif
