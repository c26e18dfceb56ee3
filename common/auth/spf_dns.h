/*
 * spf_dns.h - libspf2's way to the DNS: our resolver, with the limits of RFC 7208 4.6.4
 *
 * libspf2 asks for one thing after the other, so that this layer sees every look-up of an
 * evaluation. It selects the SPF records itself (4.5), counts terms and void look-ups, keeps the
 * deadline, and remembers what settles the result, since libspf2 tells "no record", "broken record"
 * and "no answer" apart badly. Records go through spf_record.h first.
 * One layer belongs to one thread.
 */
#ifndef TRUEFROM_AUTH_SPF_DNS_H
#define TRUEFROM_AUTH_SPF_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <netinet/in.h>
#include <spf2/spf.h>

#include "common/base/results.h"
#include "common/dns/resolver.h"

#define SPF_TERMS_MAX     10 /**< terms that cause look-ups */
#define SPF_VOIDS_MAX     2  /**< terms with void look-ups */
#define SPF_ADDRESSES_MAX 10 /**< names looked up for one "mx" or "ptr" */

typedef struct spf_dns spf_dns_t;

/** @param resolver must outlive the layer. @return NULL when memory is out */
spf_dns_t *spf_dns_create(resolver_t *resolver);

/** After the SPF_server_t that uses it. NULL is fine. */
void spf_dns_free(spf_dns_t *dns);

/** The layer as libspf2 wants it; owned by `dns`, SPF_server_free leaves it alone. */
SPF_dns_server_t *spf_dns_layer(spf_dns_t *dns);

#define SPF_DNS_CACHED (-1) /**< in place of a deadline: with cached answers only */

/** Octets of cached answers, about, that an evaluation with these alone takes in: what has more to
 * look at counts as missing something, and is for a thread that may take its time. */
#define SPF_CACHED_COST_MAX 8192

/** Octets of HELO name and sender together, likewise. */
#define SPF_CACHED_IDENTITY_MAX 600

/** Begin an evaluation that ends by `deadline_ms` (dns_clock_ms). @return 0 or -ENOMEM */
int spf_dns_begin(spf_dns_t *dns, int64_t deadline_ms);

/** After an evaluation with cached answers: true when one was missing, so that there is no result.
 * @param expires_ms until when (dns_clock_ms) the answers hold that were used */
bool spf_dns_missed(const spf_dns_t *dns, int64_t *expires_ms);

/** True when a look-up settled the result, whatever libspf2 makes of it: none (the domain has no
 * record), permerror (record or limits) or temperror (no answer, or none in time).
 * @param reason a constant text: why */
bool spf_dns_settled(const spf_dns_t *dns, enum auth_result *result, const char **reason);

#endif
