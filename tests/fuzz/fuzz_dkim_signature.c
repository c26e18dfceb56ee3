/* Feed dkim_signature_domain with any bytes; what comes out is a normalized domain */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/mail/dkim_signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 1), domain[DOMAIN_SIZE], again[DOMAIN_SIZE];

        memcpy(text, data, size);
        if (dkim_signature_domain(text, size, domain) == 0 &&
            (domain_normalize(domain, strlen(domain), again) != 0 || strcmp(domain, again) != 0))
                abort();
        if (dkim_signature_forges_results(text, size) && memchr(text, '=', size) == NULL)
                abort();
        free(text);
        return 0;
}
