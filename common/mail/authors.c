#include "common/mail/authors.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/mail/domain.h"
#include "common/mail/encoded_word.h"

static void keep(authors_t *authors, const char *domain)
{
        const char *copy;

        for (size_t i = 0; i < authors->count; i++)
                if (strcmp(authors->domains[i], domain) == 0)
                        return;
        if (authors->count == FROM_DOMAINS_MAX) {
                authors->incomplete = true;
                return;
        }
        copy = arena_strdup(authors->arena, domain);
        if (copy == NULL)
                authors->out_of_memory = true;
        else
                authors->domains[authors->count++] = copy;
}

/* One more text to be looked at: the time that this may take is bounded. */
static bool may_try(authors_t *authors)
{
        if (authors->tries < AUTHORS_TRIES_MAX) {
                authors->tries++;
                return true;
        }
        authors->incomplete = true;
        return false;
}

enum authors_found authors_add(authors_t *authors, const char *text, size_t len)
{
        char domain[DOMAIN_LONG_SIZE];
        int error = -EINVAL;

        if (len > 0 && may_try(authors))
                error = domain_normalize_long(text, len, domain);
        if (error == -ENOMEM)
                authors->out_of_memory = true;
        if (error != 0)
                return AUTHORS_NO_DOMAIN;
        keep(authors, domain);
        return domain_fits(domain) ? AUTHORS_DOMAIN : AUTHORS_LONG_DOMAIN;
}

void authors_add_part(authors_t *authors, const char *text, size_t len)
{
        if (!may_try(authors))
                return;
        while (len > 0 && text[len - 1] == '.')
                len--;
        if (memchr(text, '.', len) != NULL)
                authors_add(authors, text, len);
}

static bool is_word_byte(char c)
{
        return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
               (c >= 'A' && c <= 'Z');
}

void authors_add_trimmed(authors_t *authors, const char *text, size_t len)
{
        size_t trimmed = len;

        while (trimmed > 0 && !is_word_byte(text[trimmed - 1]))
                trimmed--;
        if (trimmed + 1 < len || (trimmed < len && text[trimmed] != '.'))
                authors_add_part(authors, text, trimmed);
}

/* [192.0.2.1], [IPv6:2001:db8::1] */
static bool is_address_literal(const char *text, size_t len)
{
        static const char ipv6[] = "IPv6:";
        const char *allowed = "0123456789. \t";

        if (len >= sizeof(ipv6) - 1 && strncasecmp(text, ipv6, sizeof(ipv6) - 1) == 0) {
                text += sizeof(ipv6) - 1;
                len -= sizeof(ipv6) - 1;
                allowed = "0123456789abcdefABCDEF:. \t";
        }
        for (size_t i = 0; i < len; i++)
                if (text[i] == '\0' || strchr(allowed, text[i]) == NULL)
                        return false;
        return true;
}

bool authors_add_literal(authors_t *authors, const char *text, size_t len)
{
        if (is_address_literal(text, len) || authors_add(authors, text, len) != AUTHORS_NO_DOMAIN)
                return true;
        authors->incomplete = true;
        return false;
}

static bool is_domain_byte(char c)
{
        return (unsigned char)c >= 0x80 || c == '-' || c == '_' || (c >= '0' && c <= '9') ||
               (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *collect_literal(authors_t *authors, const char *at, const char *end)
{
        const char *close = memchr(at, ']', (size_t)(end - at));

        if (!may_try(authors) || close == NULL) {
                authors->incomplete = true;
                return at;
        }
        authors_add_literal(authors, at, (size_t)(close - at));
        return close;
}

/* The text after an "@" as far as it could be a domain: up to white space, and, since a domain may
 * have white space around its dots, on from there too. */
static const char *collect_one(authors_t *authors, const char *at, const char *end, char *scratch)
{
        bool after_dot = true, space = false;
        size_t len = 0;

        for (; at < end; at++) {
                if (is_space(*at)) {
                        if (!space && len > 0) {
                                authors_add(authors, scratch, len);
                                authors_add_trimmed(authors, scratch, len);
                        }
                        space = true;
                        continue;
                }
                if (*at != '.' && (!is_domain_byte(*at) || (space && !after_dot)))
                        break;
                scratch[len++] = *at;
                after_dot = *at == '.';
                space = false;
        }
        if (len == 0 && at < end && *at == '[')
                return collect_literal(authors, at + 1, end);
        if (authors_add(authors, scratch, len) == AUTHORS_NO_DOMAIN)
                authors->incomplete = true;
        authors_add_trimmed(authors, scratch, len);
        return at;
}

/* @param scratch as long as the text */
static void collect(authors_t *authors, const char *text, size_t text_len, char *scratch)
{
        const char *end = text + text_len;
        const char *at = memchr(text, '@', text_len);

        while (at != NULL && authors->tries < AUTHORS_TRIES_MAX) {
                at = collect_one(authors, at + 1, end, scratch);
                at = memchr(at, '@', (size_t)(end - at));
        }
        if (at != NULL)
                authors->incomplete = true;
}

/* The text without what stands in parentheses. */
static size_t strip_comments(const char *text, size_t len, char *out)
{
        size_t depth = 0, used = 0;

        for (size_t i = 0; i < len; i++) {
                if (text[i] == '(')
                        depth++;
                else if (text[i] == ')' && depth > 0)
                        depth--;
                else if (depth == 0)
                        out[used++] = text[i];
        }
        return used;
}

/* The text without quotes and the backslashes of quoted-pairs. */
static size_t unquote(const char *text, size_t len, char *out)
{
        size_t used = 0;

        for (size_t i = 0; i < len; i++) {
                if (text[i] == '\\' && i + 1 < len)
                        out[used++] = text[++i];
                else if (text[i] != '"')
                        out[used++] = text[i];
        }
        return used;
}

/* Without white space, and without "<>", which parts words for us alone. In place. */
static size_t join(char *text, size_t len)
{
        size_t used = 0;

        for (size_t i = 0; i < len; i++) {
                if (text[i] == '>' && used > 0 && text[used - 1] == '<')
                        used--;
                else if (!is_space(text[i]))
                        text[used++] = text[i];
        }
        return used;
}

/* As it stands, and as those see it who decode, who unquote, who join what white space parts. */
static void collect_readings(authors_t *authors, const char *text, size_t len, char *unquoted,
                             char *decoded, char *scratch)
{
        size_t decoded_len;

        collect(authors, text, len, scratch);
        decoded_len = encoded_words_decode(text, len, decoded, &authors->incomplete);
        if (decoded_len < len)
                collect(authors, decoded, decoded_len, scratch);
        len = unquote(text, len, unquoted);
        decoded_len = encoded_words_decode(unquoted, len, decoded, &authors->incomplete);
        collect(authors, decoded, decoded_len, scratch);
        len = join(decoded, decoded_len);
        if (len < decoded_len)
                collect(authors, decoded, len, scratch);
}

void authors_collect(authors_t *authors, const char *text, size_t len)
{
        char *stripped = arena_calloc(authors->arena, 4, len + 1);
        char *unquoted, *decoded, *scratch;

        if (stripped == NULL) {
                authors->out_of_memory = true;
                return;
        }
        unquoted = stripped + len + 1;
        decoded = unquoted + len + 1;
        scratch = decoded + len + 1;
        collect_readings(authors, text, len, unquoted, decoded, scratch);
        if (memchr(text, '(', len) != NULL)
                collect_readings(authors, stripped, strip_comments(text, len, stripped), unquoted,
                                 decoded, scratch);
}
