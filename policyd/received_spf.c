#include "policyd/received_spf.h"

#include <stdbool.h>
#include <string.h>

/* RFC 5322 3.2.3 */
static bool is_atext(char octet)
{
        return (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z') ||
               (octet >= '0' && octet <= '9') ||
               (octet != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", octet));
}

static bool is_dot_atom(const char *value)
{
        char previous = '.';

        for (; *value; previous = *value++) {
                if (*value == '.' ? previous == '.' : !is_atext(*value))
                        return false;
        }
        return previous != '.';
}

/* @return the end of what was written; `out` has twice the room of `value`, and two more */
static char *quote(char *out, const char *value)
{
        *out++ = '"';
        for (; *value; value++) {
                if (*value == '"' || *value == '\\')
                        *out++ = '\\';
                *out++ = *value >= ' ' && *value <= '~' ? *value : '?';
        }
        *out++ = '"';
        return out;
}

/* " key=value;", or "" for a value that is too long or absent. */
static const char *pair(arena_t *arena, const char *key, const char *value)
{
        size_t len = strlen(value);
        char *quoted;

        if (len == 0 || len > RECEIVED_SPF_VALUE_MAX)
                return "";
        if (is_dot_atom(value))
                return arena_printf(arena, " %s=%s;", key, value);
        quoted = arena_alloc(arena, 2 * len + 3);
        if (!quoted)
                return NULL;
        *quote(quoted, value) = '\0';
        return arena_printf(arena, " %s=%s;", key, quoted);
}

char *received_spf_write(arena_t *arena, const char *receiver, const entry_t *entry)
{
        const char *identity = *entry->sender ? "mailfrom" : "helo";
        char address[ADDRESS_TEXT_SIZE];
        const char *pairs[] = {
            pair(arena, "receiver", receiver),
            pair(arena, "client-ip", address_format(&entry->client, address)),
            pair(arena, "envelope-from", entry->sender),
            pair(arena, "helo", entry->helo),
        };

        for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
                if (!pairs[i])
                        return NULL;
        }
        return arena_printf(arena, "Received-SPF: %s (%s) identity=%s;%s%s%s%s",
                            auth_result_name(entry->spf), identity, identity, pairs[0], pairs[1],
                            pairs[2], pairs[3]);
}
