#include "common/dns/name.h"

#include <string.h>

/* RFC 1035 2.3.4 and 4.1.4. */
#define LABEL_MAX    63U
#define POINTER_MARK 0xC0U

/* Not tolower(3): names must not change with the locale. */
static uint8_t lower(uint8_t octet)
{
        return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet + ('a' - 'A')) : octet;
}

/* Append a label; room for the root label is always kept. */
static bool append_label(dns_name_t *name, const uint8_t *label, size_t len)
{
        if (len == 0 || len > LABEL_MAX || name->len + 1 + len > DNS_NAME_MAX - 1)
                return false;
        name->octets[name->len++] = (uint8_t)len;
        for (size_t i = 0; i < len; i++)
                name->octets[name->len++] = lower(label[i]);
        return true;
}

static void append_root(dns_name_t *name)
{
        name->octets[name->len++] = 0;
}

bool dns_name_from_text(const char *text, dns_name_t *name)
{
        name->len = 0;
        if (strcmp(text, ".") == 0) {
                append_root(name);
                return true;
        }
        do {
                size_t len = strcspn(text, ".");

                if (!append_label(name, (const uint8_t *)text, len))
                        return false;
                text += len;
                if (*text == '.')
                        text++;
        } while (*text != '\0');
        append_root(name);
        return true;
}

bool dns_name_from_message(const uint8_t *message, size_t len, size_t pos, dns_name_t *name,
                           size_t *end)
{
        size_t start = pos; /* where the part being read began */
        bool jumped = false;

        name->len = 0;
        while (pos < len && message[pos] != 0) {
                uint8_t octet = message[pos];

                if ((octet & POINTER_MARK) == POINTER_MARK) {
                        if (len - pos < 2)
                                return false;
                        if (!jumped && end)
                                *end = pos + 2;
                        jumped = true;
                        pos = ((size_t)(octet & ~POINTER_MARK) << 8) | message[pos + 1];
                        /* Strictly backwards, so that it ends (RFC 1035 4.1.4: "a prior"). */
                        if (pos >= start)
                                return false;
                        start = pos;
                        continue;
                }
                if (octet > LABEL_MAX || octet >= len - pos ||
                    !append_label(name, message + pos + 1, octet))
                        return false;
                pos += (size_t)octet + 1;
        }
        if (pos >= len)
                return false;
        append_root(name);
        if (!jumped && end)
                *end = pos + 1;
        return true;
}

int dns_name_to_text(const dns_name_t *name, char text[DNS_NAME_TEXT_SIZE])
{
        size_t used = 0;

        for (size_t pos = 0; name->octets[pos] != 0; pos += (size_t)name->octets[pos] + 1) {
                const uint8_t *label = name->octets + pos + 1;
                size_t len = name->octets[pos];

                if (memchr(label, '.', len) || memchr(label, '\0', len))
                        return -1;
                if (used > 0)
                        text[used++] = '.';
                memcpy(text + used, label, len);
                used += len;
        }
        text[used] = '\0';
        return (int)used;
}

bool dns_name_equal(const dns_name_t *name, const dns_name_t *other)
{
        return name->len == other->len && memcmp(name->octets, other->octets, name->len) == 0;
}

bool dns_name_within(const dns_name_t *name, const dns_name_t *ancestor)
{
        size_t pos = 0;

        /* Label by label: the ancestor's octets may also end amid a label by chance. */
        while (name->len - pos > ancestor->len)
                pos += (size_t)name->octets[pos] + 1;
        return name->len - pos == ancestor->len &&
               memcmp(name->octets + pos, ancestor->octets, ancestor->len) == 0;
}
