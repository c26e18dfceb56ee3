/* Split any header; read Received out of every field. Fields are parts of the text, in order, with
 * names that are names; what Received gives is printable, and bounded by the field. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/mail/header.h"
#include "common/mail/received.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_word(const char *word, size_t len)
{
        if (*word == '\0' || strlen(word) > len)
                abort();
        for (; *word != '\0'; word++)
                if (*word <= ' ' || *word >= 0x7f)
                        abort();
}

static void check_field(arena_t *arena, const header_field_t *field)
{
        received_t received;

        check_word(field->name, SIZE_MAX);
        if (strchr(field->name, ':') != NULL || field->body[field->len] != '\0')
                abort();
        for (size_t i = 0; i < field->len; i++)
                if (field->body[i] == '\n' && i + 1 < field->len && field->body[i + 1] != ' ' &&
                    field->body[i + 1] != '\t')
                        abort();
        if (received_parse(arena, field->body, field->len, &received) != 1)
                return;
        check_word(received.helo, field->len);
        check_word(received.by, field->len);
        if (received.name != NULL)
                check_word(received.name, field->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        arena_t *arena = arena_create(0);
        char *text = malloc(size + 1);
        const char *before = text;
        header_field_t field;
        header_t header;

        memcpy(text, data, size);
        header_begin(&header, text, size);
        while (header_next(arena, &header, &field) == 1) {
                if (header.at <= before || header.at > text + size)
                        abort();
                before = header.at;
                check_field(arena, &field);
        }
        free(text);
        arena_free(arena);
        return 0;
}
