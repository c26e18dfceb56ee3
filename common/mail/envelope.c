#include "common/mail/envelope.h"

#include <string.h>
#include <strings.h>

/* <@relay.a,@relay.b:user@example.org>: the route is what ends at the first ":" (RFC 5321 4.1.2).
 */
static void skip_route(const char **at, const char *end)
{
        const char *colon;

        if (*at == end || **at != '@')
                return;
        colon = memchr(*at, ':', (size_t)(end - *at));
        if (colon != NULL)
                *at = colon + 1;
}

static void unquote_local_part(const char **at, const char *end, char **out)
{
        if (*at == end || **at != '"')
                return;
        for (++*at; *at < end && **at != '"'; ++*at) {
                if (**at == '\\' && *at + 1 < end)
                        ++*at;
                *(*out)++ = **at;
        }
        if (*at < end)
                ++*at;
}

char *envelope_sender(arena_t *arena, const char *mail_from)
{
        const char *at = mail_from, *end = mail_from + strlen(mail_from);
        char *sender = arena_alloc(arena, (size_t)(end - at) + 1);
        char *out = sender;

        if (sender == NULL)
                return NULL;
        if (at < end && *at == '<') {
                at++;
                if (at < end && end[-1] == '>')
                        end--;
        }
        skip_route(&at, end);
        unquote_local_part(&at, end, &out);
        memcpy(out, at, (size_t)(end - at));
        return sender;
}

/* What Postfix does not let through (its smtpd's HELO clean-up). */
static bool is_special(unsigned char c)
{
        switch (c) {
        case '<':
        case '>':
        case '(':
        case ')':
        case '\\':
        case '"':
        case ';':
        case '@':
                return true;
        default:
                return c <= ' ' || c >= 0x7f;
        }
}

char *envelope_helo(arena_t *arena, const char *helo)
{
        char *out = arena_strdup(arena, helo != NULL ? helo : "");

        if (out == NULL)
                return NULL;
        for (char *at = out; *at != '\0'; at++)
                if (is_special((unsigned char)*at))
                        *at = '?';
        return out;
}

const char *envelope_sender_domain(const char *sender)
{
        const char *at = strrchr(sender, '@');

        return at != NULL && at[1] != '\0' ? at + 1 : NULL;
}

bool envelope_sender_equal(const char *a, const char *b)
{
        const char *domain_a = envelope_sender_domain(a), *domain_b = envelope_sender_domain(b);

        if (domain_a == NULL || domain_b == NULL)
                return strcmp(a, b) == 0;
        return domain_a - a == domain_b - b && memcmp(a, b, (size_t)(domain_a - a)) == 0 &&
               strcasecmp(domain_a, domain_b) == 0;
}
