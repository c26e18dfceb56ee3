#include "cli/paint.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const sequences[] = {
    [PAINT_PLAIN] = "",        [PAINT_HEADING] = "\033[1m", [PAINT_DIM] = "\033[2m",
    [PAINT_GOOD] = "\033[32m", [PAINT_BAD] = "\033[31m",    [PAINT_DOUBT] = "\033[33m",
};

void paint_init(paint_t *paint, FILE *out)
{
        const char *no_color = getenv("NO_COLOR");
        const char *terminal = getenv("TERM");

        paint->out = out;
        paint->colour = isatty(fileno(out)) && (no_color == NULL || *no_color == '\0') &&
                        terminal != NULL && strcmp(terminal, "dumb") != 0;
}

void paint_print(const paint_t *paint, enum paint_style style, const char *format, ...)
{
        bool colour = paint->colour && style != PAINT_PLAIN;
        va_list args;

        if (colour)
                fputs(sequences[style], paint->out);
        va_start(args, format);
        vfprintf(paint->out, format, args);
        va_end(args);
        if (colour)
                fputs("\033[0m", paint->out);
}

char *paint_escape(arena_t *arena, const char *text, size_t len)
{
        char *out = len < SIZE_MAX / 4 ? arena_alloc(arena, len * 4 + 1) : NULL;
        char *at = out;

        if (out == NULL)
                return NULL;
        for (size_t i = 0; i < len; i++) {
                unsigned char c = (unsigned char)text[i];

                if (c < ' ' || c > '~') {
                        at += sprintf(at, "\\%03u", c);
                } else {
                        if (c == '\\')
                                *at++ = '\\';
                        *at++ = (char)c;
                }
        }
        return out;
}

const char *paint_text(arena_t *arena, const char *text)
{
        const char *escaped;

        if (text == NULL)
                return "-";
        escaped = paint_escape(arena, text, strlen(text));
        return escaped != NULL ? escaped : "(out of memory)";
}
