/*
 * spf_record.h - SPF records: RFC 7208's grammar to the letter, in front of libspf2
 *
 * libspf2 takes some broken records for good ones (a wrong pass) and some good ones for broken
 * ones. So each record is parsed here first, and handed on in a form that libspf2 evaluates
 * rightly. Pure.
 */
#ifndef TRUEFROM_AUTH_SPF_RECORD_H
#define TRUEFROM_AUTH_SPF_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#define SPF_RECORD_MAX 16384 /**< octets; a longer record is refused as broken */

/**
 * Appended to the domain of "a" and "mx" with a prefix length of zero: any address at all matches,
 * which libspf2 cannot be told. Whoever looks such a name up drops the suffix, and answers with the
 * client's address when there is any.
 */
#define SPF_ANY_ADDRESS_SUFFIX ".any-address.invalid"

/** The octets of `name` without that suffix, or 0 when it does not have it. */
size_t spf_any_address_length(const char *name);

/**
 * Check a record against RFC 7208 section 12, and write it anew for libspf2: mechanisms first, then
 * "redirect"; no "exp" and no unknown modifiers; prefix lengths of zero replaced.
 * @param text, len the record with its version, which was found already
 * @param ipv6 whether the client has an IPv6 address
 * @return a string (free), or NULL: *broken tells a record that breaks the grammar, which is a
 * permerror, from memory being out
 */
char *spf_record_rewrite(const char *text, size_t len, bool ipv6, bool *broken);

#endif
