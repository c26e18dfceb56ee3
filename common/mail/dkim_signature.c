#include "common/mail/dkim_signature.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define REQUIRED_TAGS 7

static const char *const required[REQUIRED_TAGS] = {"d", "v", "a", "b", "bh", "h", "s"};

/* FWS, as libmilter and stored messages have it. */
static bool is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void trim(const char **start, const char **end)
{
        while (*start < *end && is_space(**start))
                (*start)++;
        while (*start < *end && is_space((*end)[-1]))
                (*end)--;
}

struct tag {
        const char *name, *name_end, *value, *value_end;
};

/* A tag "name=value" without the ";". @return false when it is none */
static bool read_tag(const char *start, const char *end, struct tag *tag)
{
        const char *equals = memchr(start, '=', (size_t)(end - start));

        if (equals == NULL)
                return false;
        *tag = (struct tag){start, equals, equals + 1, end};
        trim(&tag->name, &tag->name_end);
        trim(&tag->value, &tag->value_end);
        return true;
}

/* The place of a tag among those that a signature must have, or -1. */
static int required_index(const struct tag *tag)
{
        for (int i = 0; i < REQUIRED_TAGS; i++)
                if (strlen(required[i]) == (size_t)(tag->name_end - tag->name) &&
                    memcmp(required[i], tag->name, strlen(required[i])) == 0)
                        return i;
        return -1;
}

int dkim_signature_domain(const char *body, size_t len, char out[DOMAIN_SIZE])
{
        const char *end = body + len;
        struct tag tag, domain = {0};
        unsigned found = 0;

        for (const char *at = body; at < end;) {
                const char *semicolon = memchr(at, ';', (size_t)(end - at));
                const char *tag_end = semicolon != NULL ? semicolon : end;
                int index = read_tag(at, tag_end, &tag) ? required_index(&tag) : -1;

                if (index >= 0 && (found & 1U << index) != 0)
                        return -EINVAL;
                if (index >= 0)
                        found |= 1U << index;
                if (index == 0)
                        domain = tag;
                at = semicolon != NULL ? semicolon + 1 : end;
        }
        if (found != (1U << REQUIRED_TAGS) - 1)
                return -EINVAL;
        return domain_normalize(domain.value, (size_t)(domain.value_end - domain.value), out);
}

static int hex_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        return isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

/* The octet that "=XX" stands for (RFC 6376 2.11), or -1. */
static int encoded_octet(const char *at, const char *end)
{
        if (end - at < 3 || *at != '=' || hex_value(at[1]) < 0 || hex_value(at[2]) < 0)
                return -1;
        return hex_value(at[1]) * 16 + hex_value(at[2]);
}

static bool holds_encoded_separator(const char *at, const char *end)
{
        for (; at < end; at++) {
                int octet = encoded_octet(at, end);

                if (octet == ';' || octet == 0x7f || (octet >= 0 && octet < ' '))
                        return true;
        }
        return false;
}

/* Every i= is looked at, also of a field that is no signature by our reading: what the verifier
 * makes of it is not known here. */
bool dkim_signature_forges_results(const char *body, size_t len)
{
        const char *end = body + len;
        struct tag tag;

        for (const char *at = body; at < end;) {
                const char *semicolon = memchr(at, ';', (size_t)(end - at));
                const char *tag_end = semicolon != NULL ? semicolon : end;

                if (read_tag(at, tag_end, &tag) && tag.name_end - tag.name == 1 &&
                    (*tag.name == 'i' || *tag.name == 'I') &&
                    holds_encoded_separator(tag.value, tag.value_end))
                        return true;
                at = semicolon != NULL ? semicolon + 1 : end;
        }
        return false;
}
