/*
 * resolver.h - the one way to the DNS (c-ares, with a bounded answer cache)
 *
 * A resolver is shared by all threads of a process. dns_query blocks the calling thread until the
 * answer, the deadline or DNSTimeout; no lock is held while it waits. Answers are immutable and
 * counted by reference. Positive and negative answers are cached by their TTL (RFC 2308), bounded;
 * failures are never cached as answers.
 */
#ifndef TRUEFROM_DNS_RESOLVER_H
#define TRUEFROM_DNS_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dns_status {
        DNS_OK,       /**< at least one record of the type */
        DNS_NODATA,   /**< NOERROR without a record of the type */
        DNS_NXDOMAIN, /**< the name does not exist (RFC 8020) */
        DNS_TEMPFAIL, /**< SERVFAIL, REFUSED, garbage, no server reachable, name not expressible */
        DNS_TIMEOUT   /**< no answer in time */
};

enum dns_type { DNS_A = 1, DNS_PTR = 12, DNS_MX = 15, DNS_TXT = 16, DNS_AAAA = 28 };

/** One record of the asked type. */
typedef struct dns_record {
        const char *data; /**< A: 4 octets; AAAA: 16; TXT: strings joined, any byte; MX and PTR: the
                               name, NUL-terminated, without trailing dot */
        size_t len;       /**< octets of data, without the NUL that always follows them */
        uint16_t preference; /**< MX only */
} dns_record_t;

typedef struct dns_answer {
        enum dns_status status;
        bool cname;   /**< the asked name is a CNAME: it exists, even if status is NXDOMAIN */
        uint32_t ttl; /**< seconds */
        size_t count;
        const dns_record_t *records;
} dns_answer_t;

/** What an observer is told of each question. */
typedef struct dns_event {
        const char *name;
        enum dns_type type;
        const struct dns_answer *answer; /**< valid during the call */
        bool cached;                     /**< answered from the cache */
        int64_t microseconds;            /**< waited for it; 0 when cached */
} dns_event_t;

/** Called after each answer of dns_query and dns_query_cached, in the asking thread. */
typedef void dns_observer_fn(void *context, const dns_event_t *event);

/** Settings; strings are copied. */
typedef struct dns_config {
        const char *const *nameservers; /**< "ADDRESS" or "ADDRESS@PORT"; */
        size_t nameserver_count;        /**< 0 = from /etc/resolv.conf */
        unsigned timeout_ms;            /**< the longest that one look-up may take (DNSTimeout) */
        size_t cache_bytes;             /**< bound of the cache; 0 = 4 MiB */
        dns_observer_fn *observer;      /**< NULL = nobody; must be thread-safe */
        void *observer_context;
} dns_config_t;

/** Counters since start, for logs and metrics. */
typedef struct dns_statistics {
        uint64_t queries;    /**< questions asked of us */
        uint64_t cache_hits; /**< of them answered from the cache */
        uint64_t failures;   /**< TEMPFAIL and TIMEOUT */
} dns_statistics_t;

typedef struct resolver resolver_t;

/** True when `text` is "ADDRESS" or "ADDRESS@PORT"; used to check the configuration. */
bool dns_nameserver_valid(const char *text);

/** @return 0 and *resolver (owned by the caller, resolver_free), -EINVAL for a bad name server,
 * -ENOMEM, or another negative errno */
int resolver_create(const dns_config_t *config, resolver_t **resolver);

/** No thread may be inside dns_query any more. NULL is fine. */
void resolver_free(resolver_t *resolver);

/**
 * Ask.
 * @param name a domain name, with or without trailing dot; any bytes ("\\" is an ordinary octet);
 * never completed by a search list
 * @param deadline_ms CLOCK_MONOTONIC in milliseconds; the call returns by then; 0 = only DNSTimeout
 * @return an answer (dns_answer_release), never NULL: out of memory is a constant TEMPFAIL answer
 */
const dns_answer_t *dns_query(resolver_t *resolver, const char *name, enum dns_type type,
                              int64_t deadline_ms);

/** What the cache has: never waits.
 * @param expires_ms set to the time (dns_clock_ms) until which the answer holds
 * @return an answer (dns_answer_release), or NULL: it must be asked for */
const dns_answer_t *dns_query_cached(resolver_t *resolver, const char *name, enum dns_type type,
                                     int64_t *expires_ms);

/** Give an answer back. NULL is fine. */
void dns_answer_release(const dns_answer_t *answer);

/** CLOCK_MONOTONIC in milliseconds, the clock of deadline_ms. */
int64_t dns_clock_ms(void);

/** A consistent copy of the counters. */
void resolver_statistics(const resolver_t *resolver, dns_statistics_t *statistics);

#endif
