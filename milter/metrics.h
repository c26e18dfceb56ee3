/*
 * metrics.h - what truefrom-milter counts, beside the families of both daemons
 */
#ifndef TRUEFROM_MILTER_METRICS_H
#define TRUEFROM_MILTER_METRICS_H

#include "common/app/monitor.h"

enum milter_metric {
        MILTER_MESSAGES = MONITOR_METRIC_COUNT, /**< by enum auth_result and message_disposition */
        MILTER_IGNORED,                         /**< by enum ignored_why */
        MILTER_REFUSED,                         /**< by enum refused_why */
        MILTER_JOINS,                           /**< by enum join_source */
        MILTER_EVALUATION_SECONDS,
        MILTER_FIELDS_REMOVED,
        MILTER_CONNECTIONS,
        MILTER_IN_FLIGHT,
        MILTER_METRIC_END
};

/** What was done to a message that has a DMARC result: as disposition= in the log. */
enum message_disposition {
        DISPOSITION_NONE, /**< the first three as enum dmarc_policy */
        DISPOSITION_QUARANTINE,
        DISPOSITION_REJECT,
        DISPOSITION_TEMPFAIL,
        DISPOSITION_COUNT
};

/** Why a message was let through without a verdict. */
enum ignored_why {
        IGNORED_AUTHENTICATED, /**< IgnoreAuthenticatedClients */
        IGNORED_HOST,          /**< IgnoreHosts */
        IGNORED_MAIL_FROM,     /**< IgnoreMailFrom */
        IGNORED_WHY_COUNT
};

/** Why a message was refused without a verdict. */
enum refused_why {
        REFUSED_NONCONFORMING, /**< RequiredHeaders */
        REFUSED_ERROR,         /**< memory was out: for now */
        REFUSED_WHY_COUNT
};

/** The families from MILTER_MESSAGES on. */
extern const metric_table_t milter_metrics;

#endif
