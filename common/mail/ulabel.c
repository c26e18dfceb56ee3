#include "common/mail/ulabel.h"

#include <ctype.h>
#include <errno.h>
#include <idn2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define LABEL_MAX  63
#define OCTETS_MAX 1024 /* of a label as it stands */
#define POINTS_MAX 80   /* code points; a label of more is over 63 octets in any case */
#define CHARACTER  8    /* room for a character in UTF-8 */
#define IDN2_FLAGS (IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT)
#define ACE_PREFIX "xn--"

/* A label while its code points are gathered. */
struct points {
        uint32_t at[POINTS_MAX];
        size_t count;
};

/* One character of UTF-8. @return its octets, or 0 when there is none */
static size_t decode(const char *text, size_t len, uint32_t *point)
{
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        const unsigned char *at = (const unsigned char *)text;
        size_t octets = at[0] < 0x80   ? 1
                        : at[0] < 0xc2 ? 0
                        : at[0] < 0xe0 ? 2
                        : at[0] < 0xf0 ? 3
                        : at[0] < 0xf5 ? 4
                                       : 0;

        if (octets == 0 || octets > len)
                return 0;
        *point = octets == 1 ? at[0] : at[0] & (0x7fU >> octets);
        for (size_t i = 1; i < octets; i++) {
                if ((at[i] & 0xc0) != 0x80)
                        return 0;
                *point = *point << 6 | (at[i] & 0x3f);
        }
        return *point >= least[octets] && *point <= 0x10ffff ? octets : 0;
}

/* Characters that UTS 46 takes as they are and IDNA2008 does not: symbols, none of which looks
 * like a letter or a dot, or is written as several other characters. */
static bool is_symbol(uint32_t point)
{
        static const struct {
                uint32_t first, last;
        } ranges[] = {
            {0xa1, 0xa7},       {0xa9, 0xa9},       {0xab, 0xac},       {0xae, 0xae},
            {0xb0, 0xb1},       {0xb6, 0xb6},       {0xbb, 0xbb},       {0xbf, 0xbf},
            {0xd7, 0xd7},       {0xf7, 0xf7},       {0x20a0, 0x20c0},   {0x2190, 0x225f},
            {0x2261, 0x226d},   {0x2270, 0x2426},   {0x2440, 0x244a},   {0x24eb, 0x2a73},
            {0x2a77, 0x2bff},   {0x1f000, 0x1f0ff}, {0x1f12f, 0x1f12f}, {0x1f150, 0x1f169},
            {0x1f170, 0x1f18f}, {0x1f191, 0x1f1ff}, {0x1f300, 0x1faff},
        };

        for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
                if (point >= ranges[i].first && point <= ranges[i].last)
                        return true;
        return false;
}

static int add_point(struct points *points, uint32_t point)
{
        if (points->count < POINTS_MAX)
                points->at[points->count++] = point;
        return 0;
}

static int add_text(struct points *points, const char *text)
{
        size_t len = strlen(text);

        while (len > 0) {
                uint32_t point;
                size_t octets = decode(text, len, &point);

                if (octets == 0)
                        return -EINVAL;
                add_point(points, point);
                text += octets;
                len -= octets;
        }
        return 0;
}

/* What libidn2 makes of one character: its lower case, its compatible form. */
static int add_mapped(struct points *points, const char *text, size_t octets, uint32_t point)
{
        char character[CHARACTER], *ascii = NULL, *mapped = NULL;
        int error;

        memcpy(character, text, octets);
        character[octets] = '\0';
        error = idn2_to_ascii_8z(character, &ascii, IDN2_FLAGS);
        if (error == IDN2_OK)
                error = idn2_to_unicode_8z8z(ascii, &mapped, 0);
        idn2_free(ascii);
        if (error == IDN2_MALLOC)
                return -ENOMEM;
        if (error != IDN2_OK)
                return is_symbol(point) ? add_point(points, point) : -EINVAL;
        error = add_text(points, mapped);
        idn2_free(mapped);
        return error;
}

static int read_points(const char *text, size_t len, struct points *points)
{
        int error = 0;

        while (len > 0 && error == 0 && points->count < POINTS_MAX) {
                uint32_t point;
                size_t octets = decode(text, len, &point);

                if (octets == 0)
                        return -EINVAL;
                if (point >= 0x80)
                        error = add_mapped(points, text, octets, point);
                else if (isalnum((int)point) || point == '-' || point == '_')
                        error = add_point(points, (uint32_t)tolower((int)point));
                else
                        return -EINVAL;
                text += octets;
                len -= octets;
        }
        return error;
}

/* --- Punycode (RFC 3492 sections 6.1 and 6.3) --- */

enum { BASE = 36, T_MIN = 1, T_MAX = 26, SKEW = 38, DAMP = 700, BIAS = 72, FIRST = 128 };

