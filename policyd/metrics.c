#include "policyd/metrics.h"

#include <string.h>

#include "common/base/results.h"

#define MICROSECONDS 1000000
#define FIRST        POLICYD_REQUESTS

enum request_state request_state_of(const char *word)
{
        if (strcmp(word, "RCPT") == 0)
                return STATE_RCPT;
        if (strcmp(word, "DATA") == 0)
                return STATE_DATA;
        return strcmp(word, "END-OF-MESSAGE") == 0 ? STATE_END_OF_MESSAGE : STATE_OTHER;
}

static const char *state_word(unsigned number)
{
        static const char *const words[STATE_COUNT] = {
            [STATE_RCPT] = "rcpt",
            [STATE_DATA] = "data",
            [STATE_END_OF_MESSAGE] = "end_of_message",
            [STATE_OTHER] = "other",
        };

        return words[number];
}

static const char *outcome_word(unsigned number)
{
        static const char *const words[OUTCOME_COUNT] = {
            [OUTCOME_UNRELATED] = "unrelated",
            [OUTCOME_AUTHENTICATED] = "authenticated",
            [OUTCOME_IGNORED] = "ignored",
            [OUTCOME_SAME_MESSAGE] = "same_message",
            [OUTCOME_SAME_ENVELOPE] = "same_envelope",
            [OUTCOME_EVALUATED] = "evaluated",
            [OUTCOME_LEFT] = "left_to_milter",
        };

        return words[number];
}

/* "policy" is no result of SPF. */
static const char *spf_word(unsigned number)
{
        return number != AUTH_POLICY ? auth_result_name((enum auth_result)number) : NULL;
}

static const char *reply_word(unsigned number)
{
        static const char *const words[REPLY_COUNT] = {
            [REPLY_DUNNO] = "dunno",
            [REPLY_PREPEND] = "prepend",
            [REPLY_REJECT] = "reject",
        };

        return words[number];
}

static const char *way_word(unsigned number)
{
        return number == EVALUATION_CACHED ? "cached" : "asked";
}

static const char *commit_word(unsigned number)
{
        return number == COMMIT_DONE ? "done" : "failed";
}

static const metric_family_t families[POLICYD_METRIC_END - FIRST] = {
    [POLICYD_REQUESTS - FIRST] = {.name = "truefrom_policyd_requests_total",
                                  .help = "Policy requests, by protocol state and what became of "
                                          "them.",
                                  .type = METRIC_COUNTER,
                                  .labels = {{"state", state_word, STATE_COUNT},
                                             {"outcome", outcome_word, OUTCOME_COUNT}}},
    [POLICYD_SPF_RESULTS - FIRST] = {.name = "truefrom_policyd_spf_results_total",
                                     .help = "SPF evaluations, by result.",
                                     .type = METRIC_COUNTER,
                                     .labels = {{"result", spf_word, AUTH_RESULT_COUNT}}},
    [POLICYD_REPLIES - FIRST] = {.name = "truefrom_policyd_replies_total",
                                 .help = "Replies to policy requests, by action.",
                                 .type = METRIC_COUNTER,
                                 .labels = {{"action", reply_word, REPLY_COUNT}}},
    [POLICYD_EVALUATION_SECONDS - FIRST] = {.name = "truefrom_policyd_evaluation_seconds",
                                            .help = "Time of an SPF evaluation with its wait for a "
                                                    "thread, by whether the DNS was asked.",
                                            .type = METRIC_HISTOGRAM,
                                            .scale = MICROSECONDS,
                                            .labels = {{"dns", way_word, EVALUATION_WAY_COUNT}},
                                            .bounds = &metric_bounds_time},
    [POLICYD_EVALUATIONS_WAITING - FIRST] = {.name = "truefrom_policyd_evaluations_waiting",
                                             .help = "SPF evaluations that wait for a thread.",
                                             .type = METRIC_GAUGE},
    [POLICYD_EVALUATIONS_RUNNING - FIRST] = {.name = "truefrom_policyd_evaluations_running",
                                             .help = "SPF evaluations in a thread.",
                                             .type = METRIC_GAUGE},
    [POLICYD_CONNECTIONS - FIRST] = {.name = "truefrom_policyd_connections",
                                     .help = "Open connections of policy clients.",
                                     .type = METRIC_GAUGE},
    [POLICYD_COMMITS - FIRST] = {.name = "truefrom_policyd_store_commits_total",
                                 .help = "Commits to the store, by outcome.",
                                 .type = METRIC_COUNTER,
                                 .labels = {{"outcome", commit_word, COMMIT_OUTCOME_COUNT}}},
    [POLICYD_COMMIT_REQUESTS - FIRST] = {.name = "truefrom_policyd_store_commit_requests",
                                         .help = "Requests that shared a commit.",
                                         .type = METRIC_HISTOGRAM,
                                         .bounds = &metric_bounds_number},
    [POLICYD_STORE_ENTRIES - FIRST] = {.name = "truefrom_policyd_store_entries",
                                       .help = "Entries in the store.",
                                       .type = METRIC_GAUGE},
    [POLICYD_STORE_USED - FIRST] = {.name = "truefrom_policyd_store_used_bytes",
                                    .help = "Octets of the store that are in use.",
                                    .type = METRIC_GAUGE},
    [POLICYD_STORE_MAX - FIRST] = {.name = "truefrom_policyd_store_max_bytes",
                                   .help = "Octets of the store (StateSize).",
                                   .type = METRIC_GAUGE},
    [POLICYD_STORE_DROPPED - FIRST] = {.name = "truefrom_policyd_store_dropped_total",
                                       .help = "Entries dropped before their time, because the "
                                               "store was full.",
                                       .type = METRIC_COUNTER},
    [POLICYD_STORE_RECREATED - FIRST] = {.name = "truefrom_policyd_store_recreated_total",
                                         .help = "Times that a damaged store was made anew.",
                                         .type = METRIC_COUNTER},
};

const metric_table_t policyd_metrics = {families, POLICYD_METRIC_END - FIRST};
