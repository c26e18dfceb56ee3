/* SPF by libspf2 over our resolver, against a real DNS server */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/auth/spf.h"
#include "tests/unit/support/dnsserver.h"

static const char zone[] =
    "{'pass.test': {'TXT': ['v=spf1 ip4:192.0.2.0/24 -all']},"
    " 'fail.test': {'TXT': ['v=spf1 -all']},"
    " 'soft.test': {'TXT': ['v=spf1 ~all']},"
    " 'neutral.test': {'TXT': ['v=spf1 ?all']},"
    " 'none.test': {'TXT': ['other text']},"
    " 'twice.test': {'TXT': ['v=spf1 -all', 'v=spf1 +all']},"
    " 'broken.test': {'TXT': ['v=spf1 nonsense:x -all']},"
    " 'trouble.test': {'fault': 'servfail'},"
    " 'silent.test': {'fault': 'silent'},"
    " 'deep.test': {'TXT': ['v=spf1 include:pass.test -all']},"
    " 'loop.test': {'TXT': ['v=spf1 include:loop.test -all']},"
    " 'incltrouble.test': {'TXT': ['v=spf1 include:trouble.test -all']},"
    " 'voids.test': {'TXT': ['v=spf1 a:n1.test a:n2.test a:n3.test +all']},"
    " 'terms.test': {'TXT': ['v=spf1 a:pass.test a:pass.test a:pass.test a:pass.test a:pass.test "
    "a:pass.test a:pass.test a:pass.test a:pass.test a:pass.test a:pass.test +all']},"
    " 'mail.pass.test': {'TXT': ['v=spf1 ip4:192.0.2.0/24 -all']},"
    " 'shop-.host.test': {'TXT': ['v=spf1 ip4:192.0.2.0/24 -all']},"
    " '-x.host.test': {'TXT': ['v=spf1 include:-y-.host.test -all']},"
    " '-y-.host.test': {'TXT': ['v=spf1 ip4:192.0.2.0/24 -all']},"
    " '_x.host.test': {'TXT': ['v=spf1 redirect=shop-.host.test']},"
    " 'xn--ls8h.test': {'TXT': ['v=spf1 ip4:192.0.2.0/24 -all']},"
    " 'loopback.test': {'TXT': ['v=spf1 -all']}}";

static dns_server_t server;
static resolver_t *resolver;
static spf_evaluator_t *evaluator;

static void start(void)
{
        faultdns_start(&server, zone);
        resolver = dns_server_resolver(&server, 1000);
        evaluator = spf_evaluator_create(resolver);
}

static void stop(void)
{
        spf_evaluator_free(evaluator);
        resolver_free(resolver);
        dns_server_stop(&server);
}

TestSuite(spf, .init = start, .fini = stop, .timeout = 60);

static spf_outcome_t evaluate(const char *client, const char *helo, const char *sender)
{
        spf_outcome_t outcome;
        address_t address;

        cr_assert(address_parse(client, &address));
        spf_evaluate(evaluator, &address, helo, sender, 0, &outcome);
        return outcome;
}

static void expect(const char *domain, enum auth_result result)
{
        char sender[128];
        spf_outcome_t outcome;

        snprintf(sender, sizeof(sender), "user@%s", domain);
        outcome = evaluate("192.0.2.1", "helo.test", sender);
        cr_expect_eq(outcome.result, result, "%s: %s", domain, auth_result_name(outcome.result));
        cr_expect_eq(outcome.identity, SPF_MAILFROM);
        cr_expect_str_eq(outcome.domain, domain);
}

Test(spf, results)
{
        expect("pass.test", AUTH_PASS);
        expect("fail.test", AUTH_FAIL);
        expect("soft.test", AUTH_SOFTFAIL);
        expect("neutral.test", AUTH_NEUTRAL);
        expect("none.test", AUTH_NONE);
        expect("nowhere.test", AUTH_NONE);
        expect("twice.test", AUTH_PERMERROR);
        expect("broken.test", AUTH_PERMERROR);
        expect("deep.test", AUTH_PASS);
        expect("shop-.host.test", AUTH_PASS);
        expect("-x.host.test", AUTH_PASS);
        expect("_x.host.test", AUTH_PASS);
        expect("xn--ls8h.test", AUTH_PASS);
        cr_expect_eq(evaluate("192.0.2.1", "helo.test", "u@\xf0\x9f\x92\xa9.test").result,
                     AUTH_PASS);
}