static uint32_t adapt(uint32_t delta, uint32_t count, bool is_first)
{
        uint32_t k = 0;

        delta = is_first ? delta / DAMP : delta / 2;
        delta += delta / count;
        for (; delta > (BASE - T_MIN) * T_MAX / 2; k += BASE)
                delta /= BASE - T_MIN;
        return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

struct puny {
        char *out; /* ULABEL_SIZE, NUL-terminated */
        size_t len;
        bool too_long;
        uint32_t delta, bias;
};

static void put(struct puny *puny, char c)
{
        if (puny->len == LABEL_MAX) {
                puny->too_long = true;
                return;
        }
        puny->out[puny->len++] = c;
        puny->out[puny->len] = '\0';
}

static void put_delta(struct puny *puny)
{
        uint32_t q = puny->delta;

        for (uint32_t k = BASE;; k += BASE) {
                uint32_t t = k <= puny->bias           ? T_MIN
                             : k >= puny->bias + T_MAX ? T_MAX
                                                       : k - puny->bias;
                uint32_t digit = q < t ? q : t + (q - t) % (BASE - t);

                put(puny, (char)(digit < 26 ? 'a' + digit : '0' + digit - 26));
                if (q < t)
                        return;
                q = (q - t) / (BASE - t);
        }
}

static uint32_t next_point(const struct points *points, uint32_t least)
{
        uint32_t next = UINT32_MAX;

        for (size_t i = 0; i < points->count; i++)
                if (points->at[i] >= least && points->at[i] < next)
                        next = points->at[i];
        return next;
}

static void put_point(struct puny *puny, const struct points *points, uint32_t point,
                      uint32_t *handled, uint32_t basic)
{
        for (size_t i = 0; i < points->count; i++) {
                if (points->at[i] < point)
                        puny->delta++;
                if (points->at[i] != point)
                        continue;
                put_delta(puny);
                puny->bias = adapt(puny->delta, *handled + 1, *handled == basic);
                puny->delta = 0;
                ++*handled;
        }
}

/* At most 80 code points below 0x110000: delta stays below 2^27. */
static void encode(struct puny *puny, const struct points *points)
{
        uint32_t basic = 0, handled, point = FIRST;

        for (const char *at = ACE_PREFIX; *at != '\0'; at++)
                put(puny, *at);
        for (size_t i = 0; i < points->count; i++) {
                if (points->at[i] < FIRST) {
                        put(puny, (char)points->at[i]);
                        basic++;
                }
        }
        if (basic > 0)
                put(puny, '-');
        puny->bias = BIAS;
        for (handled = basic; handled < points->count; point++) {
                uint32_t next = next_point(points, point);

                puny->delta += (next - point) * (handled + 1);
                point = next;
                put_point(puny, points, point, &handled, basic);
                puny->delta++;
        }
}

/* 64 octets that differ with the label, as far as they can. */
static void stand_in(const char *text, size_t len, char out[ULABEL_SIZE])
{
        memset(out, '0', ULABEL_SIZE - 1);
        out[ULABEL_SIZE - 1] = '\0';
        for (size_t i = 0; i < len && 2 * i + 1 < ULABEL_SIZE - 1; i++) {
                out[2 * i] = "0123456789abcdef"[(unsigned char)text[i] >> 4];
                out[2 * i + 1] = "0123456789abcdef"[(unsigned char)text[i] & 15];
        }
}

static int encode_symbols(const char *text, size_t len, char out[ULABEL_SIZE])
{
        struct points points = {.count = 0};
        struct puny puny = {.out = out};
        int error = read_points(text, len, &points);

        if (error != 0)
                return error;
        puny.too_long = points.count == POINTS_MAX;
        if (!puny.too_long)
                encode(&puny, &points);
        if (puny.too_long)
                stand_in(text, len, out);
        return 0;
}

int ulabel_to_ascii(const char *text, size_t len, char out[ULABEL_SIZE])
{
        char label[OCTETS_MAX + 1], *ascii = NULL;
        int error;

        if (len > OCTETS_MAX || memchr(text, '\0', len) != NULL)
                return -EINVAL;
        memcpy(label, text, len);
        label[len] = '\0';
        error = idn2_to_ascii_8z(label, &ascii, IDN2_FLAGS);
        if (error == IDN2_MALLOC)
                return -ENOMEM;
        if (error == IDN2_TOO_BIG_LABEL || error == IDN2_TOO_BIG_DOMAIN) {
                stand_in(text, len, out);
                return 0;
        }
        if (error != IDN2_OK)
                return encode_symbols(text, len, out);
        error = strlen(ascii) <= LABEL_MAX ? 0 : -EINVAL;
        if (error == 0)
                snprintf(out, ULABEL_SIZE, "%s", ascii);
        idn2_free(ascii);
        return error;
}
