/*
 * spf.h - SPF evaluation (RFC 7208) by libspf2 over our resolver
 *
 * One evaluator belongs to one thread (libspf2's SPF_server_t is not shared). Enforces what
 * libspf2 does not: the limit of void look-ups (4.6.4), the time limit, and no free pass for
 * loopback clients, whose result is "none".
 */
#ifndef TRUEFROM_AUTH_SPF_H
#define TRUEFROM_AUTH_SPF_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/address.h"
#include "common/base/results.h"
#include "common/dns/resolver.h"
#include "common/mail/domain.h"

#define SPF_TIME_LIMIT_MS 20000 /**< of one evaluation (RFC 7208 4.6.4) */

/** What was evaluated. */
enum spf_identity { SPF_MAILFROM, SPF_HELO };

typedef struct spf_outcome {
        enum auth_result result;
        enum spf_identity identity;
        char domain[DOMAIN_SIZE]; /**< the SPF Domain, normalized; "" when there is none */
        const char *reason;       /**< constant text: why this result, for people */
        int64_t expires_ms; /**< of a cached evaluation: until when (dns_clock_ms) the DNS answers
                                 hold that it used; INT64_MAX when it used none */
} spf_outcome_t;

typedef struct spf_evaluator spf_evaluator_t;

/** @param resolver must outlive the evaluator. @return NULL when memory is out */
spf_evaluator_t *spf_evaluator_create(resolver_t *resolver);

/** NULL is fine. */
void spf_evaluator_free(spf_evaluator_t *evaluator);

/**
 * Evaluate the MAIL FROM identity, or for the null sender the HELO identity (postmaster@HELO,
 * RFC 7208 2.4).
 * @param helo, sender in policy-service form (envelope.h); sender "" = null sender
 * @param deadline_ms as dns_query; 0 = SPF_TIME_LIMIT_MS from now
 */
void spf_evaluate(spf_evaluator_t *evaluator, const address_t *client, const char *helo,
                  const char *sender, int64_t deadline_ms, spf_outcome_t *out);

/** Evaluate the HELO identity alone (RFC 7208 2.3). */
void spf_evaluate_helo(spf_evaluator_t *evaluator, const address_t *client, const char *helo,
                       int64_t deadline_ms, spf_outcome_t *out);

/** The same two with what the resolver's cache has: they never wait, and never look at much
 * (SPF_CACHED_COST_MAX). @return false when something is not there, or it is too much: *out means
 * nothing then */
bool spf_evaluate_cached(spf_evaluator_t *evaluator, const address_t *client, const char *helo,
                         const char *sender, spf_outcome_t *out);
bool spf_evaluate_helo_cached(spf_evaluator_t *evaluator, const address_t *client, const char *helo,
                              spf_outcome_t *out);

#endif
