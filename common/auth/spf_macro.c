#include "common/auth/spf_macro.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/auth/spf_text.h"

#define NAME_MAX_OCTETS 253
#define PARTS_MAX       128 /* RFC 7208 7.3 asks for 127; libspf2 takes no more, and overflows */
#define NO_NAME         "no-name..invalid" /* which nobody can ask for (RFC 7208 4.8) */
#define DELIMITERS      ".-+,/_="

/* One macro-expand, taken apart. */
typedef struct macro {
        char letter; /* '%', '_' or '-' for the short ones */
        unsigned parts;
        bool reverse, escape;
        bool capital;                        /* the reversal is asked for by a capital R */
        char delimiters[sizeof(DELIMITERS)]; /* a set */
} macro_t;

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static void add_delimiter(macro_t *macro, char c)
{
        size_t len = strlen(macro->delimiters);

        if (strchr(macro->delimiters, c) != NULL)
                return;
        macro->delimiters[len] = c;
        macro->delimiters[len + 1] = '\0';
}

/* How many parts: one to PARTS_MAX. @return octets; *sound tells whether it is one */
static size_t read_parts(const char *at, size_t len, unsigned *parts, bool *sound)
{
        size_t i = 0;
        unsigned number = 0;

        for (; i < len && is_digit(at[i]); i++)
                if (i < 3)
                        number = number * 10 + (unsigned)(at[i] - '0');
        *parts = number;
        *sound = i == 0 || (i <= 3 && number > 0 && number <= PARTS_MAX);
        return i;
}

/* @return its octets, or 0 when there is none */
static size_t read_macro(const char *at, size_t len, macro_t *macro)
{
        size_t i = 3;
        bool sound;

        *macro = (macro_t){.letter = '\0'};
        if (len < 2 || at[0] != '%')
                return 0;
        macro->letter = at[1];
        if (at[1] == '%' || at[1] == '_' || at[1] == '-')
                return 2;
        /* c, r and t are for explanations only */
        if (len < 4 || at[1] != '{' || at[2] == '\0' || !strchr("slodiphvSLODIPHV", at[2]))
                return 0;
        macro->escape = at[2] < 'a';
        macro->letter = (char)(macro->escape ? at[2] - 'A' + 'a' : at[2]);
        i += read_parts(at + i, len - i, &macro->parts, &sound);
        if (!sound)
                return 0;
        if (i < len && (at[i] == 'r' || at[i] == 'R')) {
                macro->reverse = true;
                macro->capital = at[i] == 'R';
                i++;
        }
        for (; i < len && at[i] != '\0' && strchr(DELIMITERS, at[i]); i++)
                add_delimiter(macro, at[i]);
        if (*macro->delimiters == '\0')
                add_delimiter(macro, '.');
        return i < len && at[i] == '}' ? i + 1 : 0;
}

bool spf_macro_string(const char *at, size_t len, size_t *last_macro_end)
{
        size_t i = 0;

        *last_macro_end = 0;
        while (i < len) {
                macro_t macro;
                size_t octets = read_macro(at + i, len - i, &macro);

                if (octets > 0) {
                        i += octets;
                        *last_macro_end = i;
                } else if (at[i] > ' ' && at[i] <= '~' && at[i] != '%') {
                        i++;
                } else {
                        return false;
                }
        }
        return true;
}

/* A header of four octets, and four at a time. */
static size_t literal_size(size_t literal)
{
        return literal == 0 ? 0 : 4 + (literal + 3) / 4 * 4;
}

/* What a short macro stands for; NULL for a variable */
static const char *short_macro(const macro_t *macro)
{
        switch (macro->letter) {
        case '%':
                return "%";
        case '_':
                return " ";
        case '-':
                return "%20";
        default:
                return NULL;
        }
}

/* libspf2 knows no comma and no slash between parts, and no capital R, and where it is asked for
 * some parts only it loses the first octet when there are no more than these, and counts dots
 * whatever the delimiter is. It is the only one to know "p". */
static bool is_beyond_library(const macro_t *macro)
{
        return macro->capital || strpbrk(macro->delimiters, ",/") != NULL ||
               (macro->parts > 0 && macro->letter != 'p');
}

