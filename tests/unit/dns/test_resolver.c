#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include "common/dns/resolver.h"
#include "tests/unit/support/dnsserver.h"

#define TIMEOUT_MS 5000

static dns_server_t server;
static resolver_t *resolver;

static const char zone[] =
    "{'example.org': {'A': ['192.0.2.1', '192.0.2.2'], 'AAAA': ['2001:db8::1'],"
    "                 'MX': ['10 Mail.example.org', '0 .'], 'TXT': ['v=spf1 -all', ['a ', 'b']]},"
    " 'nul.example.org': {'TXT': ['a\\u0000b\\u00ff']},"
    " '1.2.0.192.in-addr.arpa': {'PTR': ['host.example.org']},"
    " 'www.example.org': {'CNAME': ['example.org']},"
    " 'dangling.example.org': {'CNAME': ['gone.example.org']},"
    " 'deep.below.example.org': {'A': ['192.0.2.3']},"
    " '*.wild.example.org': {'A': ['192.0.2.4']},"
    " 'back\\\\\\\\slash.example.org': {'A': ['192.0.2.5']},"
    " 'a\\\\.b.example.org': {'A': ['192.0.2.6']},"
    " '\\u00e9t\\u00e9 \\u0007.example.org': {'A': ['192.0.2.7']},"
    " 'hidden.onion': {'A': ['192.0.2.8']},"
    " 'localhost': {'A': ['192.0.2.9']},"
    " 'zero.example.org': {'A': ['192.0.2.10'], 'ttl': 0}}";

static void start_faultdns(void)
{
        faultdns_start(&server, zone);
        resolver = dns_server_resolver(&server, TIMEOUT_MS);
}

static void stop_server(void)
{
        resolver_free(resolver);
        dns_server_stop(&server);
}

TestSuite(resolver, .init = start_faultdns, .fini = stop_server, .timeout = 60);

static enum dns_status status_of(const char *name, enum dns_type type)
{
        const dns_answer_t *answer = dns_query(resolver, name, type, 0);
        enum dns_status status = answer->status;

        dns_answer_release(answer);
        return status;
}

/* One A record with this last octet. */
static void expect_address(const char *name, uint8_t last)
{
        const dns_answer_t *answer = dns_query(resolver, name, DNS_A, 0);
        const uint8_t address[4] = {192, 0, 2, last};

        cr_assert_eq(answer->status, DNS_OK, "%s: %d", name, (int)answer->status);
        cr_assert_eq(answer->records[0].len, 4);
        cr_expect_arr_eq(answer->records[0].data, address, 4, "%s", name);
        dns_answer_release(answer);
}

Test(resolver, records_of_all_types)
{
        const dns_answer_t *answer = dns_query(resolver, "Example.org.", DNS_A, 0);

        cr_assert_eq(answer->status, DNS_OK);
        cr_expect_eq(answer->count, 2);
        cr_expect_eq(answer->ttl, 60);
        dns_answer_release(answer);

        answer = dns_query(resolver, "example.org", DNS_AAAA, 0);
        cr_assert_eq(answer->count, 1);
        cr_assert_eq(answer->records[0].len, 16);
        cr_expect_arr_eq(answer->records[0].data, "\x20\x01\x0d\xb8", 4);
        dns_answer_release(answer);

        answer = dns_query(resolver, "example.org", DNS_MX, 0);
        cr_assert_eq(answer->count, 2);
        cr_expect_str_eq(answer->records[0].data, "mail.example.org");
        cr_expect_eq(answer->records[0].preference, 10);
        cr_expect_str_eq(answer->records[1].data, "");
        dns_answer_release(answer);

        answer = dns_query(resolver, "example.org", DNS_TXT, 0);
        cr_assert_eq(answer->count, 2);
        cr_expect_str_eq(answer->records[0].data, "v=spf1 -all");
        cr_expect_str_eq(answer->records[1].data, "a b");
        dns_answer_release(answer);

        answer = dns_query(resolver, "1.2.0.192.in-addr.arpa", DNS_PTR, 0);
        cr_assert_eq(answer->count, 1);
        cr_expect_str_eq(answer->records[0].data, "host.example.org");
        dns_answer_release(answer);
}

