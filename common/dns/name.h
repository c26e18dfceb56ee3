/*
 * name.h - domain names in wire form (RFC 1035 3.1), in lower case
 *
 * The wire form is the one spelling in which names are compared and kept: any octet may stand in a
 * label, and nothing needs to be escaped. Pure: no I/O, no memory.
 */
#ifndef TRUEFROM_DNS_NAME_H
#define TRUEFROM_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The most octets of a name in wire form, the root's included (RFC 1035 2.3.4). */
#define DNS_NAME_MAX 255
/** Room for the text of any name with its NUL. */
#define DNS_NAME_TEXT_SIZE 254

typedef struct dns_name {
        uint8_t octets[DNS_NAME_MAX]; /**< labels with their lengths, the root label last */
        size_t len;                   /**< octets in use; at least 1 in a valid name */
} dns_name_t;

/** Read a name from text, with or without trailing dot; every octet but "." is itself; "." alone is
 * the root.
 * @return false for an empty text, an empty label, or a label or name that is too long */
bool dns_name_from_text(const char *text, dns_name_t *name);

/** Read the name that starts at `pos` of a message, compressed or not.
 * @param end set to the position after the name, if not NULL
 * @return false when it leaves the message, is too long, or its pointers do not lead backwards */
bool dns_name_from_message(const uint8_t *message, size_t len, size_t pos, dns_name_t *name,
                           size_t *end);

/** Write the text without trailing dot; the root is "".
 * @return its length, or -1 when a label holds a dot or NUL, which no unescaped text can tell */
int dns_name_to_text(const dns_name_t *name, char text[DNS_NAME_TEXT_SIZE]);

/** True for the same name. */
bool dns_name_equal(const dns_name_t *name, const dns_name_t *other);

/** True when `name` is `ancestor` or below it. */
bool dns_name_within(const dns_name_t *name, const dns_name_t *ancestor);

#endif