size_t spf_macro_compiled_size(const char *at, size_t len)
{
        size_t i = 0, literal = 0, size = 0;

        while (i < len) {
                macro_t macro;
                size_t octets = read_macro(at + i, len - i, &macro);
                const char *stands_for = octets > 0 ? short_macro(&macro) : "x";

                i += octets > 0 ? octets : 1;
                if (stands_for != NULL) {
                        literal += strlen(stands_for);
                } else {
                        size += literal_size(literal) + 4;
                        literal = 0;
                }
                if (literal > SPF_LITERAL_MAX || (octets > 0 && is_beyond_library(&macro)))
                        return 0;
        }
        return size + literal_size(literal);
}

const char *spf_name_cut(const char *name)
{
        size_t len = strlen(name), begin;

        if (len > 0 && name[len - 1] == '.')
                len--;
        if (len <= NAME_MAX_OCTETS)
                return name;
        for (begin = len - NAME_MAX_OCTETS; begin < len && name[begin - 1] != '.';)
                begin++;
        return begin < len ? name + begin : name + len - NAME_MAX_OCTETS;
}

/* --- expansion -------------------------------------------------------------------------------- */

/* RFC 7208 7.3: "i" is dotted, IPv6 by nibbles */
static const char *client_text(const spf_subject_t *subject, char text[ADDRESS_TEXT_SIZE + 64])
{
        static const char hex[] = "0123456789abcdef";
        char *to = text;

        if (address_is_ipv4(&subject->client))
                return address_format(&subject->client, text);
        for (size_t i = 0; i < sizeof(subject->client.octets); i++) {
                *to++ = hex[subject->client.octets[i] >> 4];
                *to++ = '.';
                *to++ = hex[subject->client.octets[i] & 15];
                *to++ = '.';
        }
        to[-1] = '\0';
        return text;
}

/* The value of a variable; `room` is for what has to be written. @return NULL for "p" */
static const char *value_of(char letter, const spf_subject_t *subject, size_t *len,
                            char room[ADDRESS_TEXT_SIZE + 64])
{
        const char *at_sign = strrchr(subject->sender, '@');
        const char *value = NULL;

        if (letter == 's' || letter == 'l')
                value = subject->sender;
        else if (letter == 'o')
                value = at_sign != NULL ? at_sign + 1 : subject->sender;
        else if (letter == 'd')
                value = subject->domain;
        else if (letter == 'h')
                value = subject->helo;
        else if (letter == 'i')
                value = client_text(subject, room);
        else if (letter == 'v')
                value = address_is_ipv4(&subject->client) ? "in-addr" : "ip6";
        if (letter == 'l' && at_sign != NULL)
                *len = (size_t)(at_sign - subject->sender);
        else if (value != NULL)
                *len = strlen(value);
        return value;
}

static bool is_unreserved(char c)
{
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               (c != '\0' && strchr("-._~", c) != NULL);
}

static void put_value(spf_text_t *out, const char *value, size_t len, bool escape)
{
        for (size_t i = 0; i < len; i++) {
                char text[4] = {value[i]};

                if (escape && !is_unreserved(value[i]))
                        snprintf(text, sizeof(text), "%%%02X", (unsigned char)value[i]);
                spf_text_puts(out, text);
        }
}

static size_t count_parts(const macro_t *macro, const char *value, size_t len)
{
        size_t count = 1;

        for (size_t i = 0; i < len; i++)
                count += value[i] != '\0' && strchr(macro->delimiters, value[i]) != NULL;
        return count;
}

/* Split at the delimiters, keep the right-hand parts (after the reversal), join with dots. */
static void put_parts(spf_text_t *out, const macro_t *macro, const char *value, size_t len)
{
        size_t count = count_parts(macro, value, len);
        size_t kept = macro->parts == 0 || macro->parts > count ? count : macro->parts;
        size_t begin = macro->reverse ? len : 0, end;

        for (size_t i = 0; i < count; i++) {
                const bool used = i >= count - kept;

                if (macro->reverse) {
                        for (end = begin;
                             begin > 0 && !strchr(macro->delimiters, value[begin - 1]);)
                                begin--;
                } else {
                        for (end = begin; end < len && !strchr(macro->delimiters, value[end]);)
                                end++;
                }
                if (used)
                        put_value(out, value + begin, end - begin, macro->escape);
                if (used && i + 1 < count)
                        spf_text_puts(out, ".");
                begin = macro->reverse ? begin - (begin > 0) : end + 1;
        }
}

