#include "common/dns/nameserver.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <string.h>

#include "common/dns/resolver.h"

/* Digits only: strtol(3) would take signs and blanks too. @return 0 when it is no port */
static int read_port(const char *text)
{
        int port = 0;

        if (*text == '\0' || strspn(text, "0123456789") != strlen(text))
                return 0;
        for (; *text != '\0'; text++) {
                port = port * 10 + (*text - '0');
                if (port > UINT16_MAX)
                        return 0;
        }
        return port;
}

bool nameserver_parse(const char *text, struct ares_addr_port_node *node)
{
        size_t len = strcspn(text, "@");
        char address[INET6_ADDRSTRLEN];
        int port = NS_DEFAULTPORT;

        if (len >= sizeof(address))
                return false;
        memcpy(address, text, len);
        address[len] = '\0';
        if (text[len] == '@')
                port = read_port(text + len + 1);
        if (port == 0)
                return false;
        memset(node, 0, sizeof(*node));
        node->udp_port = port;
        node->tcp_port = port;
        node->family = AF_INET;
        if (inet_pton(AF_INET, address, &node->addr.addr4) == 1)
                return true;
        node->family = AF_INET6;
        return inet_pton(AF_INET6, address, &node->addr.addr6) == 1;
}

bool dns_nameserver_valid(const char *text)
{
        struct ares_addr_port_node node;

        return text && nameserver_parse(text, &node);
}
