#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/dns/resolver.h"
#include "tests/unit/support/dnsserver.h"

/* Long enough for a busy machine, where an answer comes; short, where none will. */
#define LONG_MS  10000
#define SHORT_MS 300

static dns_server_t server;

static void stop_server(void)
{
        dns_server_stop(&server);
}

TestSuite(resolver_faults, .fini = stop_server, .timeout = 120);

static enum dns_status status_of(resolver_t *resolver, const char *name)
{
        const dns_answer_t *answer = dns_query(resolver, name, DNS_TXT, 0);
        enum dns_status status = answer->status;

        dns_answer_release(answer);
        return status;
}

/* What comes of one fault, and that it is not remembered. */
static void expect_fault(const char *fault, unsigned timeout_ms, enum dns_status status)
{
        resolver_t *resolver;
        char zone[256];

        snprintf(zone, sizeof(zone), "{'x.example': {'TXT': ['text'], 'fault': '%s'}}", fault);
        faultdns_reload(&server, zone);
        resolver = dns_server_resolver(&server, timeout_ms);
        cr_expect_eq(status_of(resolver, "x.example"), status, "%s", fault);
        resolver_free(resolver);
}

Test(resolver_faults, errors_and_nonsense_are_temporary)
{
        static const char *const faults[] = {"servfail",   "refused", "formerr",
                                             "notimp",     "garbage", "truncate-always",
                                             "cname-loop", "lame",    "badvers"};

        faultdns_start(&server, "{}");
        for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
                expect_fault(faults[i], LONG_MS, DNS_TEMPFAIL);
}

Test(resolver_faults, what_is_no_answer_to_us_is_not_believed)
{
        static const char *const faults[] = {"silent", "wrong-id", "wrong-question", "noise"};

        faultdns_start(&server, "{}");
        for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
                expect_fault(faults[i], SHORT_MS, DNS_TIMEOUT);
}

Test(resolver_faults, trouble_that_is_overcome)
{
        static const char *const faults[] = {"truncate", "drop-first", "no-edns", "delay:0.2"};

        faultdns_start(&server, "{}");
        for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
                expect_fault(faults[i], LONG_MS, DNS_OK);
}

Test(resolver_faults, servers_without_edns_are_asked_again_and_again)
{
        resolver_t *resolver;

        faultdns_start(&server, "{'*.example': {'TXT': ['text'], 'fault': 'no-edns'}}");
        resolver = dns_server_resolver(&server, LONG_MS);
        cr_expect_eq(status_of(resolver, "a.example"), DNS_OK);
        cr_expect_eq(status_of(resolver, "b.example"), DNS_OK);
        cr_expect_eq(status_of(resolver, "c.example"), DNS_OK);
        resolver_free(resolver);
}

Test(resolver_faults, large_answers_come_over_tcp)
{
        const dns_answer_t *answer;
        resolver_t *resolver;
        char zone[8192];
        char text[4001];

        memset(text, 'x', 4000);
        text[4000] = '\0';
        snprintf(zone, sizeof(zone), "{'x.example': {'TXT': ['%s']}}", text);
        faultdns_start(&server, zone);
        resolver = dns_server_resolver(&server, LONG_MS);
        answer = dns_query(resolver, "x.example", DNS_TXT, 0);
        cr_assert_eq(answer->status, DNS_OK);
        cr_expect_str_eq(answer->records[0].data, text);
        dns_answer_release(answer);
        resolver_free(resolver);
}

Test(resolver_faults, failures_are_not_remembered)
{
        dns_statistics_t statistics;
        resolver_t *resolver;

        faultdns_start(&server, "{'x.example': {'TXT': ['text'], 'fault': 'servfail'}}");
        resolver = dns_server_resolver(&server, LONG_MS);
        cr_expect_eq(status_of(resolver, "x.example"), DNS_TEMPFAIL);
        faultdns_reload(&server, "{'x.example': {'TXT': ['text']}}");
        cr_expect_eq(status_of(resolver, "x.example"), DNS_OK);
        resolver_statistics(resolver, &statistics);
        cr_expect_eq(statistics.failures, 1);
        resolver_free(resolver);
}

