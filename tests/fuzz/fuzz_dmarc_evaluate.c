/*
 * Evaluate DMARC with a DNS that answers whatever the input says: its lines are the answers, in the
 * order of the questions; the first line has author domain, SPF domain and DKIM domain. However the
 * DNS answers, the outcome is well-formed and the questions are few.
 */
#include <stdlib.h>
#include <string.h>

#include "common/dmarc/dmarc.h"
#include "common/mail/domain.h"

#define QUERIES_MAX 200

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

struct script {
        char *next;
        unsigned queries;
};

static char *take(char **text, char end)
{
        char *begin = *text, *stop = strchr(begin, end);

        if (stop) {
                *stop = '\0';
                *text = stop + 1;
        } else {
                *text = begin + strlen(begin);
        }
        return begin;
}

static enum dmarc_dns_status answer_txt(void *context, arena_t *arena, const char *name,
                                        const dmarc_txt_t **records, size_t *count)
{
        struct script *script = context;
        const char *line = take(&script->next, '\n');
        dmarc_txt_t *record = arena_calloc(arena, 2, sizeof(*record));

        if (!record || !*name || ++script->queries > QUERIES_MAX)
                abort();
        if (*line == '!')
                return DMARC_DNS_ERROR;
        if (*line == '-')
                return DMARC_DNS_NXDOMAIN;
        if (*line == '\0')
                return DMARC_DNS_NODATA;
        record[0] = record[1] = (dmarc_txt_t){.text = line, .len = strlen(line)};
        *records = record;
        *count = *line == '2' ? 2 : 1;
        if (*line == '2') {
                record[0].text++;
                record[0].len--;
        }
        return DMARC_DNS_FOUND;
}

static enum dmarc_dns_status answer_exists(void *context, const char *name)
{
        struct script *script = context;

        (void)name;
        return *take(&script->next, '\n') == '-' ? DMARC_DNS_NXDOMAIN : DMARC_DNS_NODATA;
}

static void evaluate(arena_t *arena, char *text)
{
        struct script script = {0};
        const dmarc_dns_t dns = {.txt = answer_txt, .exists = answer_exists, .context = &script};
        char author[DOMAIN_SIZE], spf[DOMAIN_SIZE], dkim[DOMAIN_SIZE];
        dmarc_identifier_t signature = {.result = AUTH_PASS};
        dmarc_input_t input = {.dkim = &signature, .dkim_count = 1};
        char *head = take(&text, '\n'), *word;
        dmarc_outcome_t outcome;

        word = take(&head, ' ');
        if (domain_normalize(word, strlen(word), author) != 0)
                return;
        input.author_domain = author;
        word = take(&head, ' ');
        input.spf.result = AUTH_PASS;
        if (domain_normalize(word, strlen(word), spf) == 0)
                input.spf.domain = spf;
        if (domain_normalize(head, strlen(head), dkim) == 0)
                signature.domain = dkim;
        script.next = text;
        if (dmarc_evaluate(arena, &dns, &input, &outcome) != 0)
                return;
        if (outcome.result >= AUTH_RESULT_COUNT || !outcome.reason)
                abort();
        if (outcome.result == AUTH_PASS && !outcome.spf_aligned &&
            !(outcome.dkim_aligned && outcome.dkim_aligned[0]))
                abort();
        if (outcome.result == AUTH_FAIL && !outcome.has_policy)
                abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
        arena_t *arena = arena_create(0);
        char *text = malloc(size + 1);

        memcpy(text, data, size);
        text[size] = '\0';
        evaluate(arena, text);
        free(text);
        arena_free(arena);
        return 0;
}
