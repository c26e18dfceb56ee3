/*
 * results.h - the words that reach headers, logs and the store, each in one table
 */
#ifndef TRUEFROM_BASE_RESULTS_H
#define TRUEFROM_BASE_RESULTS_H

#include <stdbool.h>
#include <stddef.h>

/** Results of SPF, DKIM and DMARC (RFC 8601 2.7; RFC 7208 2.6; RFC 9989 Table 4). The numbers are
 * written into the state store: add at the end only. */
enum auth_result {
        AUTH_NONE,
        AUTH_NEUTRAL,
        AUTH_PASS,
        AUTH_FAIL,
        AUTH_SOFTFAIL,
        AUTH_POLICY,
        AUTH_TEMPERROR,
        AUTH_PERMERROR,
        AUTH_RESULT_COUNT
};

/** The lower-case word of RFC 8601 ("pass"); "unknown" for a value out of range. */
const char *auth_result_name(enum auth_result result);

/** Find a result by its word, without regard to case.
 * @return true and *result set, or false when there is no such word */
bool auth_result_parse(const char *word, size_t len, enum auth_result *result);

/** A policy of a DMARC Policy Record (RFC 9989 4.7, tags p, sp and np). */
enum dmarc_policy { DMARC_POLICY_NONE, DMARC_POLICY_QUARANTINE, DMARC_POLICY_REJECT };

/** "none", "quarantine" or "reject". */
const char *dmarc_policy_name(enum dmarc_policy policy);

#endif
