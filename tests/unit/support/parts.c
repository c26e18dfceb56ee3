#include "tests/unit/support/parts.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

char *parts_base64(arena_t *arena, const char *text, size_t *len)
{
        static const char alphabet[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        char *out = arena_alloc(arena, strlen(text) + 1);
        unsigned bits = 0, held = 0;

        cr_assert_not_null(out);
        *len = 0;
        for (; *text != '\0' && *text != '='; text++) {
                const char *digit = strchr(alphabet, *text);

                if (digit == NULL)
                        continue;
                bits = bits << 6 | (unsigned)(digit - alphabet);
                held += 6;
                if (held >= 8) {
                        held -= 8;
                        out[(*len)++] = (char)(bits >> held);
                }
        }
        return out;
}

char *parts_join(arena_t *arena, vectors_t *vectors, yaml_node_t *parts, size_t *len)
{
        size_t room = 0;
        char *out;

        for (int fill = 0; fill < 2; fill++) {
                out = fill ? arena_alloc(arena, room + 1) : NULL;
                cr_assert(!fill || out != NULL);
                *len = 0;
                for (size_t i = 0; i < vectors_count(parts); i++) {
                        yaml_node_t *pair = vectors_at(vectors, parts, i);
                        yaml_node_t *number = vectors_at(vectors, pair, 0);
                        yaml_node_t *piece = vectors_at(vectors, pair, 1);
                        size_t piece_len = piece->data.scalar.length;
                        long count = strtol((const char *)number->data.scalar.value, NULL, 10);

                        for (long n = 0; n < count; n++, *len += piece_len)
                                if (fill)
                                        memcpy(out + *len, piece->data.scalar.value, piece_len);
                }
                room = *len;
        }
        return out;
}
