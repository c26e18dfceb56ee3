/*
 * metrics.h - what truefrom-policyd counts, beside the families of both daemons
 */
#ifndef TRUEFROM_POLICYD_METRICS_H
#define TRUEFROM_POLICYD_METRICS_H

#include "common/app/monitor.h"

enum policyd_metric {
        POLICYD_REQUESTS = MONITOR_METRIC_COUNT, /**< by enum request_state and request_outcome */
        POLICYD_SPF_RESULTS,                     /**< by enum auth_result */
        POLICYD_REPLIES,                         /**< by enum reply_action */
        POLICYD_EVALUATION_SECONDS,              /**< by enum evaluation_way */
        POLICYD_EVALUATIONS_WAITING,
        POLICYD_EVALUATIONS_RUNNING,
        POLICYD_CONNECTIONS,
        POLICYD_COMMITS, /**< by enum commit_outcome */
        POLICYD_COMMIT_REQUESTS,
        POLICYD_STORE_ENTRIES,
        POLICYD_STORE_USED,
        POLICYD_STORE_MAX,
        POLICYD_STORE_DROPPED,
        POLICYD_STORE_RECREATED,
        POLICYD_METRIC_END
};

/** When Postfix asked: protocol_state. */
enum request_state { STATE_RCPT, STATE_DATA, STATE_END_OF_MESSAGE, STATE_OTHER, STATE_COUNT };

/** The number of a protocol_state's word. */
enum request_state request_state_of(const char *word);

/** What became of a request. */
enum request_outcome {
        OUTCOME_UNRELATED,     /**< no message whose SPF result could be wanted */
        OUTCOME_AUTHENTICATED, /**< the client is: not evaluated */
        OUTCOME_IGNORED,       /**< the client is in IgnoreHosts: not evaluated */
        OUTCOME_SAME_MESSAGE,  /**< an earlier request of this message had the result */
        OUTCOME_SAME_ENVELOPE, /**< an earlier message of this connection and envelope had it */
        OUTCOME_EVALUATED,
        OUTCOME_LEFT, /**< to the milter: too much at once, or memory was out */
        OUTCOME_COUNT
};

enum reply_action { REPLY_DUNNO, REPLY_PREPEND, REPLY_REJECT, REPLY_COUNT };

/** How an evaluation got its DNS answers: all from the cache, or in a thread that could wait. */
enum evaluation_way { EVALUATION_CACHED, EVALUATION_ASKED, EVALUATION_WAY_COUNT };

enum commit_outcome { COMMIT_DONE, COMMIT_FAILED, COMMIT_OUTCOME_COUNT };

/** The families from POLICYD_REQUESTS on. */
extern const metric_table_t policyd_metrics;

#endif