Test(spf, dns_trouble_is_a_temporary_error)
{
        expect("trouble.test", AUTH_TEMPERROR);
        expect("silent.test", AUTH_TEMPERROR);
        expect("incltrouble.test", AUTH_TEMPERROR);
}

Test(spf, limits)
{
        expect("loop.test", AUTH_PERMERROR);
        expect("voids.test", AUTH_PERMERROR);
        expect("terms.test", AUTH_PERMERROR);
}

Test(spf, null_sender)
{
        spf_outcome_t outcome = evaluate("192.0.2.1", "mail.pass.test", "");

        cr_expect_eq(outcome.result, AUTH_PASS);
        cr_expect_eq(outcome.identity, SPF_HELO);
        cr_expect_str_eq(outcome.domain, "mail.pass.test");
        outcome = evaluate("192.0.2.1", "[192.0.2.1]", "");
        cr_expect_eq(outcome.result, AUTH_NONE);
        outcome = evaluate("192.0.2.1", "", "");
        cr_expect_eq(outcome.result, AUTH_NONE);
}

Test(spf, loopback_gets_nothing_for_free)
{
        cr_expect_eq(evaluate("127.0.0.1", "helo.test", "user@loopback.test").result, AUTH_NONE);
        cr_expect_eq(evaluate("::1", "helo.test", "user@loopback.test").result, AUTH_NONE);
}

Test(spf, a_mapped_address_is_ipv4)
{
        cr_expect_eq(evaluate("::ffff:192.0.2.1", "helo.test", "user@pass.test").result, AUTH_PASS);
}

Test(spf, senders_without_a_usable_domain)
{
        static const char *const senders[] = {"user",           "user@",     "@",
                                              "user@localhost", "user@a..b", "user@[192.0.2.1]"};

        for (size_t i = 0; i < sizeof(senders) / sizeof(*senders); i++)
                cr_expect_eq(evaluate("192.0.2.1", "mail.pass.test", senders[i]).result, AUTH_NONE,
                             "%s", senders[i]);
}

Test(spf, helo_identity)
{
        spf_outcome_t outcome;
        address_t address;

        address_parse("192.0.2.1", &address);
        spf_evaluate_helo(evaluator, &address, "mail.pass.test", 0, &outcome);
        cr_expect_eq(outcome.result, AUTH_PASS);
        address_parse("198.51.100.1", &address);
        spf_evaluate_helo(evaluator, &address, "mail.pass.test", 0, &outcome);
        cr_expect_eq(outcome.result, AUTH_FAIL);
}

Test(spf, a_deadline_that_has_passed_is_a_temporary_error)
{
        spf_outcome_t outcome;
        address_t address;

        address_parse("192.0.2.1", &address);
        spf_evaluate(evaluator, &address, "helo.test", "user@pass.test", 1, &outcome);
        cr_expect_eq(outcome.result, AUTH_TEMPERROR);
}

static bool evaluate_cached(const char *sender, spf_outcome_t *outcome)
{
        address_t address;

        cr_assert(address_parse("192.0.2.1", &address));
        return spf_evaluate_cached(evaluator, &address, "mail.pass.test", sender, outcome);
}

Test(spf, cached_answers_give_the_same_result_without_asking)
{
        static const char *const domains[] = {"pass.test",   "fail.test", "none.test",
                                              "twice.test",  "deep.test", "loop.test",
                                              "broken.test", "voids.test"};
        dns_statistics_t before, after;

        for (size_t i = 0; i < sizeof(domains) / sizeof(*domains); i++) {
                spf_outcome_t asked, cached;
                char sender[128];

                snprintf(sender, sizeof(sender), "user@%s", domains[i]);
                if (strcmp(domains[i], "deep.test") != 0) /* its include is known by then */
                        cr_expect_not(evaluate_cached(sender, &cached), "%s", domains[i]);
                asked = evaluate("192.0.2.1", "mail.pass.test", sender);
                resolver_statistics(resolver, &before);
                cr_expect(evaluate_cached(sender, &cached), "%s", domains[i]);
                resolver_statistics(resolver, &after);
                cr_expect_eq(after.queries - before.queries, after.cache_hits - before.cache_hits);
                cr_expect_eq(cached.result, asked.result, "%s: %s, not %s", domains[i],
                             auth_result_name(cached.result), auth_result_name(asked.result));
                cr_expect_str_eq(cached.domain, asked.domain);
                cr_expect_gt(cached.expires_ms, dns_clock_ms());
                cr_expect_leq(cached.expires_ms, dns_clock_ms() + 60000); /* the zone's TTL */
        }
}

