/*
 * evaluate.h - from what was authenticated to the verdict on one message
 *
 * Puts the author domains of a message and its SPF and DKIM results through the DMARC core, with
 * the DNS behind it, and settles what the receiver should do. Does not know Postfix or libmilter.
 */
#ifndef TRUEFROM_AUTH_EVALUATE_H
#define TRUEFROM_AUTH_EVALUATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/results.h"
#include "common/dmarc/dmarc.h"
#include "common/dns/resolver.h"
#include "common/mail/from.h"

/** What is known of one message. Domains are normalized. */
typedef struct evaluation_input {
        const from_author_t *author;
        dmarc_identifier_t spf; /**< domain NULL when there is no SPF result that counts */
        const dmarc_identifier_t *dkim;
        size_t dkim_count;
} evaluation_input_t;

/** What should become of the message, before the operator's settings (contract 7). */
enum verdict {
        VERDICT_ACCEPT,
        VERDICT_QUARANTINE,
        VERDICT_REJECT,
        VERDICT_OPEN,       /**< the DNS left it open; no policy was found */
        VERDICT_OPEN_STRICT /**< the same, but a policy of quarantine or reject was found */
};

/** One author domain's part in it. */
typedef struct evaluated_domain {
        const char *domain;
        const dmarc_outcome_t *outcome;
        enum verdict verdict;
} evaluated_domain_t;

typedef struct evaluation {
        enum verdict verdict;
        const char *author_domain;         /**< whose outcome decided; NULL = no author domain */
        const dmarc_outcome_t *outcome;    /**< of that domain; never NULL */
        const evaluated_domain_t *domains; /**< all that were evaluated, in order of appearance */
        size_t domain_count;
} evaluation_t;

/**
 * Evaluate a message. Several author domains (RFC 9989 11.5): every one is evaluated, and the
 * strictest verdict stands; a From: field that hides further domains from us is rejected, since
 * otherwise the policy of any of them could be evaded by adding more.
 * @param deadline_ms as dns_query
 * @param out filled in; its memory is the arena's
 * @return 0 or -ENOMEM
 */
int evaluate_message(arena_t *arena, resolver_t *resolver, const evaluation_input_t *input,
                     int64_t deadline_ms, evaluation_t *out);

#endif
