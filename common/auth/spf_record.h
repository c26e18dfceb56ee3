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

#include "common/auth/spf_macro.h"

#define SPF_RECORD_MAX 16384 /**< octets; a longer record is refused as broken */

/**
 * Appended to the domain of "a" and "mx" with a prefix length of zero: any address at all matches,
 * which libspf2 cannot be told. Whoever looks such a name up drops the suffix, and answers with the
 * client's address when there is any.
 */
#define SPF_ANY_ADDRESS_SUFFIX ".any-address.invalid"

/** The octets of `name` without that suffix, or 0 when it does not have it. */
size_t spf_any_address_length(const char *name);

/** An "exists" of this name stands for a term that cannot be evaluated, or is the eleventh that
 * takes look-ups: whoever is asked for it ends the evaluation as permerror. */
#define SPF_BEYOND_NAME "beyond-limits.invalid"

/**
 * Check a record against RFC 7208 section 12, and write it anew for libspf2: mechanisms first, then
 * "redirect"; no "exp" and no unknown modifiers; prefix lengths of zero replaced. "ip4" and "ip6"
 * are decided: those that do not match are left out, and the first that does is an "all". What
 * stands behind an "all" is left out, once it is checked.
 * @param text, len the record with its version, which was found already
 * @param subject what macros and networks are for
 * @return a string (free) of lines, each a record that libspf2 has room for, and whose terms belong
 * to one record; or NULL: *why is a constant text for what is a permerror, and NULL when memory is
 * out
 */
char *spf_record_rewrite(const char *text, size_t len, const spf_subject_t *subject,
                         const char **why);

#endif
