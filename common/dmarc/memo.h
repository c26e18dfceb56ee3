/*
 * memo.h - ask the DNS for each name once in an evaluation; internal to common/dmarc
 */
#ifndef TRUEFROM_DMARC_MEMO_H
#define TRUEFROM_DMARC_MEMO_H

#include "common/dmarc/discover.h"

#define MEMO_MAX 128 /* more than the walks of one evaluation can ask */

struct memo_answer {
        const char *name;
        enum dmarc_dns_status status;
        const dmarc_txt_t *records;
        size_t count;
};

typedef struct memo {
        const dmarc_dns_t *below;
        struct memo_answer answers[MEMO_MAX];
        size_t count;
} memo_t;

/** A way to the DNS that remembers TXT answers in `memo`, which asks `below` for new ones. */
dmarc_dns_t memo_dns(memo_t *memo, const dmarc_dns_t *below);

#endif
