/*
 * address.h - the client's IP address, in one form for both families
 *
 * An IPv4 address is held as its IPv4-mapped IPv6 address (RFC 4291 2.5.5.2), so that a client that
 * arrives as ::ffff:192.0.2.1 and one that arrives as 192.0.2.1 are the same client.
 */
#ifndef TRUEFROM_BASE_ADDRESS_H
#define TRUEFROM_BASE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/** Plain data; compare with memcmp. */
typedef struct address {
        uint8_t octets[16]; /**< network order; IPv4 as ::ffff:a.b.c.d */
} address_t;

/** Room for any textual address with its NUL. */
#define ADDRESS_TEXT_SIZE 46

/** Read "192.0.2.1", "2001:db8::1" or "::ffff:192.0.2.1" (no prefix, no brackets).
 * @return false when `text` is not an address; *address is then untouched */
bool address_parse(const char *text, address_t *address);

/** From a socket address. @return false for another family or NULL */
bool address_from_sockaddr(const struct sockaddr *sockaddr, address_t *address);

/** True when it stands for an IPv4 address. */
bool address_is_ipv4(const address_t *address);

/** True for 127.0.0.0/8 and ::1. */
bool address_is_loopback(const address_t *address);

/** Write the usual text, IPv4 as dotted quad, into `text`; returns `text`. */
const char *address_format(const address_t *address, char text[ADDRESS_TEXT_SIZE]);

#endif
