/*
 * cache.h - answers that are still true, in bounded memory
 *
 * Keyed by name (without regard to case) and type. Positive and negative answers are kept for their
 * TTL, capped; failures and answers of TTL 0 are not. When full, the answers not used for longest
 * go first. Thread-safe: split into shards, each with a lock that is held for memory accesses only.
 */
#ifndef TRUEFROM_DNS_CACHE_H
#define TRUEFROM_DNS_CACHE_H

#include "common/dns/question.h"
#include "common/dns/resolver.h"

/** The longest that a positive or negative answer is kept, in seconds. */
#define DNS_CACHE_TTL_MAX          86400U
#define DNS_CACHE_NEGATIVE_TTL_MAX 10800U /* RFC 2308 5 */
#define DNS_CACHE_BYTES_DEFAULT    ((size_t)4 << 20)

typedef struct dns_cache dns_cache_t;

/** @param bytes the most memory that answers and their keys may take; 0 = DNS_CACHE_BYTES_DEFAULT
 * @return the cache (dns_cache_free), or NULL when memory is out */
dns_cache_t *dns_cache_create(size_t bytes);

/** Gives back the cache's own references. NULL is fine. */
void dns_cache_free(dns_cache_t *cache);

/** @param expires_ms if not NULL: set to the time until which the answer holds
 * @return an answer that holds at `now_ms` (dns_answer_release), or NULL */
const dns_answer_t *dns_cache_get(dns_cache_t *cache, const dns_question_t *question,
                                  int64_t now_ms, int64_t *expires_ms);

/** Keep an answer (with a reference of its own) in place of any older one, if it may and can be
 * kept; nothing happens otherwise. */
void dns_cache_put(dns_cache_t *cache, const dns_question_t *question, const dns_answer_t *answer,
                   int64_t now_ms);

/** Bytes in use now, for tests and statistics. */
size_t dns_cache_bytes(dns_cache_t *cache);

#endif