Test(spf, what_is_never_cached_is_always_asked_for)
{
        spf_outcome_t outcome;

        cr_expect_eq(evaluate("192.0.2.1", "mail.pass.test", "user@trouble.test").result,
                     AUTH_TEMPERROR);
        cr_expect_not(evaluate_cached("user@trouble.test", &outcome));
}

Test(spf, cached_helo_identity)
{
        spf_outcome_t outcome;
        address_t address;

        cr_assert(address_parse("192.0.2.1", &address));
        cr_expect_not(spf_evaluate_helo_cached(evaluator, &address, "mail.pass.test", &outcome));
        spf_evaluate_helo(evaluator, &address, "mail.pass.test", 0, &outcome);
        cr_expect(spf_evaluate_helo_cached(evaluator, &address, "mail.pass.test", &outcome));
        cr_expect_eq(outcome.result, AUTH_PASS);
        cr_expect_eq(outcome.identity, SPF_HELO);
        /* no question at all, so nothing that could expire */
        cr_expect(spf_evaluate_helo_cached(evaluator, &address, "[192.0.2.1]", &outcome));
        cr_expect_eq(outcome.result, AUTH_NONE);
        cr_expect_eq(outcome.expires_ms, INT64_MAX);
}

/* `count` includes of records of about `octets` each */
static void start_tree(size_t count, size_t octets)
{
        char *text = malloc((count + 1) * (octets + 256)), *to = text;

        to += sprintf(to, "{'tree.test': {'TXT': [['v=spf1 '");
        for (size_t i = 0; i < count; i++)
                to += sprintf(to, ", 'include:leaf%zu.test '", i);
        to += sprintf(to, ", '-all']]}");
        for (size_t i = 0; i < count; i++) {
                const char *const begin = to;

                to += sprintf(to, ", 'leaf%zu.test': {'TXT': [['v=spf1'", i);
                while ((size_t)(to - begin) < octets)
                        to += sprintf(to, ", ' ip4:10.1.2.0/24 ip4:10.3.4.0/24 ip4:10.5.6.0/24'");
                to += sprintf(to, "]]}");
        }
        strcpy(to, "}");
        dns_server_stop(&server);
        resolver_free(resolver);
        spf_evaluator_free(evaluator);
        faultdns_start(&server, text);
        resolver = dns_server_resolver(&server, 5000);
        evaluator = spf_evaluator_create(resolver);
        free(text);
}

static bool is_answered_at_once(enum auth_result *result)
{
        spf_outcome_t outcome;
        address_t address;
        bool known;

        address_parse("192.0.2.1", &address);
        spf_evaluate(evaluator, &address, "h.test", "user@tree.test", 0, &outcome);
        *result = outcome.result;
        known = spf_evaluate_cached(evaluator, &address, "h.test", "user@tree.test", &outcome);
        if (known)
                cr_expect_eq(outcome.result, *result);
        return known;
}

Test(spf, what_is_dear_is_not_answered_at_once)
{
        enum auth_result result;

        start_tree(10, 12000);
        cr_expect_not(is_answered_at_once(&result));
        cr_expect_eq(result, AUTH_FAIL);
        start_tree(9, 300);
        cr_expect(is_answered_at_once(&result));
        cr_expect_eq(result, AUTH_FAIL);
        start_tree(1, 4000);
        cr_expect(is_answered_at_once(&result));
        cr_expect_eq(result, AUTH_FAIL);
}

Test(spf, a_very_long_sender_is_not_answered_at_once)
{
        char sender[1024];
        spf_outcome_t outcome;
        address_t address;

        address_parse("192.0.2.1", &address);
        snprintf(sender, sizeof(sender), "%0800d@pass.test", 1);
        spf_evaluate(evaluator, &address, "h.test", sender, 0, &outcome);
        cr_expect_eq(outcome.result, AUTH_PASS);
        cr_expect_not(spf_evaluate_cached(evaluator, &address, "h.test", sender, &outcome));
        cr_expect(spf_evaluate_cached(evaluator, &address, "h.test", "u@pass.test", &outcome));
}
