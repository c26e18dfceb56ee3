#include "cli/doctor/opendkim.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t\r"

static const struct {
        const char *name;
        size_t offset;
} options[] = {
    {"AuthservID", offsetof(opendkim_t, authserv_id)},
    {"AuthservIDWithJobID", offsetof(opendkim_t, with_job_id)},
    {"KeepAuthResults", offsetof(opendkim_t, keep_auth_results)},
    {"Mode", offsetof(opendkim_t, mode)},
    {"RemoveARFrom", offsetof(opendkim_t, remove_from)},
    {"Socket", offsetof(opendkim_t, socket)},
    {"UMask", offsetof(opendkim_t, umask)},
    {"Include", offsetof(opendkim_t, include)},
};

/* Where the value goes, a const char *; NULL for an option that does not matter. */
static void *find_option(opendkim_t *opendkim, const char *name, size_t len)
{
        for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
                if (strlen(options[i].name) == len && strncasecmp(options[i].name, name, len) == 0)
                        return (char *)opendkim + options[i].offset;
        return NULL;
}

/* "Name value"; "#" begins a comment wherever it stands. */
static int read_line(arena_t *arena, const char *line, size_t len, opendkim_t *opendkim)
{
        const char *value, *end, **member;
        size_t name_len;

        end = memchr(line, '#', len);
        if (end == NULL)
                end = line + len;
        while (line < end && strchr(BLANKS, *line) != NULL)
                line++;
        while (end > line && strchr(BLANKS, end[-1]) != NULL)
                end--;
        name_len = strcspn(line, BLANKS);
        if (name_len >= (size_t)(end - line))
                return 0;
        member = find_option(opendkim, line, name_len);
        if (member == NULL)
                return 0;
        value = line + name_len;
        value += strspn(value, BLANKS);
        *member = arena_strndup(arena, value, (size_t)(end - value));
        return *member != NULL ? 0 : -ENOMEM;
}

int opendkim_parse(arena_t *arena, const char *text, opendkim_t *opendkim)
{
        memset(opendkim, 0, sizeof(*opendkim));
        while (*text != '\0') {
                size_t len = strcspn(text, "\n");

                if (read_line(arena, text, len, opendkim) != 0)
                        return -ENOMEM;
                text += len + (text[len] == '\n' ? 1 : 0);
        }
        return 0;
}

bool opendkim_lists(const char *list, const char *authserv_id)
{
        const size_t id_len = strlen(authserv_id);

        while (*list != '\0') {
                size_t len;

                list += strspn(list, ", \t");
                len = strcspn(list, ", \t");
                if (len == id_len && strncasecmp(list, authserv_id, len) == 0)
                        return true;
                if (*list == '.' && len < id_len &&
                    strncasecmp(list, authserv_id + id_len - len, len) == 0)
                        return true;
                list += len;
        }
        return false;
}

bool opendkim_yes(const char *value)
{
        return value != NULL && (strncasecmp(value, "y", 1) == 0 ||
                                 strncasecmp(value, "t", 1) == 0 || strcmp(value, "1") == 0);
}
