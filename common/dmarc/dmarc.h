/*
 * dmarc.h - DMARC evaluation of one author domain (RFC 9989 4.4, 4.10.1, 5.3)
 *
 * Pure: asks the DNS only through the caller's callback; every name at most once, however many
 * walks pass it.
 */
#ifndef TRUEFROM_DMARC_DMARC_H
#define TRUEFROM_DMARC_DMARC_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/results.h"
#include "common/dmarc/discover.h"

#define DMARC_IDENTIFIERS_MAX 10 /**< distinct identifiers walked for one message */

/** One authenticated identifier candidate: SPF Domain or d= with the result of its method. */
typedef struct dmarc_identifier {
        enum auth_result result;
        const char *domain; /**< normalized; NULL = unknown, cannot align */
} dmarc_identifier_t;

typedef struct dmarc_input {
        const char *author_domain;      /**< normalized */
        dmarc_identifier_t spf;         /**< MAIL FROM identity (HELO only for the null sender) */
        const dmarc_identifier_t *dkim; /**< every signature's result */
        size_t dkim_count;
} dmarc_input_t;

typedef struct dmarc_outcome {
        enum auth_result result;     /**< pass, fail, none, temperror, permerror */
        const char *org_domain;      /**< of the author domain; NULL when it was not determined */
        const char *policy_domain;   /**< where the applied record was found; NULL = none */
        bool has_policy;             /**< the two below are set */
        enum dmarc_policy policy;    /**< after p/sp/np, before t */
        enum dmarc_policy evaluated; /**< after t */
        const char *policy_tag;      /**< "p", "sp" or "np", whichever `policy` is from; NULL when
                                          it is none for want of a valid one */
        enum dmarc_policy possible;  /**< of a temperror: the strictest that may turn out to apply,
                                        as  far as records were found; after t */
        bool only_top_level_failed;  /**< of a temperror: no record was found, and no query failed
                                          but that at the top level */
        bool author_exists;       /**< false only when it was asked and the answer was NXDOMAIN */
        bool spf_aligned;         /**< SPF passed and is aligned */
        bool spf_open;            /**< SPF passed, and the DNS did not tell whether it is aligned */
        const bool *dkim_aligned; /**< per signature, the same; NULL when nobody looked */
        const bool *dkim_open;
        const dmarc_record_t *record; /**< the applied record, or NULL */
        const char *reason;           /**< constant text: why this result, for people */
} dmarc_outcome_t;

/**
 * Evaluate.
 * @param out filled in; its memory is the arena's or the input's
 * @return 0 or -ENOMEM
 */
int dmarc_evaluate(arena_t *arena, const dmarc_dns_t *dns, const dmarc_input_t *input,
                   dmarc_outcome_t *out);

#endif
