/* Feed domain_normalize and domain_normalize_long with any text: what it accepts is stable and has
 * no octet that could end a field or a line */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/mail/domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 1);
        char domain[DOMAIN_LONG_SIZE], again[DOMAIN_LONG_SIZE];

        memcpy(text, data, size);
        text[size] = '\0';
        if (domain_normalize(text, size, domain) == 0) {
                if (strlen(domain) >= DOMAIN_SIZE || *domain == '\0' ||
                    strpbrk(domain, " \t\r\n\"\\;()<>@,:") ||
                    domain_normalize(domain, strlen(domain), again) != 0 ||
                    strcmp(domain, again) != 0)
                        abort();
                for (const char *at = domain; *at; at++)
                        if (*at <= ' ' || *at > '~')
                                abort();
        }
        if (domain_normalize_long(text, size, domain) == 0) {
                int error = domain_normalize(text, size, again);

                if (domain_fits(domain) ? error != 0 || strcmp(domain, again) != 0 : error == 0)
                        abort();
                if (domain_normalize_long(domain, strlen(domain), again) != 0 ||
                    strcmp(domain, again) != 0)
                        abort();
        }
        free(text);
        return 0;
}