/* All macros replaced, but for a "p": a NUL stands for it. @return how many there are */
static size_t expand(spf_text_t *out, const char *at, size_t len, const spf_subject_t *subject,
                     size_t *budget)
{
        size_t names = 0;

        for (size_t i = 0; i < len;) {
                char room[ADDRESS_TEXT_SIZE + 64];
                macro_t macro;
                size_t octets = read_macro(at + i, len - i, &macro), value_len = 0;
                const char *value = octets > 0 ? short_macro(&macro) : NULL;

                if (octets == 0) {
                        spf_text_put(out, at + i++, 1);
                        continue;
                }
                i += octets;
                if (value != NULL) {
                        spf_text_puts(out, value);
                        continue;
                }
                value = value_of(macro.letter, subject, &value_len, room);
                if (value_len >= *budget) {
                        *budget = 0;
                        break;
                }
                *budget -= value_len;
                if (value != NULL)
                        put_parts(out, &macro, value, value_len);
                else
                        spf_text_put(out, "", 1);
                names += value == NULL;
        }
        return names;
}

/* The next "p" of the source, in libspf2's terms: a name has neither commas nor slashes. */
static void put_name_macro(spf_text_t *out, const char **at, const char *end)
{
        char text[32];
        macro_t macro;
        size_t octets;
        char *delimiters = text;

        do {
                octets = read_macro(*at, (size_t)(end - *at), &macro);
                *at += octets > 0 ? octets : 1;
        } while (macro.letter != 'p');
        delimiters += snprintf(text, sizeof(text), "%%{%c", macro.escape ? 'P' : 'p');
        if (macro.parts > 0)
                delimiters += snprintf(delimiters, 4, "%u", macro.parts);
        if (macro.reverse)
                *delimiters++ = 'r';
        *delimiters = '\0';
        spf_text_puts(out, text);
        for (const char *c = macro.delimiters; *c != '\0'; c++)
                spf_text_puts(out, strchr(",/", *c) != NULL ? "=" : (char[]){*c, '\0'});
        spf_text_puts(out, "}");
}

static bool put_octet(spf_text_t *out, char c)
{
        if (c == '%')
                spf_text_puts(out, "%%");
        else if (c == ' ')
                spf_text_puts(out, "%_");
        else if (c > ' ' && c <= '~')
                spf_text_put(out, &c, 1);
        else
                return false;
        return true;
}

/* In the form of a record; what looks like a prefix length must not stand at the end. */
static bool put_domain_spec(spf_text_t *out, const spf_text_t *name, const char *source,
                            const char *source_end)
{
        const char *slash = memrchr(name->text, '/', name->len);
        const char *end = name->text + name->len;

        if (slash != NULL && memchr(slash, '.', (size_t)(end - slash)) == NULL)
                return false;
        for (const char *at = name->text; at < end; at++) {
                if (*at == '\0')
                        put_name_macro(out, &source, source_end);
                else if (!put_octet(out, *at))
                        return false;
        }
        return name->len > 0;
}

char *spf_macro_expand(const char *at, size_t len, const spf_subject_t *subject, size_t *budget)
{
        spf_text_t name = {0}, out = {0};
        size_t names = expand(&name, at, len, subject, budget);

        if (names == 0 && name.text != NULL && !name.out_of_memory) {
                const char *cut = spf_name_cut(name.text);

                name.len -= (size_t)(cut - name.text);
                memmove(name.text, cut, name.len + 1);
        }
        if (name.text == NULL || !put_domain_spec(&out, &name, at, at + len)) {
                out.len = 0;
                spf_text_puts(&out, NO_NAME);
        }
        if (name.out_of_memory)
                out.out_of_memory = true;
        free(name.text);
        if (!out.out_of_memory)
                return out.text;
        free(out.text);
        return NULL;
}
