/*
 * spf_macro.h - the macros of SPF records (RFC 7208 7)
 *
 * libspf2 expands them, but for what it has no room or no delimiter for: that is expanded here.
 * Pure.
 */
#ifndef TRUEFROM_AUTH_SPF_MACRO_H
#define TRUEFROM_AUTH_SPF_MACRO_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/address.h"

/** What a record is evaluated for. */
typedef struct spf_subject {
        address_t client;
        const char *sender; /**< local-part@domain */
        const char *helo;
        const char *domain; /**< the current one: whose record it is */
} spf_subject_t;

#define SPF_LITERAL_MAX 255 /**< octets between two macros: libspf2's SPF_MAX_STR_LEN */

/** @param last_macro_end where its last macro-expand ends; 0 = it has none
 * @return whether the text is a macro-string */
bool spf_macro_string(const char *at, size_t len, size_t *last_macro_end);

/** Octets of libspf2's compiled form of a macro-string.
 * @return 0 when it is empty, or libspf2 does not take it or would expand it wrongly */
size_t spf_macro_compiled_size(const char *at, size_t len);

/** The end of an expanded name that is left when it is over 253 octets: whole labels (RFC 7208 7.3,
 * which libspf2 does not do). */
const char *spf_name_cut(const char *name);

/**
 * Expand a domain-spec, cut to 253 octets from the left by whole labels (RFC 7208 7.3), and write
 * it as a domain-spec without variables. A "p", which takes look-ups, is left to libspf2, and with
 * one nothing is cut. What nobody could ask for becomes such a name.
 * @param budget octets of values that may still be written; 0 afterwards: they did not suffice, and
 * the result means nothing
 * @return a string (free), or NULL when memory is out
 */
char *spf_macro_expand(const char *at, size_t len, const spf_subject_t *subject, size_t *budget);

#endif
