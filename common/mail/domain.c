#include "common/mail/domain.h"

#include <ctype.h>
#include <errno.h>
#include <idn2.h>
#include <string.h>
#include <strings.h>

#include "common/mail/ulabel.h"

#define LABEL_MAX  63
#define INPUT_MAX  1024 /* octets: a U-label is longer in UTF-8 than as A-label, but not so much */
#define JOINED_MAX (4 * INPUT_MAX)

static bool is_letter_digit(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Letters, digits, "-" at any place, and "_": host names have fewer, the DNS and mail have these.
 */
static bool is_label_byte(char c)
{
        return is_letter_digit(c) || c == '-' || c == '_';
}

/* Labels of any length, in lower-case ASCII. @return whether the DNS can hold them, or -EINVAL */
static int check_labels(const char *domain, size_t len)
{
        bool fits = len <= DOMAIN_MAX;
        size_t label = 0;

        for (size_t i = 0; i <= len; i++) {
                if (i < len && is_label_byte((char)tolower((unsigned char)domain[i]))) {
                        label++;
                        continue;
                }
                if (label == 0 || (i < len && domain[i] != '.'))
                        return -EINVAL;
                fits = fits && label <= LABEL_MAX;
                label = 0;
        }
        return fits;
}

/*
 * ASCII needs no mapping but lower case. An "xn--" label is taken as it stands, whether or not it
 * is good Punycode: it is the name that the DNS would be asked for.
 * @param max octets of `out`; DOMAIN_MAX when the DNS must be able to hold the name
 */
static int normalize_ascii(const char *text, size_t len, char *out, size_t max)
{
        int fits;

        if (len > 0 && text[len - 1] == '.')
                len--;
        fits = check_labels(text, len);
        if (fits < 0 || (!fits && max == DOMAIN_MAX))
                return -EINVAL;
        if (len > max) { /* what is cut off makes no difference: no such name exists */
                text += len - max;
                len = max;
                if (*text == '.') {
                        text++;
                        len--;
                }
        }
        for (size_t i = 0; i < len; i++)
                out[i] = (char)tolower((unsigned char)text[i]);
        out[len] = '\0';
        return 0;
}

/*
 * UTS 46 drops these code points without a word, IDNA2008 forbids them: a name that has one is not
 * the name that a reader sees. In UTF-8; the last octet may be up to `last`.
 */
static bool has_invisible(const char *text)
{
        static const struct {
                const char *first;
                unsigned char last;
        } invisible[] = {
            {"\xc2\xad", 0xad},         /* soft hyphen */
            {"\xcd\x8f", 0x8f},         /* combining grapheme joiner */
            {"\xe1\xa0\x8b", 0x8f},     /* Mongolian selectors */
            {"\xe2\x80\x8b", 0x8b},     /* zero width space */
            {"\xe2\x81\xa0", 0xa4},     /* word joiner, invisible operators */
            {"\xef\xb8\x80", 0x8f},     /* variation selectors */
            {"\xef\xbb\xbf", 0xbf},     /* zero width no-break space */
            {"\xf0\x9b\xb2\xa0", 0xa3}, /* shorthand format controls */
        };

        for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
                if (at[0] == 0xf3 && at[1] == 0xa0)
                        return true; /* tags and further variation selectors */
                for (size_t i = 0; i < sizeof(invisible) / sizeof(*invisible); i++) {
                        size_t len = strlen(invisible[i].first) - 1;

                        if (memcmp(invisible[i].first, at, strnlen((const char *)at, len)) == 0 &&
                            strnlen((const char *)at, len) == len &&
                            at[len] >= (unsigned char)invisible[i].first[len] &&
                            at[len] <= invisible[i].last)
                                return true;
                }
        }
        return false;
}

/* An emoji may have a variation selector that asks for colours; it is no part of the name. */
static void strip_selectors(char *text)
{
        static const char selector[] = "\xef\xb8\x8f";
        char *out = text;

        for (const char *at = text; *at != '\0';) {
                bool symbol = (out - text >= 3 && out[-3] == '\xe2' && out[-2] >= '\x86') ||
                              (out - text >= 4 && out[-4] == '\xf0' && out[-3] == '\x9f');

                if (symbol && strncmp(at, selector, sizeof(selector) - 1) == 0)
                        at += sizeof(selector) - 1;
                else
                        *out++ = *at++;
        }
        *out = '\0';
}

