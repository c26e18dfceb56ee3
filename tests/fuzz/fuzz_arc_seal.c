/* Feed arc_chain_add with any fields: each line is one. The sealer, if any, is a domain; and an
 * arc.chain, the first line, makes no other. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/mail/arc_seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const arc_results_t *results, const arc_chain_t *chain)
{
        char domain[DOMAIN_SIZE], again[DOMAIN_SIZE];

        if (arc_sealer(results, chain, domain) &&
            (domain_normalize(domain, strlen(domain), again) != 0 || strcmp(domain, again) != 0))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        arc_results_t results = {.passed = true};
        arc_chain_t chain = {0};
        char *text = malloc(size + 1);

        memcpy(text, data, size);
        text[size] = '\0';
        for (size_t begun = 0, i = 0; i <= size; i++) {
                if (i < size && text[i] != '\n')
                        continue;
                arc_chain_add(&chain, text + begun, i - begun);
                begun = i + 1;
        }
        if (chain.last.instance > ARC_INSTANCE_MAX)
                abort();
        check(&results, &chain);
        text[strcspn(text, "\n")] = '\0';
        results.chain = text;
        check(&results, &chain);
        free(text);
        return 0;
}
