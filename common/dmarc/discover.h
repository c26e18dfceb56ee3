/*
 * discover.h - DNS tree walk and Organizational Domain (RFC 9989 4.10)
 *
 * Pure: asks the DNS only through the caller's callback.
 */
#ifndef TRUEFROM_DMARC_DISCOVER_H
#define TRUEFROM_DMARC_DISCOVER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/dmarc/record.h"

enum dmarc_dns_status {
        DMARC_DNS_FOUND,    /**< records of the type are there */
        DMARC_DNS_NODATA,   /**< the name exists without them */
        DMARC_DNS_NXDOMAIN, /**< the name does not exist (with a CNAME on the way: it does) */
        DMARC_DNS_ERROR     /**< the question has no answer now: SERVFAIL, timeout, refused, … */
};

typedef struct dmarc_txt {
        const char *text; /**< character-strings joined; may hold any byte */
        size_t len;
} dmarc_txt_t;

/** The caller's way to the DNS. Names are normalized domains. */
typedef struct dmarc_dns {
        /** All TXT records at `name`; memory from `arena`. On FOUND, *records and *count are set.
         */
        enum dmarc_dns_status (*txt)(void *context, arena_t *arena, const char *name,
                                     const dmarc_txt_t **records, size_t *count);
        /** Whether `name` exists: NXDOMAIN, ERROR, or anything else for "it does" (RFC 9989 A.4).
         */
        enum dmarc_dns_status (*exists)(void *context, const char *name);
        void *context;
} dmarc_dns_t;

#define DMARC_WALK_MAX 8 /**< queries of a tree walk (RFC 9989 4.10) */

typedef struct dmarc_found {
        const char *name;      /**< without "_dmarc." */
        dmarc_record_t record; /**< parsed */
} dmarc_found_t;

typedef struct dmarc_walk {
        const char *start;                   /**< the domain walked from */
        dmarc_found_t found[DMARC_WALK_MAX]; /**< longest name first */
        size_t count;
        unsigned queries;
        const char *target; /**< the next name to ask; NULL = the walk has ended */
        const char *failed; /**< the first name whose query failed, or NULL; a failure at the top
                                 level, below a record that was found, is taken for no record */
} dmarc_walk_t;

/** Ask for `domain` (normalized) alone, the first query of its walk. @return 0 or -ENOMEM */
int dmarc_walk_begin(arena_t *arena, const dmarc_dns_t *dns, const char *domain,
                     dmarc_walk_t *walk);

/** Walk on to the end, or to the first query that fails; does nothing when it has come there.
 * @return 0 or -ENOMEM */
int dmarc_walk_finish(arena_t *arena, const dmarc_dns_t *dns, dmarc_walk_t *walk);

/** Walk on to the end, whatever fails. @return 0 or -ENOMEM */
int dmarc_walk_past_failure(arena_t *arena, const dmarc_dns_t *dns, dmarc_walk_t *walk);

/** Walk up from `domain` (normalized), as dmarc_walk_finish. @return 0 or -ENOMEM */
int dmarc_walk(arena_t *arena, const dmarc_dns_t *dns, const char *domain, dmarc_walk_t *walk);

/** The Organizational Domain of walk->start (RFC 9989 4.10.2): a pointer into one of its strings.
 * Only meaningful when no query has failed. */
const char *dmarc_organizational_domain(const dmarc_walk_t *walk);

#endif
