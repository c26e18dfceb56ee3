/*
 * nameserver.h - "ADDRESS" or "ADDRESS@PORT"
 */
#ifndef TRUEFROM_DNS_NAMESERVER_H
#define TRUEFROM_DNS_NAMESERVER_H

#include <stdbool.h>

struct ares_addr_port_node;

/** Read a name server's address into c-ares's form; no port there is port 53.
 * @return false for anything else; *node is then undefined */
bool nameserver_parse(const char *text, struct ares_addr_port_node *node);

#endif