Test(resolver, text_may_hold_any_octet)
{
        const dns_answer_t *answer = dns_query(resolver, "nul.example.org", DNS_TXT, 0);

        cr_assert_eq(answer->count, 1);
        cr_assert_eq(answer->records[0].len, 4);
        cr_expect_arr_eq(answer->records[0].data, "a\0b\xff", 5);
        dns_answer_release(answer);
}

Test(resolver, tells_absent_names_from_absent_records)
{
        cr_expect_eq(status_of("nothing.example.org", DNS_A), DNS_NXDOMAIN);
        cr_expect_eq(status_of("below.example.org", DNS_A), DNS_NODATA);
        cr_expect_eq(status_of("deep.below.example.org", DNS_TXT), DNS_NODATA);
        cr_expect_eq(status_of("x.wild.example.org", DNS_A), DNS_OK);
        cr_expect_eq(status_of("x.wild.example.org", DNS_TXT), DNS_NODATA);
        cr_expect_eq(status_of(".", DNS_TXT), DNS_NODATA);
}

Test(resolver, names_are_never_completed)
{
        cr_expect_eq(status_of("www", DNS_A), DNS_NXDOMAIN);
        cr_expect_eq(faultdns_queries(&server, NULL), 1);
        expect_address("localhost", 9); /* not from a hosts file */
}

Test(resolver, follows_cname)
{
        const dns_answer_t *answer = dns_query(resolver, "www.example.org", DNS_MX, 0);

        cr_expect_eq(answer->status, DNS_OK);
        cr_expect(answer->cname);
        dns_answer_release(answer);
        answer = dns_query(resolver, "dangling.example.org", DNS_TXT, 0);
        cr_expect_eq(answer->status, DNS_NXDOMAIN);
        cr_expect(answer->cname, "dangling.example.org itself exists");
        dns_answer_release(answer);
        answer = dns_query(resolver, "nothing.example.org", DNS_TXT, 0);
        cr_expect_not(answer->cname);
        dns_answer_release(answer);
}

Test(resolver, odd_names_arrive_as_they_are)
{
        expect_address("back\\slash.example.org", 5);
        expect_address("\xE9t\xE9 \a.example.org", 7);
        expect_address("hidden.onion", 8);
        cr_expect_eq(status_of("a\\.b.example.org", DNS_A), DNS_NXDOMAIN,
                     "the dot separates, whatever stands before it");
        cr_expect_eq(status_of("a.b.example.org", DNS_A), DNS_NXDOMAIN);
}

Test(resolver, names_that_cannot_be_expressed_fail)
{
        char name[300];

        memset(name, 'a', 64);
        strcpy(name + 64, ".example.org");
        cr_expect_eq(status_of(name, DNS_A), DNS_TEMPFAIL);
        for (int i = 0; i < 128; i++)
                memcpy(name + 2 * i, "a.", 3);
        cr_expect_eq(status_of(name, DNS_A), DNS_TEMPFAIL);
        cr_expect_eq(status_of("", DNS_A), DNS_TEMPFAIL);
        cr_expect_eq(status_of("a..example.org", DNS_A), DNS_TEMPFAIL);
        cr_expect_eq(faultdns_queries(&server, NULL), 0);
}

