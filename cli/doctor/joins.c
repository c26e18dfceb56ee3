#include "cli/doctor/joins.h"

#include <stddef.h>
#include <string.h>

#define TAG_WORDS_MAX                                                                              \
        4 /* words before "program[pid]:" in syslog's forms: "Nov 24 10:00:00 host"                \
           */

static const char *const kind_names[JOINS_KINDS] = {
    [JOINS_QUEUE_ID] = "queueid", [JOINS_ENVELOPE] = "envelope", [JOINS_HEADER] = "header",
    [JOINS_SELF] = "self",        [JOINS_NONE] = "none",
};

/* What stands behind "truefrom-milter[PID]: " when that is this line's tag, else NULL. */
static const char *after_tag(const char *line, const char *end)
{
        static const char tag[] = "truefrom-milter[";

        for (int word = 0; word <= TAG_WORDS_MAX && line < end; word++) {
                const char *blank = memchr(line, ' ', (size_t)(end - line));

                if (blank == NULL)
                        return NULL;
                if ((size_t)(blank - line) > sizeof(tag) &&
                    strncmp(line, tag, sizeof(tag) - 1) == 0)
                        return blank[-1] == ':' ? blank + 1 : NULL;
                line = blank + strspn(blank, " ");
        }
        return NULL;
}

/* The last occurrence, since a domain from the network may stand before it; all that follows
 * join= is ours, or one word. */
static const char *last_of(const char *text, const char *end, const char *mark)
{
        const size_t len = strlen(mark);

        for (const char *at = end; (size_t)(at - text) >= len; at--)
                if (strncmp(at - len, mark, len) == 0)
                        return at - len;
        return NULL;
}

static void count_line(const char *line, const char *end, joins_t *joins)
{
        static const char mark[] = " join=";
        const char *blank, *text = after_tag(line, end);
        const char *kind = text != NULL ? last_of(text, end, mark) : NULL;

        if (kind == NULL)
                return;
        kind += strlen(mark);
        blank = memchr(kind, ' ', (size_t)(end - kind));
        if (blank != NULL)
                end = blank;
        for (int i = 0; i < JOINS_KINDS; i++) {
                if (strlen(kind_names[i]) != (size_t)(end - kind) ||
                    strncmp(kind_names[i], kind, (size_t)(end - kind)) != 0)
                        continue;
                joins->count[i]++;
                joins->total++;
        }
}

void joins_count(const char *text, joins_t *joins)
{
        memset(joins, 0, sizeof(*joins));
        while (*text != '\0') {
                size_t len = strcspn(text, "\n");

                count_line(text, text + len, joins);
                text += len + (text[len] == '\n' ? 1 : 0);
        }
}
