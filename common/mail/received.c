#include "common/mail/received.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/mail/lexer.h"

#define COMMENT_DEPTH 100

/* A piece of the field; never NUL-terminated. */
struct span {
        const char *at;
        size_t len;
};

static bool skip(lexer_t *lexer)
{
        return lexer_cfws(lexer, COMMENT_DEPTH);
}

/* Printable ASCII up to white space or `stop`. */
static struct span read_word(lexer_t *lexer, char stop)
{
        struct span word = {.at = lexer->at};

        while (!lexer_done(lexer) && *lexer->at > ' ' && *lexer->at < 0x7f && *lexer->at != stop)
                lexer->at++;
        word.len = (size_t)(lexer->at - word.at);
        return word;
}

static bool span_is(struct span span, const char *word)
{
        return strlen(word) == span.len && strncasecmp(word, span.at, span.len) == 0;
}

static bool read_keyword(lexer_t *lexer, const char *keyword)
{
        return skip(lexer) && span_is(read_word(lexer, '('), keyword);
}

static bool read_spaces(lexer_t *lexer)
{
        const char *begin = lexer->at;

        while (lexer_accept(lexer, ' ') || lexer_accept(lexer, '\t') || lexer_accept(lexer, '\n'))
                continue;
        return lexer->at > begin;
}

static bool read_address(struct span text, address_t *client)
{
        static const char prefix[] = "IPv6:";
        char copy[ADDRESS_TEXT_SIZE];

        if (text.len > sizeof(prefix) - 1 &&
            strncasecmp(text.at, prefix, sizeof(prefix) - 1) == 0) {
                text.at += sizeof(prefix) - 1;
                text.len -= sizeof(prefix) - 1;
        }
        if (text.len >= sizeof(copy))
                return false;
        memcpy(copy, text.at, text.len);
        copy[text.len] = '\0';
        return address_parse(copy, client);
}

/* "(NAME [ADDRESS])" */
static bool read_client(lexer_t *lexer, struct span *name, address_t *client)
{
        struct span address;

        if (!lexer_accept(lexer, '('))
                return false;
        *name = read_word(lexer, '[');
        if (name->len == 0 || !read_spaces(lexer) || !lexer_accept(lexer, '['))
                return false;
        address = read_word(lexer, ']');
        return lexer_accept(lexer, ']') && lexer_accept(lexer, ')') &&
               read_address(address, client);
}

/* RFC 3848 and RFC 6531; LMTP is a delivery, not a reception. */
static bool read_protocol(struct span word, bool *authenticated)
{
        static const struct {
                const char *name;
                bool authenticated;
        } protocols[] = {
            {"SMTP", false},      {"ESMTP", false},    {"ESMTPS", false},
            {"ESMTPA", true},     {"ESMTPSA", true},   {"UTF8SMTP", false},
            {"UTF8SMTPS", false}, {"UTF8SMTPA", true}, {"UTF8SMTPSA", true},
        };

        for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++) {
                if (!span_is(word, protocols[i].name))
                        continue;
                *authenticated = protocols[i].authenticated;
                return true;
        }
        return false;
}

int received_parse(arena_t *arena, const char *body, size_t len, received_t *out)
{
        lexer_t lexer = {.at = body, .end = body + len};
        struct span helo, name, by;

        memset(out, 0, sizeof(*out));
        if (!read_keyword(&lexer, "from") || !read_spaces(&lexer))
                return 0;
        helo = read_word(&lexer, '(');
        if (helo.len == 0 || !read_spaces(&lexer) || !read_client(&lexer, &name, &out->client))
                return 0;
        if (!read_keyword(&lexer, "by") || !read_spaces(&lexer))
                return 0;
        by = read_word(&lexer, '(');
        if (by.len == 0 || !read_keyword(&lexer, "with") || !read_spaces(&lexer) ||
            !read_protocol(read_word(&lexer, '('), &out->authenticated))
                return 0;
        out->helo = arena_strndup(arena, helo.at, helo.len);
        out->by = arena_strndup(arena, by.at, by.len);
        if (out->helo == NULL || out->by == NULL)
                return -ENOMEM;
        if (span_is(name, "unknown"))
                return 1;
        out->name = arena_strndup(arena, name.at, name.len);
        return out->name != NULL ? 1 : -ENOMEM;
}
