#include "common/mail/dkim_signature.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

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

/* A tag "name=value" without the ";". @return whether it is d=, with its value */
static bool is_domain_tag(const char *start, const char *end, const char **value,
                          const char **value_end)
{
        const char *equals = memchr(start, '=', (size_t)(end - start));
        const char *name_end = equals;

        if (equals == NULL)
                return false;
        trim(&start, &name_end);
        if (name_end - start != 1 || *start != 'd')
                return false;
        *value = equals + 1;
        *value_end = end;
        trim(value, value_end);
        return true;
}

int dkim_signature_domain(const char *body, size_t len, char out[DOMAIN_SIZE])
{
        const char *end = body + len, *value = NULL, *value_end = NULL;
        unsigned found = 0;

        for (const char *at = body; at < end;) {
                const char *semicolon = memchr(at, ';', (size_t)(end - at));
                const char *tag_end = semicolon != NULL ? semicolon : end;

                found += is_domain_tag(at, tag_end, &value, &value_end);
                at = semicolon != NULL ? semicolon + 1 : end;
        }
        if (found != 1)
                return -EINVAL;
        return domain_normalize(value, (size_t)(value_end - value), out);
}
