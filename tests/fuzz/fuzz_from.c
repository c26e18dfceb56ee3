/* Feed from_parse with any fields: newlines (LF) end a field. What comes out are domains. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/mail/domain.h"
#include "common/mail/from.h"

#define FIELDS_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        arena_t *arena = arena_create(0);
        char *text = malloc(size + 1);
        from_field_t fields[FIELDS_MAX];
        size_t count = 0, begun = 0;
        from_author_t author;

        memcpy(text, data, size);
        text[size] = '\0';
        for (size_t i = 0; i <= size && count < FIELDS_MAX; i++) {
                if (i < size && text[i] != '\n')
                        continue;
                fields[count++] = (from_field_t){.body = text + begun, .len = i - begun};
                begun = i + 1;
        }
        if (from_parse(arena, fields, count, &author) == 0) {
                for (size_t i = 0; i < author.domain_count; i++) {
                        char again[DOMAIN_LONG_SIZE];

                        if (domain_normalize_long(author.domains[i], strlen(author.domains[i]),
                                                  again) != 0 ||
                            strcmp(again, author.domains[i]) != 0)
                                abort();
                }
        }
        free(text);
        arena_free(arena);
        return 0;
}
