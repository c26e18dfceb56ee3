#include "common/mail/header.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* The end of the line that begins at `at`: behind its LF, or the end of the text. */
static const char *line_end(const char *at, const char *end)
{
        const char *newline = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;

        return newline != NULL ? newline + 1 : end;
}

static bool begins_with(const header_t *header, const char *word)
{
        size_t len = strlen(word);

        return (size_t)(header->end - header->at) >= len && memcmp(header->at, word, len) == 0;
}

static bool is_wsp(char c)
{
        return c == ' ' || c == '\t';
}

void header_begin(header_t *header, const char *text, size_t len)
{
        header->at = text;
        header->end = text + len;
        while (begins_with(header, "From ") || begins_with(header, ">From "))
                header->at = line_end(header->at, header->end);
}

/* The colon that ends a field's name, or NULL when the line is no field. */
static const char *find_colon(const char *at, const char *end)
{
        const char *name = at;

        while (at<end && * at> ' ' && *at < 0x7f && *at != ':')
                at++;
        if (at == name)
                return NULL;
        while (at < end && is_wsp(*at)) /* obsolete (RFC 5322 4.5), and taken by Postfix */
                at++;
        return at < end && *at == ':' ? at : NULL;
}

/* Copy without the CR that stands before an LF, and without the last line's end. */
static size_t copy_body(char *out, const char *at, const char *end)
{
        size_t len = 0;

        for (; at < end; at++)
                if (*at != '\r' || at + 1 == end || at[1] != '\n')
                        out[len++] = *at;
        if (len > 0 && out[len - 1] == '\n')
                len--;
        out[len] = '\0';
        return len;
}

int header_next(arena_t *arena, header_t *header, header_field_t *field)
{
        const char *begin = header->at;
        const char *end = line_end(begin, header->end);
        const char *colon = find_colon(begin, end);
        const char *name_end = colon;
        char *body;

        if (colon == NULL)
                return 0;
        while (end < header->end && is_wsp(*end))
                end = line_end(end, header->end);
        header->at = end;
        while (is_wsp(name_end[-1]))
                name_end--;
        field->name = arena_strndup(arena, begin, (size_t)(name_end - begin));
        begin = colon + 1;
        if (begin < end && *begin == ' ')
                begin++;
        body = arena_alloc(arena, (size_t)(end - begin) + 1);
        if (field->name == NULL || body == NULL)
                return -ENOMEM;
        field->len = copy_body(body, begin, end);
        field->body = body;
        return 1;
}
