#include "common/mail/domain.h"

#include <ctype.h>
#include <errno.h>
#include <idn2.h>
#include <string.h>
#include <strings.h>

#define LABEL_MAX 63
#define INPUT_MAX 1024 /* octets: a U-label is longer in UTF-8 than as A-label, but not so much */

static bool is_letter_digit(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* One label in lower-case ASCII: letters, digits, "-" inside, and "_", which the DNS knows. */
static bool label_valid(const char *label, size_t len)
{
        if (len == 0 || len > LABEL_MAX || label[0] == '-' || label[len - 1] == '-')
                return false;
        for (size_t i = 0; i < len; i++)
                if (!is_letter_digit(label[i]) && label[i] != '-' && label[i] != '_')
                        return false;
        return true;
}

static bool domain_valid(const char *domain)
{
        for (const char *label = domain;;) {
                size_t len = strcspn(label, ".");

                if (!label_valid(label, len))
                        return false;
                if (label[len] == '\0')
                        return true;
                label += len + 1;
        }
}

/* ASCII needs no mapping but lower case. An "xn--" label is taken as it stands, whether or not it
 * is good Punycode: it is the name that the DNS would be asked for. */
static int normalize_ascii(const char *text, size_t len, char out[DOMAIN_SIZE])
{
        if (len > 0 && text[len - 1] == '.')
                len--;
        if (len == 0 || len > DOMAIN_MAX)
                return -EINVAL;
        for (size_t i = 0; i < len; i++)
                out[i] = (char)tolower((unsigned char)text[i]);
        out[len] = '\0';
        return strlen(out) == len && domain_valid(out) ? 0 : -EINVAL;
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

static int normalize_unicode(const char *text, size_t len, char out[DOMAIN_SIZE])
{
        char copy[INPUT_MAX + 1], *mapped = NULL;
        int error;

        if (len > INPUT_MAX || memchr(text, '\0', len) != NULL)
                return -EINVAL;
        memcpy(copy, text, len);
        copy[len] = '\0';
        if (has_invisible(copy))
                return -EINVAL;
        error = idn2_to_ascii_8z(copy, &mapped, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
        if (error == IDN2_MALLOC)
                return -ENOMEM;
        if (error != IDN2_OK)
                return -EINVAL;
        error = normalize_ascii(mapped, strlen(mapped), out);
        idn2_free(mapped);
        return error;
}

int domain_normalize(const char *text, size_t len, char out[DOMAIN_SIZE])
{
        for (size_t i = 0; i < len; i++)
                if ((unsigned char)text[i] >= 0x80)
                        return normalize_unicode(text, len, out);
        return normalize_ascii(text, len, out);
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
