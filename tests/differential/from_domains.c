/*
 * For test_readers.py: what our parser makes of From fields. Each line of standard input is one,
 * in base64; the answer is a line "VERDICT complete|incomplete DOMAIN...".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mail/from.h"

static int value(char c)
{
        static const char alphabet[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const char *found = c != '\0' ? strchr(alphabet, c) : NULL;

        return found != NULL ? (int)(found - alphabet) : -1;
}

/* In place. @return octets */
static size_t decode(char *text)
{
        unsigned bits = 0, have = 0;
        size_t len = 0;

        for (const char *at = text; value(*at) >= 0; at++) {
                bits = (bits << 6 | (unsigned)value(*at)) & 0xffff;
                have += 6;
                if (have >= 8) {
                        have -= 8;
                        text[len++] = (char)(bits >> have & 0xff);
                }
        }
        return len;
}

static int answer(char *line)
{
        arena_t *arena = arena_create(0);
        from_field_t field = {.body = line, .len = decode(line)};
        from_author_t author;
        int error = arena != NULL ? from_parse(arena, &field, 1, &author) : -1;

        if (error == 0) {
                printf("%s %s", from_verdict_name(author.verdict),
                       author.domains_incomplete ? "incomplete" : "complete");
                for (size_t i = 0; i < author.domain_count; i++)
                        printf(" %s", author.domains[i]);
                putchar('\n');
        }
        arena_free(arena);
        return error;
}

int main(void)
{
        char *line = NULL;
        size_t room = 0;
        int error = 0;

        while (error == 0 && getline(&line, &room, stdin) > 0)
                error = answer(line);
        free(line);
        return error == 0 ? 0 : 1;
}