Test(resolver, answers_are_cached)
{
        dns_statistics_t statistics;

        for (int i = 0; i < 3; i++) {
                expect_address("example.org", 1);
                cr_expect_eq(status_of("nothing.example.org", DNS_A), DNS_NXDOMAIN);
                cr_expect_eq(status_of("EXAMPLE.org", DNS_PTR), DNS_NODATA);
                expect_address("zero.example.org", 10);
        }
        cr_expect_eq(faultdns_queries(&server, "example.org A"), 1);
        cr_expect_eq(faultdns_queries(&server, "nothing.example.org A"), 1);
        cr_expect_eq(faultdns_queries(&server, "example.org PTR"), 1);
        cr_expect_eq(faultdns_queries(&server, "zero.example.org A"), 3, "TTL 0");
        resolver_statistics(resolver, &statistics);
        cr_expect_eq(statistics.queries, 12);
        cr_expect_eq(statistics.cache_hits, 6);
        cr_expect_eq(statistics.failures, 0);
}

Test(resolver, negative_answers_without_soa_are_not_cached)
{
        faultdns_reload(&server, "{'$negative-ttl': null, 'example.org': {'A': ['192.0.2.1']}}");
        for (int i = 0; i < 2; i++)
                cr_expect_eq(status_of("nothing.example.org", DNS_A), DNS_NXDOMAIN);
        cr_expect_eq(faultdns_queries(&server, "nothing.example.org A"), 2);
}

Test(resolver, asks_over_ipv6)
{
        char address[32];
        const char *addresses[] = {address};
        const dns_config_t config = {
            .nameservers = addresses, .nameserver_count = 1, .timeout_ms = TIMEOUT_MS};
        resolver_t *other;
        const dns_answer_t *answer;

        snprintf(address, sizeof(address), "::1@%u", server.port);
        cr_assert_eq(resolver_create(&config, &other), 0);
        answer = dns_query(other, "example.org", DNS_A, 0);
        cr_expect_eq(answer->status, DNS_OK);
        dns_answer_release(answer);
        resolver_free(other);
}

static const char nsd_zone[] = "$ORIGIN example.test.\n$TTL 60\n"
                               "@ IN SOA ns hostmaster 1 3600 600 86400 30\n"
                               "@ IN NS ns\n"
                               "ns IN A 192.0.2.53\n"
                               "@ IN A 192.0.2.1\n"
                               "@ IN MX 10 mail\n"
                               "@ IN TXT \"v=spf1 \" \"-all\"\n"
                               "nul IN TXT \"a\\000b\"\n"
                               "www IN CNAME @\n"
                               "dangling IN CNAME gone\n"
                               "away IN CNAME www.example.net.\n"
                               "sub IN NS ns.example.net.\n"
                               "a.ent IN A 192.0.2.3\n"
                               "*.wild IN A 192.0.2.4\n";

static void start_nsd(void)
{
        cr_assert(nsd_installed());
        nsd_start(&server, "example.test", nsd_zone);
        resolver = dns_server_resolver(&server, TIMEOUT_MS);
}

TestSuite(resolver_nsd, .init = start_nsd, .fini = stop_server, .timeout = 60);

Test(resolver_nsd, ordinary_answers)
{
        const dns_answer_t *answer;

        expect_address("example.test", 1);
        expect_address("WWW.example.test", 1);
        expect_address("x.wild.example.test", 4);
        answer = dns_query(resolver, "example.test", DNS_MX, 0);
        cr_assert_eq(answer->count, 1);
        cr_expect_str_eq(answer->records[0].data, "mail.example.test");
        dns_answer_release(answer);
        answer = dns_query(resolver, "nul.example.test", DNS_TXT, 0);
        cr_assert_eq(answer->count, 1);
        cr_expect_eq(answer->records[0].len, 3);
        cr_expect_arr_eq(answer->records[0].data, "a\0b", 4);
        dns_answer_release(answer);
}

Test(resolver_nsd, negative_answers)
{
        const dns_answer_t *answer = dns_query(resolver, "dangling.example.test", DNS_A, 0);

        cr_expect_eq(answer->status, DNS_NXDOMAIN);
        cr_expect(answer->cname);
        cr_expect_eq(answer->ttl, 30);
        dns_answer_release(answer);
        cr_expect_eq(status_of("nothing.example.test", DNS_A), DNS_NXDOMAIN);
        cr_expect_eq(status_of("ent.example.test", DNS_A), DNS_NODATA);
        cr_expect_eq(status_of("example.test", DNS_AAAA), DNS_NODATA);
}

