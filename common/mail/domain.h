/*
 * domain.h - domain names in the one form in which we compare and look them up
 *
 * A *normalized* domain is in A-labels (RFC 5890; RFC 8616), lower case, without a trailing dot,
 * each label 1 to 63 octets, at most DOMAIN_MAX octets, a NUL-terminated string. Pure: no I/O.
 */
#ifndef TRUEFROM_MAIL_DOMAIN_H
#define TRUEFROM_MAIL_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>

#define DOMAIN_MAX  253
#define DOMAIN_SIZE (DOMAIN_MAX + 1)

#define DOMAIN_LONG_MAX  320 /**< octets kept of a name that the DNS cannot hold */
#define DOMAIN_LONG_SIZE (DOMAIN_LONG_MAX + 1)

/**
 * Normalize a domain as it stands in mail: map U-labels to A-labels (libidn2, UTS 46,
 * non-transitional, STD3 off so that "_" stays), lower-case, strip exactly one trailing dot. Labels
 * need only be what the DNS allows: "-" at an edge, "_", symbols in U-labels.
 * @param text, len the bytes; need not be NUL-terminated; may hold anything
 * @param out the normalized domain
 * @return 0, -EINVAL when it is no domain name (empty, empty label, too long, control or special
 * character, not UTF-8, disallowed code point), -ENOMEM
 */
int domain_normalize(const char *text, size_t len, char out[DOMAIN_SIZE]);

/**
 * As domain_normalize, but a name that the DNS cannot hold, with a label of over 63 octets or of
 * over DOMAIN_MAX in all, is taken too: no such name exists, yet the names above it may have a say.
 * Of a longer one the last DOMAIN_LONG_MAX octets stay; of a U-label that is too long, 64 octets
 * that stand for it.
 */
int domain_normalize_long(const char *text, size_t len, char out[DOMAIN_LONG_SIZE]);

/** Whether the DNS can hold the name: false for what only domain_normalize_long takes. */
bool domain_fits(const char *domain);

/** Number of labels of a normalized domain; 0 for "". */
size_t domain_label_count(const char *domain);

/** The last `labels` labels of a domain, a pointer into it; the whole when it has no more. */
const char *domain_suffix(const char *domain, size_t labels);

/** True when `domain` is `ancestor` or a name below it, label-wise ("notexample.com" is not). */
bool domain_is_within(const char *domain, const char *ancestor);

/**
 * Does a domain match an entry of the operator's? "example.org" is that domain alone,
 * ".example.org" all names below it and not itself. Both normalized, but for the entry's dot.
 */
bool domain_matches(const char *domain, const char *entry);

#endif
