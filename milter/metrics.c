#include "milter/metrics.h"

#include "common/base/results.h"
#include "milter/join.h"

#define MICROSECONDS 1000000
#define FIRST        MILTER_MESSAGES

_Static_assert((int)DISPOSITION_NONE == DMARC_POLICY_NONE &&
                   (int)DISPOSITION_QUARANTINE == DMARC_POLICY_QUARANTINE &&
                   (int)DISPOSITION_REJECT == DMARC_POLICY_REJECT,
               "dispositions are counted by policy");

/* RFC 9989 Table 4 */
static const char *result_word(unsigned number)
{
        switch (number) {
        case AUTH_NONE:
        case AUTH_PASS:
        case AUTH_FAIL:
        case AUTH_TEMPERROR:
        case AUTH_PERMERROR:
                return auth_result_name((enum auth_result)number);
        default:
                return NULL;
        }
}

static const char *disposition_word(unsigned number)
{
        return number != DISPOSITION_TEMPFAIL ? dmarc_policy_name((enum dmarc_policy)number)
                                              : "tempfail";
}

static const char *ignored_word(unsigned number)
{
        static const char *const words[IGNORED_WHY_COUNT] = {
            [IGNORED_AUTHENTICATED] = "authenticated",
            [IGNORED_HOST] = "host",
            [IGNORED_MAIL_FROM] = "mail_from",
        };

        return words[number];
}

static const char *refused_word(unsigned number)
{
        return number == REFUSED_NONCONFORMING ? "nonconforming" : "error";
}

static const char *join_word(unsigned number)
{
        return join_source_name((enum join_source)number);
}

static const metric_family_t families[MILTER_METRIC_END - FIRST] = {
    [MILTER_MESSAGES - FIRST] = {.name = "truefrom_milter_messages_total",
                                 .help =
                                     "Messages with a verdict, by DMARC result and disposition.",
                                 .type = METRIC_COUNTER,
                                 .labels = {{"result", result_word, AUTH_RESULT_COUNT},
                                            {"disposition", disposition_word, DISPOSITION_COUNT}}},
    [MILTER_IGNORED - FIRST] = {.name = "truefrom_milter_ignored_total",
                                .help = "Messages let through without a verdict, by why.",
                                .type = METRIC_COUNTER,
                                .labels = {{"why", ignored_word, IGNORED_WHY_COUNT}}},
    [MILTER_REFUSED - FIRST] = {.name = "truefrom_milter_refused_total",
                                .help = "Messages refused without a verdict, by why.",
                                .type = METRIC_COUNTER,
                                .labels = {{"why", refused_word, REFUSED_WHY_COUNT}}},
    [MILTER_JOINS -
        FIRST] = {.name = "truefrom_milter_joins_total",
                  .help = "Messages with a verdict, by where their SPF result came from.",
                  .type = METRIC_COUNTER,
                  .labels = {{"kind", join_word, JOIN_SOURCE_COUNT}}},
    [MILTER_EVALUATION_SECONDS - FIRST] = {.name = "truefrom_milter_evaluation_seconds",
                                           .help =
                                               "Time of a decision at the end of a message, with "
                                               "its waits for the DNS.",
                                           .type = METRIC_HISTOGRAM,
                                           .scale = MICROSECONDS,
                                           .bounds = &metric_bounds_time},
    [MILTER_FIELDS_REMOVED - FIRST] = {.name = "truefrom_milter_fields_removed_total",
                                       .help =
                                           "Authentication-Results fields removed, which bore our "
                                           "name.",
                                       .type = METRIC_COUNTER},
    [MILTER_CONNECTIONS - FIRST] = {.name = "truefrom_milter_connections",
                                    .help = "Open connections of Postfix.",
                                    .type = METRIC_GAUGE},
    [MILTER_IN_FLIGHT - FIRST] = {.name = "truefrom_milter_messages_in_flight",
                                  .help = "Messages that have begun and not ended.",
                                  .type = METRIC_GAUGE},
};

const metric_table_t milter_metrics = {families, MILTER_METRIC_END - FIRST};
