/*
 * dnsmessage.h - DNS responses built by hand, for tests
 */
#ifndef TRUEFROM_TESTS_DNSMESSAGE_H
#define TRUEFROM_TESTS_DNSMESSAGE_H

#include <stddef.h>
#include <stdint.h>

/** Header words: a recursive server's response, an authoritative one. The RCODE is added. */
#define RESPONSE_RECURSIVE     0x8180U
#define RESPONSE_AUTHORITATIVE 0x8500U

enum section { SECTION_ANSWER, SECTION_AUTHORITY, SECTION_ADDITIONAL };

typedef struct dns_builder {
        uint8_t octets[65536];
        size_t len;
} dns_builder_t;

/** Header and question. Names are text; "\1" and other control characters stand for themselves. */
void build_start(dns_builder_t *builder, unsigned flags, const char *name, unsigned type);

/** A record, counted in its section; sections must come in order. */
void build_record(dns_builder_t *builder, enum section section, const char *owner, unsigned type,
                  uint32_t ttl, const void *data, size_t len);

/** A record whose data are a name, after a 16-bit number for MX (pass -1 for none). */
void build_name_record(dns_builder_t *builder, enum section section, const char *owner,
                       unsigned type, uint32_t ttl, int preference, const char *target);

/** A SOA record in the authority section. */
void build_soa(dns_builder_t *builder, const char *owner, uint32_t ttl, uint32_t minimum);

#endif
