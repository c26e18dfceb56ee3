/*
 * dnsserver.h - name servers for tests: faultdns.py with a JSON zone, nsd with a zone file
 *
 * Each runs in a directory of its own under /tmp and ends with the test. Compile with TEST_SUPPORT
 * set to the folder of faultdns.py. A failure aborts the test.
 */
#ifndef TRUEFROM_TESTS_DNSSERVER_H
#define TRUEFROM_TESTS_DNSSERVER_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "common/dns/resolver.h"

typedef struct dns_server {
        pid_t pid;
        unsigned port;
        char address[32]; /**< "127.0.0.1@PORT" */
        char directory[32];
        FILE *output; /**< what the server prints */
} dns_server_t;

/** Start faultdns.py; listens on 127.0.0.1 and ::1. Quotes may be written as ' in `zone`. */
void faultdns_start(dns_server_t *server, const char *zone);

/** Replace faultdns.py's zone, and wait until it holds. */
void faultdns_reload(dns_server_t *server, const char *zone);

/** How many queries "NAME TYPE" faultdns.py has had; any query for NULL. */
unsigned faultdns_queries(const dns_server_t *server, const char *query);

/** True when nsd is installed. */
bool nsd_installed(void);

/** Start nsd for one zone, named `origin`. */
void nsd_start(dns_server_t *server, const char *origin, const char *zone);

/** A resolver that asks this server only. */
resolver_t *dns_server_resolver(const dns_server_t *server, unsigned timeout_ms);

/** Stop either and remove its directory. */
void dns_server_stop(dns_server_t *server);

#endif
