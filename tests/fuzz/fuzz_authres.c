/* Feed authres_parse with any body */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/mail/authres.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        arena_t *arena = arena_create(0);
        char *text = malloc(size + 1);
        authres_t authres;

        memcpy(text, data, size);
        text[size] = '\0';
        if (authres_parse(arena, text, size, &authres) == 0) {
                for (size_t i = 0; i < authres.result_count; i++) {
                        const authres_result_t *result = &authres.results[i];

                        if (result->result >= AUTH_RESULT_COUNT || !result->method)
                                abort();
                        authres_property(result, AUTHRES_HEADER, "d");
                        authres_property(result, AUTHRES_SMTP, "mailfrom");
                }
        }
        free(text);
        arena_free(arena);
        return 0;
}
