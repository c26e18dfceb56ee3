/*
 * answer.h - from a raw DNS response to a dns_answer_t
 *
 * Answers are immutable and counted by reference; dns_answer_release (resolver.h) gives one back.
 * Thread-safe; no I/O.
 */
#ifndef TRUEFROM_DNS_ANSWER_H
#define TRUEFROM_DNS_ANSWER_H

#include "common/dns/question.h"
#include "common/dns/resolver.h"

/** The longest CNAME chain that is followed; a longer one, or a loop, is DNS_TEMPFAIL. */
#define DNS_CHAIN_MAX 12

/** The one answer of a failure, DNS_TIMEOUT or (for any other status) DNS_TEMPFAIL. Needs no
 * memory; releasing it is allowed and does nothing. */
const dns_answer_t *dns_answer_failure(enum dns_status status);

/**
 * Read a response.
 *
 * The records taken are those of the asked type at the end of the CNAME chain of the asked name.
 * `ttl` is the least of all records used; of a negative answer, what RFC 2308 section 5 makes of
 * the SOA record, or 0 without one. MX and PTR names are in lower case; a record whose name holds a
 * dot or NUL inside of a label is left out.
 * @return an answer, never NULL; DNS_TEMPFAIL for whatever is no sound response to `question`
 */
const dns_answer_t *dns_answer_parse(const dns_question_t *question, const uint8_t *octets,
                                     size_t len);

/** One reference more. @return `answer` */
const dns_answer_t *dns_answer_hold(const dns_answer_t *answer);

/** Octets of memory that the answer takes. */
size_t dns_answer_size(const dns_answer_t *answer);

#endif
