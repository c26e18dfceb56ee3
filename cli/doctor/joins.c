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

static void count_line(const char *line, const char *end, joins_t *joins)
{
        static const char mark[] = " join=";
        const char *text = after_tag(line, end);
        const char *kind = end;

        if (text == NULL)
                return;
        while (kind > text && *kind != '=')
                kind--;
        kind++; /* the last word's value */
        if (kind - text < (ptrdiff_t)sizeof(mark) ||
            strncmp(kind - (sizeof(mark) - 1), mark, sizeof(mark) - 1) != 0)
                return;
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
