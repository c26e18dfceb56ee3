#include "common/mail/dkim_signature.h"

#include <errno.h>
#include <stdbool.h>
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
