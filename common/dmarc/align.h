/*
 * align.h - identifier alignment (RFC 9989 4.4); internal to common/dmarc
 */
#ifndef TRUEFROM_DMARC_ALIGN_H
#define TRUEFROM_DMARC_ALIGN_H

#include "common/dmarc/dmarc.h"

enum alignment {
        ALIGNED,
        NOT_ALIGNED,
        ALIGNMENT_UNKNOWN /* a query that it takes has failed */
};

/** What alignment of one message's identifiers takes. */
typedef struct aligner {
        arena_t *arena;
        const dmarc_dns_t *dns;
        dmarc_walk_t *author; /**< begun; finished here when it is needed */
        struct {
                const char *domain;
                enum alignment alignment;
        } known[DMARC_IDENTIFIERS_MAX]; /**< identifiers that were walked */
        size_t known_count;
        bool too_many; /**< identifiers were left out, as not aligned */
        int error;     /**< 0 or -ENOMEM */
} aligner_t;

/** Whether an identifier is aligned with the author domain, by as few queries as it takes. */
enum alignment align(aligner_t *aligner, const char *domain, bool strict);

#endif
