#include "cli/migrate/writer.h"

#include <string.h>

#define COLUMNS      96
#define GROUP_INDENT 4
#define SET_IN       4

static void begin_line(writer_t *writer)
{
        if (writer->gap)
                fputc('\n', writer->out);
        writer->gap = false;
        fprintf(writer->out, "%*s", (int)writer->indent, "");
}

static bool printable(char octet)
{
        return octet >= 0x20 && octet <= 0x7e;
}

static void put_octets(FILE *out, const char *text, size_t len)
{
        for (size_t i = 0; i < len; i++) {
                if (!printable(text[i]))
                        fprintf(out, "\\%03o", (unsigned char)text[i]);
                else if (text[i] == '\\')
                        fputs("\\\\", out);
                else
                        fputc(text[i], out);
        }
}

void writer_put_escaped(FILE *out, const char *text)
{
        put_octets(out, text, strlen(text));
}

/* Words of `text` after "#" and `set_in` spaces, as many to a line as fit. */
static void put_wrapped(writer_t *writer, size_t set_in, const char *text)
{
        size_t column = 0;

        while (*text != '\0') {
                size_t len = strcspn(text, " ");

                if (column > 0 && column + 1 + len > COLUMNS) {
                        fputc('\n', writer->out);
                        column = 0;
                }
                if (column == 0) {
                        begin_line(writer);
                        fprintf(writer->out, "#%*s", (int)set_in, "");
                        column = writer->indent + 1 + set_in;
                } else {
                        fputc(' ', writer->out);
                        column++;
                }
                put_octets(writer->out, text, len);
                column += len;
                text += len + strspn(text + len, " ");
        }
        fputc('\n', writer->out);
}

void writer_comment(writer_t *writer, const char *text)
{
        put_wrapped(writer, 1, text);
}

void writer_explain(writer_t *writer, const char *original, const char *text)
{
        begin_line(writer);
        fputs("# ", writer->out);
        writer_put_escaped(writer->out, original);
        fputc('\n', writer->out);
        put_wrapped(writer, 1 + SET_IN, text);
}

static void put_quoted(FILE *out, const char *value)
{
        fputc('"', out);
        for (const char *at = value; *at != '\0'; at++) {
                if (!printable(*at))
                        fprintf(out, "\\x%02x", (unsigned char)*at);
                else if (*at == '"' || *at == '\\')
                        fprintf(out, "\\%c", *at);
                else
                        fputc(*at, out);
        }
        fputc('"', out);
}

void writer_string(writer_t *writer, const char *name, const char *value)
{
        begin_line(writer);
        fprintf(writer->out, "%s = ", name);
        put_quoted(writer->out, value);
        fputs(";\n", writer->out);
}

void writer_list(writer_t *writer, const char *name, const char *const *items, size_t count)
{
        begin_line(writer);
        fprintf(writer->out, "%s = ( ", name);
        for (size_t i = 0; i < count; i++) {
                if (i > 0)
                        fputs(", ", writer->out);
                put_quoted(writer->out, items[i]);
        }
        fputs(" );\n", writer->out);
}

void writer_bool(writer_t *writer, const char *name, bool value)
{
        begin_line(writer);
        fprintf(writer->out, "%s = %s;\n", name, value ? "true" : "false");
}

void writer_number(writer_t *writer, const char *name, long value)
{
        begin_line(writer);
        fprintf(writer->out, "%s = %ld;\n", name, value);
}

void writer_suggest(writer_t *writer, const char *name, const char *value)
{
        begin_line(writer);
        fprintf(writer->out, "#%s = ", name);
        put_quoted(writer->out, value);
        fputs(";\n", writer->out);
}

void writer_gap(writer_t *writer)
{
        writer->gap = true;
}

void writer_begin_group(writer_t *writer, const char *name)
{
        begin_line(writer);
        fprintf(writer->out, "%s:\n", name);
        begin_line(writer);
        fputs("{\n", writer->out);
        writer->indent += GROUP_INDENT;
}

void writer_end_group(writer_t *writer)
{
        writer->indent -= GROUP_INDENT;
        writer->gap = false;
        begin_line(writer);
        fputs("};\n", writer->out);
}
