#include "cli/doctor/last_error.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define LINE_MAX_SHOWN 300

/* What stands behind "daemon[NUMBER]: ", in a line of this daemon only; with the number. The tag is
 * a word, at the beginning or behind a blank, and the first that has a number: what others say
 * comes behind a tag of their own. */
static const char *after_tag(const char *line, size_t len, const char *daemon, const char **number)
{
        const char *bracket = memchr(line, '[', len);
        const size_t name_len = strlen(daemon);
        const char *end = line + len;

        if (bracket == NULL || (size_t)(bracket - line) < name_len ||
            memcmp(bracket - name_len, daemon, name_len) != 0 ||
            (bracket - name_len > line && bracket[-(ptrdiff_t)name_len - 1] != ' '))
                return NULL;
        *number = bracket + 1;
        bracket++;
        while (bracket < end && *bracket >= '0' && *bracket <= '9')
                bracket++;
        return end - bracket > 3 && memcmp(bracket, "]: ", 3) == 0 ? bracket + 3 : NULL;
}

static bool is_error(const char *text, size_t len)
{
        return (len > 7 && memcmp(text, "fatal: ", 7) == 0) ||
               (len > 7 && memcmp(text, "error: ", 7) == 0);
}

static bool same_process(const char *one, const char *other)
{
        return strncmp(one, other, strcspn(one, "]") + 1) == 0;
}

const char *last_error_find(arena_t *arena, const char *text, const char *daemon)
{
        const char *last = NULL, *process = NULL;

        for (const char *line = text; *line != '\0';) {
                const size_t len = strcspn(line, "\n");
                const char *number, *said = after_tag(line, len, daemon, &number);
                const size_t said_len = said != NULL ? (size_t)(line + len - said) : 0;

                if (said != NULL && (process == NULL || !same_process(process, number))) {
                        process = number;
                        last = NULL; /* it began anew */
                }
                if (said != NULL && is_error(said, said_len))
                        last = arena_strndup(arena, said,
                                             said_len < LINE_MAX_SHOWN ? said_len : LINE_MAX_SHOWN);
                line += len + (line[len] == '\n' ? 1 : 0);
        }
        return last;
}
