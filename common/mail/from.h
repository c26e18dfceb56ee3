/*
 * from.h - the author domains of a message (RFC 5322 3.6.2, RFC 6854, RFC 9989 4.2 and 11.5)
 *
 * An author domain is every domain that a reader may be shown as the author's: a member of the list
 * without an address of its own counts with the domains in its text, as readers decode it. The
 * display name beside an address does not count.
 *
 * Pure, without recursion, bounded. Never guesses: a field that readers may understand in
 * different ways is FROM_MALFORMED, and `domains` then holds every domain that a reader could see
 * in it, so that none of their policies can be evaded.
 */
#ifndef TRUEFROM_MAIL_FROM_H
#define TRUEFROM_MAIL_FROM_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"

/** Verdicts of standards.md section 6. */
enum from_verdict {
        FROM_SINGLE,    /**< one field, one author domain: the ordinary case */
        FROM_MULTIPLE,  /**< well-formed, several author domains */
        FROM_NONE,      /**< no field, empty field, or no domain in it (empty group, literal) */
        FROM_MALFORMED, /**< breaks the grammar, or is ambiguous, or over a limit */
        FROM_MULTIPLE_FIELDS /**< more than one From field */
};

/** "single", "multiple", "none", "malformed", "multiple-fields". */
const char *from_verdict_name(enum from_verdict verdict);

#define FROM_DOMAINS_MAX   10  /**< distinct author domains that are evaluated */
#define FROM_ADDRESSES_MAX 100 /**< addresses in a field; more is malformed */
#define FROM_COMMENT_DEPTH 100 /**< nesting of comments; more is malformed */
#define FROM_OCTETS_MAX                                                                            \
        65536 /**< of all From fields that are looked at; what is behind them may                  \
                   hide authors, so that `domains_incomplete` is set */

typedef struct from_author {
        enum from_verdict verdict;
        const char *const *domains; /**< distinct, in order of appearance, in the arena; normalized,
                                       or too long for the DNS (domain_normalize_long) */
        size_t domain_count;        /**< at most FROM_DOMAINS_MAX */
        bool domains_incomplete;    /**< there were more distinct domains than FROM_DOMAINS_MAX, or
                                         text that could be a domain but cannot be normalized */
} from_author_t;

/** One field body as the milter gives it: continuation lines start with "\n" and white space. */
typedef struct from_field {
        const char *body;
        size_t len;
} from_field_t;

/**
 * Find the author domains.
 * @param fields, count all From fields of the message, in order
 * @param out filled in; its memory is the arena's
 * @return 0 or -ENOMEM
 */
int from_parse(arena_t *arena, const from_field_t *fields, size_t count, from_author_t *out);

#endif
