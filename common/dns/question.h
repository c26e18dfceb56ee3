/*
 * question.h - what is asked: a name and a type, class IN
 */
#ifndef TRUEFROM_DNS_QUESTION_H
#define TRUEFROM_DNS_QUESTION_H

#include "common/dns/name.h"

/** Octets of UDP that we accept (RFC 6891 6.2.3); the size that avoids fragments. */
#define DNS_UDP_SIZE 1232
/** Room for any query: header, name, type and class, OPT record. */
#define DNS_QUERY_MAX (12 + DNS_NAME_MAX + 4 + 11)

/** Plain data. */
typedef struct dns_question {
        dns_name_t name;
        uint16_t type; /**< enum dns_type */
} dns_question_t;

/** @return false when `name` cannot be expressed in the DNS */
bool dns_question_init(dns_question_t *question, const char *name, uint16_t type);

/** An order of questions, as of memcmp(3); 0 for the same question. */
int dns_question_compare(const dns_question_t *question, const dns_question_t *other);

/** Write a recursive query with an OPT record (RFC 6891), which is its last record.
 * @return its length */
size_t dns_question_encode(const dns_question_t *question, uint16_t id,
                           uint8_t query[DNS_QUERY_MAX]);

#endif
