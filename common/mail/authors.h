/*
 * authors.h - the domains that readers may be shown as a message's authors; internal to common/mail
 *
 * A set that grows while the From fields are read. Bounded in what it holds and in the work that
 * it takes: what goes over a bound makes it incomplete, so that the message is refused.
 */
#ifndef TRUEFROM_MAIL_AUTHORS_H
#define TRUEFROM_MAIL_AUTHORS_H

#include "common/mail/from.h"

/** Texts that are tried as a domain; each takes time of its own, in libidn2 above all. */
#define AUTHORS_TRIES_MAX 1000

typedef struct authors {
        arena_t *arena;
        const char *domains[FROM_DOMAINS_MAX];
        size_t count;
        unsigned tries;
        bool incomplete; /**< a domain may be missing */
        bool out_of_memory;
} authors_t;

/** What a text is: no domain, one that the DNS cannot hold (domain_normalize_long), or a domain. */
enum authors_found { AUTHORS_NO_DOMAIN, AUTHORS_LONG_DOMAIN, AUTHORS_DOMAIN };

/** Add a domain as it stands in a field; what is none is not added. */
enum authors_found authors_add(authors_t *authors, const char *text, size_t len);

/** Add a part of a domain at which some readers end it, unless it is a single label. */
void authors_add_part(authors_t *authors, const char *text, size_t len);

/** Add a domain without what is no ASCII letter or digit at its end, if there is such: some readers
 * end an address there when it stands without angle brackets. */
void authors_add_trimmed(authors_t *authors, const char *text, size_t len);

/** Add what stands between "[" and "]" behind an "@", unless it is an IP address, which has no
 * policy. @return false when nobody can tell what it is, so that the set is incomplete */
bool authors_add_literal(authors_t *authors, const char *text, size_t len);

/**
 * Add every domain that some reader could take from text that has no one meaning: what stands
 * behind each "@", with and without its comments, quotes, white space and encoded-words (RFC
 * 2047).
 */
void authors_collect(authors_t *authors, const char *text, size_t len);

#endif
