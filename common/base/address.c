#include "common/base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static void address_set_ipv4(const struct in_addr *in, address_t *address)
{
        memcpy(address->octets, mapped_prefix, sizeof(mapped_prefix));
        memcpy(address->octets + 12, in, 4);
}

bool address_parse(const char *text, address_t *address)
{
        struct in_addr in;
        struct in6_addr in6;

        if (inet_pton(AF_INET, text, &in) == 1) {
                address_set_ipv4(&in, address);
                return true;
        }
        if (inet_pton(AF_INET6, text, &in6) == 1) {
                memcpy(address->octets, &in6, 16);
                return true;
        }
        return false;
}

bool address_from_sockaddr(const struct sockaddr *sockaddr, address_t *address)
{
        if (sockaddr == NULL)
                return false;
        if (sockaddr->sa_family == AF_INET) {
                struct sockaddr_in in;

                memcpy(&in, sockaddr, sizeof(in));
                address_set_ipv4(&in.sin_addr, address);
                return true;
        }
        if (sockaddr->sa_family == AF_INET6) {
                struct sockaddr_in6 in6;

                memcpy(&in6, sockaddr, sizeof(in6));
                memcpy(address->octets, &in6.sin6_addr, 16);
                return true;
        }
        return false;
}

bool address_is_ipv4(const address_t *address)
{
        return memcmp(address->octets, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

bool address_is_loopback(const address_t *address)
{
        static const address_t loopback = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

        if (address_is_ipv4(address))
                return address->octets[12] == 127;
        return memcmp(address, &loopback, sizeof(loopback)) == 0;
}

/* inet_ntop goes through sprintf, for each message that is logged. */
static const char *format_ipv4(const uint8_t octets[4], char *text)
{
        char *at = text;

        for (size_t i = 0; i < 4; i++) {
                unsigned octet = octets[i];

                if (octet >= 100)
                        *at++ = (char)('0' + octet / 100);
                if (octet >= 10)
                        *at++ = (char)('0' + octet / 10 % 10);
                *at++ = (char)('0' + octet % 10);
                *at++ = i < 3 ? '.' : '\0';
        }
        return text;
}

const char *address_format(const address_t *address, char text[ADDRESS_TEXT_SIZE])
{
        if (address_is_ipv4(address))
                return format_ipv4(address->octets + 12, text);
        return inet_ntop(AF_INET6, address->octets, text, ADDRESS_TEXT_SIZE);
}