/* An authoritative server cannot say what lies beyond its zone. */
Test(resolver_nsd, what_the_server_does_not_know_is_a_failure)
{
        cr_expect_eq(status_of("away.example.test", DNS_A), DNS_TEMPFAIL);
        cr_expect_eq(status_of("x.sub.example.test", DNS_A), DNS_TEMPFAIL);
        cr_expect_eq(status_of("example.net", DNS_A), DNS_TEMPFAIL);
}

Test(resolver_config, name_servers)
{
        static const char *const good[] = {"127.0.0.1", "192.0.2.1@53", "::1", "2001:db8::1@65535"};
        static const char *const bad[] = {
            "",           "localhost",   "127.0.0.1@",    "127.0.0.1@0",  "127.0.0.1@65536",
            "127.0.0.1:", "[::1]",       "127.0.0.1@ 53", "127.0.0.1@-1", "127.0.0.1@53@53",
            "@53",        "127.0.0.256", "::1%lo",        "1.2.3",        " 127.0.0.1"};

        for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
                cr_expect(dns_nameserver_valid(good[i]), "%s", good[i]);
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                cr_expect_not(dns_nameserver_valid(bad[i]), "%s", bad[i]);
        cr_expect_not(dns_nameserver_valid(NULL));
}

Test(resolver_config, bad_settings_are_refused)
{
        const char *addresses[] = {"127.0.0.1", "nonsense", "::1", "::1", "::1",
                                   "::1",       "::1",      "::1", "::1"};
        dns_config_t config = {.nameservers = addresses, .nameserver_count = 2, .timeout_ms = 100};
        resolver_t *other = NULL;

        cr_expect_eq(resolver_create(&config, &other), -EINVAL);
        addresses[1] = "::1";
        config.nameserver_count = 9;
        cr_expect_eq(resolver_create(&config, &other), -EINVAL);
        cr_expect_null(other);
        config.nameserver_count = 8;
        cr_expect_eq(resolver_create(&config, &other), 0);
        resolver_free(other);
        config.nameserver_count = 0;
        cr_expect_eq(resolver_create(&config, &other), 0, "from resolv.conf");
        resolver_free(other);
        resolver_free(NULL);
}

struct seen {
        unsigned asked, cached;
        enum dns_status status;
};

static void see(void *context, const dns_event_t *event)
{
        struct seen *seen = context;

        cr_expect_str_eq(event->name, "example.org");
        cr_expect_eq(event->type, DNS_A);
        seen->status = event->answer->status;
        if (event->cached) {
                cr_expect_eq(event->microseconds, 0);
                seen->cached++;
        } else {
                cr_expect_gt(event->microseconds, 0);
                seen->asked++;
        }
}

Test(resolver, an_observer_is_told_of_each_answer)
{
        const char *addresses[] = {server.address};
        struct seen seen = {.status = DNS_TEMPFAIL};
        const dns_config_t config = {.nameservers = addresses,
                                     .nameserver_count = 1,
                                     .timeout_ms = TIMEOUT_MS,
                                     .observer = see,
                                     .observer_context = &seen};
        resolver_t *observed;
        int64_t expires_ms;

        cr_assert_eq(resolver_create(&config, &observed), 0);
        cr_expect_null(dns_query_cached(observed, "example.org", DNS_A, &expires_ms));
        cr_expect_eq(seen.asked + seen.cached, 0);
        dns_answer_release(dns_query(observed, "example.org", DNS_A, 0));
        cr_expect_eq(seen.asked, 1);
        cr_expect_eq(seen.status, DNS_OK);
        dns_answer_release(dns_query(observed, "example.org", DNS_A, 0));
        dns_answer_release(dns_query_cached(observed, "example.org", DNS_A, &expires_ms));
        cr_expect_eq(seen.cached, 2);
        resolver_free(observed);
}