Test(resolver_faults, the_deadline_holds)
{
        resolver_t *resolver;
        const dns_answer_t *answer;
        int64_t started;
        int64_t took;

        faultdns_start(&server, "{'x.example': {'fault': 'silent'}}");
        resolver = dns_server_resolver(&server, LONG_MS);
        started = dns_clock_ms();
        answer = dns_query(resolver, "x.example", DNS_TXT, started + SHORT_MS);
        took = dns_clock_ms() - started;
        cr_expect_eq(answer->status, DNS_TIMEOUT);
        cr_expect_geq(took, SHORT_MS);
        cr_expect_lt(took, LONG_MS / 2);
        dns_answer_release(answer);

        answer = dns_query(resolver, "x.example", DNS_TXT, started);
        cr_expect_eq(answer->status, DNS_TIMEOUT, "already over");
        dns_answer_release(answer);
        resolver_free(resolver);
}

/* @return a resolver that asks `first`, then our server */
static resolver_t *resolver_with_first(const char *first, unsigned timeout_ms)
{
        const char *addresses[] = {first, server.address};
        const dns_config_t config = {
            .nameservers = addresses, .nameserver_count = 2, .timeout_ms = timeout_ms};
        resolver_t *resolver = NULL;

        cr_assert_eq(resolver_create(&config, &resolver), 0);
        return resolver;
}

Test(resolver_faults, another_server_is_asked)
{
        dns_server_t first;
        resolver_t *resolver;

        faultdns_start(&server, "{'*.example': {'TXT': ['text']}}");
        faultdns_start(&first, "{'silent.example': {'fault': 'silent'},"
                               " 'servfail.example': {'fault': 'servfail'},"
                               " 'refused.example': {'fault': 'refused'}}");
        resolver = resolver_with_first(first.address, LONG_MS);
        cr_expect_eq(status_of(resolver, "servfail.example"), DNS_OK);
        cr_expect_eq(status_of(resolver, "refused.example"), DNS_OK);
        cr_expect_eq(status_of(resolver, "silent.example"), DNS_OK);
        cr_expect_eq(status_of(resolver, "gone.example"), DNS_NXDOMAIN, "the first one's word");
        dns_server_stop(&first);
        cr_expect_eq(status_of(resolver, "dead.example"), DNS_OK);
        resolver_free(resolver);
}

Test(resolver_faults, no_server_at_all)
{
        resolver_t *resolver;
        int64_t started = dns_clock_ms();
        dns_server_t gone;

        faultdns_start(&server, "{}");
        faultdns_start(&gone, "{}");
        dns_server_stop(&gone);
        resolver = dns_server_resolver(&gone, LONG_MS);
        cr_expect_eq(status_of(resolver, "x.example"), DNS_TEMPFAIL);
        cr_expect_lt(dns_clock_ms() - started, LONG_MS, "refused at once");
        resolver_free(resolver);
}

/* RFC 5452 9.2: an off-path forger must not know the ID or the port of the next query. */
Test(resolver_spoofing, ids_and_ports_change)
{
        enum { QUERIES = 24 };
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        dns_server_t listener = {.pid = 0};
        uint16_t seen[2][QUERIES];
        unsigned repeated[2] = {0, 0};
        socklen_t len = sizeof(address);
        int sock = socket(AF_INET, SOCK_DGRAM, 0);
        resolver_t *resolver;

        cr_assert_eq(bind(sock, (struct sockaddr *)&address, len), 0);
        cr_assert_eq(getsockname(sock, (struct sockaddr *)&address, &len), 0);
        snprintf(listener.address, sizeof(listener.address), "127.0.0.1@%u",
                 ntohs(address.sin_port));
        resolver = dns_server_resolver(&listener, LONG_MS);
        for (unsigned i = 0; i < QUERIES; i++) {
                uint8_t query[512];

                dns_answer_release(dns_query(resolver, "x.example", DNS_TXT, dns_clock_ms() + 5));
                len = sizeof(address);
                cr_assert_gt(
                    recvfrom(sock, query, sizeof(query), 0, (struct sockaddr *)&address, &len), 0);
                seen[0][i] = (uint16_t)(query[0] << 8 | query[1]);
                seen[1][i] = address.sin_port;
                for (unsigned j = 0; j < i; j++) {
                        repeated[0] += seen[0][j] == seen[0][i];
                        repeated[1] += seen[1][j] == seen[1][i];
                }
        }
        /* By chance 276 pairs of 65536 IDs, or of some 28000 ports, agree 0.004 or 0.01 times. */
        cr_expect_leq(repeated[0], 2);
        cr_expect_leq(repeated[1], 2);
        resolver_free(resolver);
        close(sock);
}
