#include "common/dmarc/memo.h"

#include <string.h>

static enum dmarc_dns_status memo_txt(void *context, arena_t *arena, const char *name,
                                      const dmarc_txt_t **records, size_t *count)
{
        memo_t *memo = context;
        struct memo_answer answer = {.name = name};

        for (size_t i = 0; i < memo->count; i++) {
                if (strcmp(memo->answers[i].name, name) == 0) {
                        *records = memo->answers[i].records;
                        *count = memo->answers[i].count;
                        return memo->answers[i].status;
                }
        }
        answer.status =
            memo->below->txt(memo->below->context, arena, name, &answer.records, &answer.count);
        if (memo->count < MEMO_MAX)
                memo->answers[memo->count++] = answer;
        *records = answer.records;
        *count = answer.count;
        return answer.status;
}

static enum dmarc_dns_status memo_exists(void *context, const char *name)
{
        const memo_t *memo = context;

        return memo->below->exists(memo->below->context, name);
}

dmarc_dns_t memo_dns(memo_t *memo, const dmarc_dns_t *below)
{
        memo->below = below;
        memo->count = 0;
        return (dmarc_dns_t){.txt = memo_txt, .exists = memo_exists, .context = memo};
}
