/*
 * record.h - DMARC Policy Records (RFC 9989 4.7 and 4.8)
 *
 * Pure. Choices where the RFC leaves room: standards.md sections 1.2 to 1.4.
 */
#ifndef TRUEFROM_DMARC_RECORD_H
#define TRUEFROM_DMARC_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/results.h"

#define DMARC_RECORD_MAX 4096 /**< octets after joining; longer is not a record */
#define DMARC_URIS_MAX   100  /**< URIs kept of rua and of ruf */

/** Value of p, sp or np. */
enum dmarc_tag {
        DMARC_TAG_ABSENT,
        DMARC_TAG_INVALID, /**< present, but empty, unknown or duplicate */
        DMARC_TAG_VALID
};

typedef struct dmarc_policy_tag {
        enum dmarc_tag state;
        enum dmarc_policy value; /**< when VALID */
} dmarc_policy_tag_t;

enum dmarc_psd { DMARC_PSD_U, DMARC_PSD_Y, DMARC_PSD_N };

typedef struct dmarc_record {
        dmarc_policy_tag_t p, sp, np;
        bool strict_dkim; /**< adkim=s */
        bool strict_spf;  /**< aspf=s */
        bool testing;     /**< t=y */
        enum dmarc_psd psd;
        const char *fo; /**< normalized, "0" when absent or invalid */
        const char *const *rua;
        size_t rua_count; /**< syntactically valid URIs, size suffix dropped */
        const char *const *ruf;
        size_t ruf_count;
        /** False: RFC 9989 4.10.1 "no DMARC processing" (section 1.4 of standards.md). */
        bool usable;
} dmarc_record_t;

/**
 * Read one TXT record, its character-strings already joined.
 * @param out filled in; its memory is the arena's
 * @return 1 when it is a DMARC record, 0 when it is to be ignored (first tag is not v=DMARC1, or
 * too long), -ENOMEM
 */
int dmarc_record_parse(arena_t *arena, const char *text, size_t len, dmarc_record_t *out);

#endif
