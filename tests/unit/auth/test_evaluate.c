/* From the author domains and the results to the verdict; several authors, DNS trouble */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/auth/evaluate.h"
#include "tests/unit/support/dnsserver.h"

static const char zone[] = "{'_dmarc.reject.test': {'TXT': ['v=DMARC1; p=reject']},"
                           " '_dmarc.quarantine.test': {'TXT': ['v=DMARC1; p=quarantine']},"
                           " '_dmarc.none.test': {'TXT': ['v=DMARC1; p=none']},"
                           " '_dmarc.trouble.test': {'fault': 'servfail'},"
                           " 'free.test': {'A': ['192.0.2.1']}}";

static dns_server_t server;
static resolver_t *resolver;
static arena_t *arena;

static void start(void)
{
        faultdns_start(&server, zone);
        resolver = dns_server_resolver(&server, 1000);
        arena = arena_create(0);
}

static void stop(void)
{
        arena_free(arena);
        resolver_free(resolver);
        dns_server_stop(&server);
}

TestSuite(evaluate, .init = start, .fini = stop, .timeout = 60);

static evaluation_t evaluate_with(const char *from, dmarc_identifier_t spf, dmarc_identifier_t dkim)
{
        from_field_t field = {.body = from, .len = strlen(from)};
        from_author_t author;
        evaluation_t evaluation;
        evaluation_input_t input = {.author = &author, .spf = spf, .dkim = &dkim, .dkim_count = 1};

        cr_assert_eq(from_parse(arena, &field, 1, &author), 0);
        cr_assert_eq(evaluate_message(arena, resolver, &input, dns_clock_ms() + 20000, &evaluation),
                     0);
        cr_assert_not_null(evaluation.outcome);
        return evaluation;
}

static const dmarc_identifier_t nothing = {.result = AUTH_NONE};

static evaluation_t evaluate(const char *from)
{
        return evaluate_with(from, nothing, nothing);
}

static dmarc_identifier_t result(enum auth_result value, const char *domain)
{
        return (dmarc_identifier_t){.result = value, .domain = domain};
}

Test(evaluate, one_author)
{
        cr_expect_eq(evaluate("a@reject.test").verdict, VERDICT_REJECT);
        cr_expect_eq(evaluate("a@quarantine.test").verdict, VERDICT_QUARANTINE);
        cr_expect_eq(evaluate("a@none.test").verdict, VERDICT_ACCEPT);
        cr_expect_eq(evaluate("a@free.test").verdict, VERDICT_ACCEPT);
        cr_expect_eq(evaluate("a@trouble.test").verdict, VERDICT_OPEN);
        cr_expect_str_eq(evaluate("A <a@Reject.TEST>").author_domain, "reject.test");
}

Test(evaluate, an_aligned_pass_is_enough)
{
        evaluation_t evaluation =
            evaluate_with("a@reject.test", result(AUTH_PASS, "bounce.reject.test"), nothing);

        cr_expect_eq(evaluation.verdict, VERDICT_ACCEPT);
        cr_expect_eq(evaluation.outcome->result, AUTH_PASS);
        evaluation = evaluate_with("a@reject.test", result(AUTH_FAIL, "x.test"),
                                   result(AUTH_PASS, "reject.test"));
        cr_expect_eq(evaluation.verdict, VERDICT_ACCEPT);
        evaluation = evaluate_with("a@reject.test", result(AUTH_PASS, "free.test"),
                                   result(AUTH_PASS, "none.test"));
        cr_expect_eq(evaluation.verdict, VERDICT_REJECT);
}

Test(evaluate, the_strictest_of_several_authors)
{
        static const struct {
                const char *from;
                enum verdict verdict;
                const char *domain;
        } cases[] = {
            {"a@free.test, b@reject.test", VERDICT_REJECT, "reject.test"},
            {"a@reject.test, b@free.test", VERDICT_REJECT, "reject.test"},
            {"a@none.test, b@quarantine.test", VERDICT_QUARANTINE, "quarantine.test"},
            {"a@trouble.test, b@quarantine.test", VERDICT_OPEN_STRICT, "trouble.test"},
            {"a@trouble.test, b@reject.test", VERDICT_REJECT, "reject.test"},
            {"a@none.test, b@free.test", VERDICT_ACCEPT, NULL},
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                evaluation_t evaluation = evaluate(cases[i].from);

                cr_expect_eq(evaluation.verdict, cases[i].verdict, "%s", cases[i].from);
                if (cases[i].domain)
                        cr_expect_str_eq(evaluation.author_domain, cases[i].domain, "%s",
                                         cases[i].from);
        }
}

Test(evaluate, a_pass_of_one_author_does_not_cover_the_other)
{
        evaluation_t evaluation =
            evaluate_with("a@free.test, b@reject.test", result(AUTH_PASS, "free.test"),
                          result(AUTH_PASS, "free.test"));

        cr_expect_eq(evaluation.verdict, VERDICT_REJECT);
}

Test(evaluate, no_author_is_a_permanent_error)
{
        evaluation_t evaluation = evaluate("undisclosed:;");

        cr_expect_null(evaluation.author_domain);
        cr_expect_eq(evaluation.outcome->result, AUTH_PERMERROR);
}

Test(evaluate, temporary_error_of_spf)
{
        evaluation_t evaluation =
            evaluate_with("a@reject.test", result(AUTH_TEMPERROR, "reject.test"), nothing);

        cr_expect_eq(evaluation.verdict, VERDICT_OPEN_STRICT);
        cr_expect_eq(evaluation.outcome->result, AUTH_TEMPERROR);
        evaluation = evaluate_with("a@reject.test", result(AUTH_TEMPERROR, "free.test"), nothing);
        cr_expect_eq(evaluation.verdict, VERDICT_REJECT);
        evaluation = evaluate_with("a@none.test", result(AUTH_TEMPERROR, "none.test"), nothing);
        cr_expect_eq(evaluation.verdict, VERDICT_ACCEPT);
        evaluation = evaluate_with("a@reject.test", result(AUTH_TEMPERROR, "reject.test"),
                                   result(AUTH_PASS, "reject.test"));
        cr_expect_eq(evaluation.verdict, VERDICT_ACCEPT);
}

Test(evaluate, very_many_authors)
{
        char *from = malloc(64 * 2000), *at = from;

        for (int i = 0; i < 2000; i++)
                at += sprintf(at, "%sa@d%d.test", i ? ", " : "", i);
        sprintf(at, ", b@reject.test");
        cr_expect_eq(evaluate(from).verdict, VERDICT_REJECT);
        free(from);
}