/* "." and what UTS 46 takes for it. @return its octets, or 0 */
static size_t dot(const char *at)
{
        static const char *const dots[] = {".", "\xe3\x80\x82", "\xef\xbc\x8e", "\xef\xbd\xa1"};

        for (size_t i = 0; i < sizeof(dots) / sizeof(*dots); i++)
                if (strncmp(at, dots[i], strlen(dots[i])) == 0)
                        return strlen(dots[i]);
        return 0;
}

static int append_label(const char *label, size_t len, char *joined, size_t *used)
{
        char ascii[ULABEL_SIZE];
        bool is_ascii = true;
        int error;

        for (size_t i = 0; i < len; i++)
                is_ascii = is_ascii && (unsigned char)label[i] < 0x80;
        if (!is_ascii) {
                error = ulabel_to_ascii(label, len, ascii);
                if (error != 0)
                        return error;
                label = ascii;
                len = strlen(ascii);
        }
        if (*used + len > JOINED_MAX)
                return -EINVAL;
        memcpy(joined + *used, label, len);
        *used += len;
        return 0;
}

/* What libidn2 does not take as a whole: symbols, hyphens at an edge, what is too long. */
static int normalize_labels(const char *text, char *out, size_t max)
{
        char joined[JOINED_MAX + 1];
        size_t used = 0;

        for (const char *at = text;;) {
                const char *label = at;
                int error;

                while (*at != '\0' && dot(at) == 0)
                        at++;
                error = append_label(label, (size_t)(at - label), joined, &used);
                if (error != 0)
                        return error;
                if (*at == '\0')
                        return normalize_ascii(joined, used, out, max);
                if (used == JOINED_MAX)
                        return -EINVAL;
                joined[used++] = '.';
                at += dot(at);
        }
}

static int normalize_unicode(const char *text, size_t len, char *out, size_t max)
{
        char copy[INPUT_MAX + 1], *mapped = NULL;
        int error;

        if (len > INPUT_MAX || memchr(text, '\0', len) != NULL)
                return -EINVAL;
        memcpy(copy, text, len);
        copy[len] = '\0';
        strip_selectors(copy);
        if (has_invisible(copy))
                return -EINVAL;
        error = idn2_to_ascii_8z(copy, &mapped, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
        if (error == IDN2_MALLOC)
                return -ENOMEM;
        if (error == IDN2_ENCODING_ERROR)
                return -EINVAL;
        if (error != IDN2_OK)
                return normalize_labels(copy, out, max);
        error = normalize_ascii(mapped, strlen(mapped), out, max);
        idn2_free(mapped);
        return error;
}

static int normalize(const char *text, size_t len, char *out, size_t max)
{
        for (size_t i = 0; i < len; i++)
                if ((unsigned char)text[i] >= 0x80)
                        return normalize_unicode(text, len, out, max);
        return normalize_ascii(text, len, out, max);
}

int domain_normalize(const char *text, size_t len, char out[DOMAIN_SIZE])
{
        return normalize(text, len, out, DOMAIN_MAX);
}

int domain_normalize_long(const char *text, size_t len, char out[DOMAIN_LONG_SIZE])
{
        return normalize(text, len, out, DOMAIN_LONG_MAX);
}

bool domain_fits(const char *domain)
{
        return check_labels(domain, strlen(domain)) == 1;
}

size_t domain_label_count(const char *domain)
{
        size_t count = *domain != '\0' ? 1 : 0;

        for (; *domain != '\0'; domain++)
                if (*domain == '.')
                        count++;
        return count;
}

const char *domain_suffix(const char *domain, size_t labels)
{
        size_t count = domain_label_count(domain);

        for (; count > labels; count--) {
                const char *dot = strchr(domain, '.');

                if (dot == NULL)
                        return domain + strlen(domain);
                domain = dot + 1;
        }
        return domain;
}

bool domain_is_within(const char *domain, const char *ancestor)
{
        size_t len = strlen(domain), wanted = strlen(ancestor);

        if (len < wanted || strcmp(domain + len - wanted, ancestor) != 0)
                return false;
        return len == wanted || domain[len - wanted - 1] == '.';
}

bool domain_matches(const char *domain, const char *entry)
{
        if (*entry != '.')
                return strcmp(domain, entry) == 0;
        return strcmp(domain, entry + 1) != 0 && domain_is_within(domain, entry + 1);
}
