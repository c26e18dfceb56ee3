#include "common/mail/encoded_word.h"

#include <string.h>
#include <strings.h>

#define CHARSET_MAX 60 /* octets; longer names are of no charset */

/* How the octets of a charset are told from ASCII. */
enum charset_kind {
        CHARSET_UNKNOWN,
        CHARSET_ASCII,   /* octets below 0x80 are ASCII */
        CHARSET_TRAILED, /* the octet behind one from 0x81 on belongs to it, and may look like ASCII
                          */
        CHARSET_ESCAPED, /* ISO 2022: ESC "$" begins what is not ASCII, ESC "(" ends it */
        CHARSET_WIDE     /* UTF-16, UTF-32: ASCII with NULs around */
};

struct word {
        const char *charset, *text, *end; /* of the text: at the "?=" */
        size_t charset_len;
        bool base64;
};

static enum charset_kind charset_kind(const char *name, size_t len)
{
        static const struct {
                const char *begin;
                enum charset_kind kind;
        } charsets[] = {
            {"utf-8", CHARSET_ASCII},         {"utf8", CHARSET_ASCII},
            {"us-ascii", CHARSET_ASCII},      {"ascii", CHARSET_ASCII},
            {"ansi_x3", CHARSET_ASCII},       {"iso-8859-", CHARSET_ASCII},
            {"iso8859-", CHARSET_ASCII},      {"iso_8859-", CHARSET_ASCII},
            {"latin", CHARSET_ASCII},         {"windows-125", CHARSET_ASCII},
            {"windows-874", CHARSET_ASCII},   {"cp125", CHARSET_ASCII},
            {"koi8-", CHARSET_ASCII},         {"tis-620", CHARSET_ASCII},
            {"macintosh", CHARSET_ASCII},     {"x-mac-", CHARSET_ASCII},
            {"euc-", CHARSET_ASCII},          {"gb2312", CHARSET_TRAILED},
            {"gbk", CHARSET_TRAILED},         {"gb18030", CHARSET_TRAILED},
            {"big5", CHARSET_TRAILED},        {"shift_jis", CHARSET_TRAILED},
            {"shift-jis", CHARSET_TRAILED},   {"sjis", CHARSET_TRAILED},
            {"windows-31j", CHARSET_TRAILED}, {"windows-949", CHARSET_TRAILED},
            {"cp932", CHARSET_TRAILED},       {"cp936", CHARSET_TRAILED},
            {"cp949", CHARSET_TRAILED},       {"cp950", CHARSET_TRAILED},
            {"ks_c_5601", CHARSET_TRAILED},   {"iso-2022-", CHARSET_ESCAPED},
            {"utf-16", CHARSET_WIDE},         {"utf-32", CHARSET_WIDE},
            {"ucs-2", CHARSET_WIDE},
        };

        for (size_t i = 0; i < sizeof(charsets) / sizeof(*charsets); i++)
                if (strlen(charsets[i].begin) <= len &&
                    strncasecmp(charsets[i].begin, name, strlen(charsets[i].begin)) == 0)
                        return charsets[i].kind;
        return CHARSET_UNKNOWN;
}

static int hex_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int base64_value(char c)
{
        static const char alphabet[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const char *found = c != '\0' ? strchr(alphabet, c) : NULL;

        return found != NULL ? (int)(found - alphabet) : -1;
}

static size_t decode_q(const struct word *word, char *out, bool *unreadable)
{
        size_t len = 0;

        for (const char *at = word->text; at < word->end; at++) {
                int high = at + 1 < word->end ? hex_value(at[1]) : -1;
                int low = at + 2 < word->end ? hex_value(at[2]) : -1;

                if (*at == '=' && high >= 0 && low >= 0) {
                        out[len++] = (char)(high * 16 + low);
                        at += 2;
                        continue;
                }
                if (*at == '=')
                        *unreadable = true;
                out[len++] = *at == '_' ? ' ' : *at;
        }
        return len;
}

/* Whole quanta with padding at the end alone: what else there may be, readers read differently. */
static size_t decode_b(const struct word *word, char *out, bool *unreadable)
{
        unsigned bits = 0, have = 0, padding = 0;
        size_t count = 0, len = 0;

        for (const char *at = word->text; at < word->end; at++) {
                int value = base64_value(*at);

                if (*at == '=') {
                        padding++;
                        continue;
                }
                if (value < 0 || padding > 0) {
                        *unreadable = true;
                        continue;
                }
                count++;
                bits = (bits << 6 | (unsigned)value) & 0xffff;
                have += 6;
                if (have >= 8) {
                        have -= 8;
                        out[len++] = (char)(bits >> have & 0xff);
                }
        }
        if ((count + padding) % 4 != 0 || padding > 2)
                *unreadable = true;
        return len;
}

/* Leave out what belongs to characters that are not ASCII. In place. */
static size_t keep_ascii(char *text, size_t len, enum charset_kind kind)
{
        bool escaped = false;
        size_t used = 0;

        for (size_t i = 0; i < len; i++) {
                unsigned char c = (unsigned char)text[i];

                if (kind == CHARSET_ESCAPED && c == 0x1b) {
                        escaped = i + 1 < len && text[i + 1] == '$';
                        i += 2;
                } else if (kind == CHARSET_TRAILED && c >= 0x81) {
                        text[used++] = text[i++];
                } else if (!escaped && (kind != CHARSET_WIDE || c != 0)) {
                        text[used++] = text[i];
                }
        }
        return used;
}

static size_t decode_word(const struct word *word, char *out, bool *unreadable)
{
        enum charset_kind kind = charset_kind(word->charset, word->charset_len);
        size_t len =
            word->base64 ? decode_b(word, out, unreadable) : decode_q(word, out, unreadable);

        if (kind == CHARSET_UNKNOWN)
                *unreadable = true;
        return kind > CHARSET_ASCII ? keep_ascii(out, len, kind) : len;
}

/* "=?charset?B?text?=" at `at`. @param no_end set when no "?=" follows, so that none need be
 * looked for again. @return its end, or NULL when none stands here */
static const char *read_word(const char *at, const char *end, struct word *word, bool *no_end)
{
        const char *mark;

        if (end - at < 2 || at[0] != '=' || at[1] != '?')
                return NULL;
        word->charset = at + 2;
        for (mark = word->charset;
             mark < end && *mark != '?' && mark - word->charset <= CHARSET_MAX;)
                mark++;
        word->charset_len = (size_t)(mark - word->charset);
        if (end - mark < 3 || *mark != '?' || mark[2] != '?' || strchr("bBqQ", mark[1]) == NULL ||
            mark[1] == '\0')
                return NULL;
        word->base64 = mark[1] == 'b' || mark[1] == 'B';
        word->text = mark + 3;
        word->end = *no_end ? NULL : memmem(word->text, (size_t)(end - word->text), "?=", 2);
        *no_end = word->end == NULL;
        return word->end != NULL ? word->end + 2 : NULL;
}

static const char *skip_space(const char *at, const char *end)
{
        while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
                at++;
        return at;
}

size_t encoded_words_decode(const char *text, size_t len, char *out, bool *unreadable)
{
        const char *at = text, *end = text + len;
        bool after_word = false, no_end = false;
        size_t used = 0;

        while (at < end) {
                const char *begin = after_word ? skip_space(at, end) : at;
                struct word word;
                const char *behind = read_word(begin, end, &word, &no_end);

                after_word = behind != NULL;
                if (behind != NULL) {
                        used += decode_word(&word, out + used, unreadable);
                        at = behind;
                } else {
                        out[used++] = *at++;
                }
        }
        return used;
}
