/* The From field: the vectors of tests/data/dmarc-vectors.yaml, and what malformed fields may hide
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "common/mail/domain.h"
#include "common/mail/from.h"
#include "tests/unit/support/parts.h"
#include "tests/unit/support/yaml.h"

#define FIELDS_MAX 4

static arena_t *arena;
static from_author_t author;

static void begin(void)
{
        arena = arena_create((size_t)64 << 20);
}

static void end(void)
{
        arena_free(arena);
}

static void parse(const char *body)
{
        from_field_t field = {.body = body, .len = strlen(body)};

        cr_assert_eq(from_parse(arena, &field, 1, &author), 0);
}

static bool has(const char *domain)
{
        for (size_t i = 0; i < author.domain_count; i++)
                if (strcmp(author.domains[i], domain) == 0)
                        return true;
        return false;
}

TestSuite(from, .init = begin, .fini = end);

static size_t vector_fields(vectors_t *vectors, yaml_node_t *vector, from_field_t *fields)
{
        yaml_node_t *encoded = vectors_get(vectors, vector, "fields_b64");
        yaml_node_t *parts = vectors_get(vectors, vector, "field_parts");
        size_t count = vectors_count(encoded);

        cr_assert(count <= FIELDS_MAX);
        for (size_t i = 0; i < count; i++) {
                yaml_node_t *node = vectors_at(vectors, encoded, i);

                fields[i].body =
                    parts_base64(arena, (const char *)node->data.scalar.value, &fields[i].len);
        }
        if (parts == NULL)
                return count;
        fields[0].body = parts_join(arena, vectors, parts, &fields[0].len);
        return 1;
}

static void check_domains(vectors_t *vectors, yaml_node_t *expected, const char *id)
{
        cr_expect_eq(author.domain_count, vectors_count(expected), "%s: %zu domains", id,
                     author.domain_count);
        for (size_t i = 0; i < vectors_count(expected); i++) {
                const char *domain = vectors_text(vectors_at(vectors, expected, i), NULL);

                cr_expect(has(domain), "%s: %s is missing", id, domain);
        }
}

static void check_vectors(const char *file, size_t count)
{
        vectors_t vectors;
        yaml_node_t *all;

        vectors_open(&vectors, file);
        all = vectors_get(&vectors, vectors.root, "from_vectors");
        cr_assert_eq(vectors_count(all), count);
        for (size_t i = 0; i < vectors_count(all); i++) {
                yaml_node_t *vector = vectors_at(&vectors, all, i);
                yaml_node_t *expect = vectors_get(&vectors, vector, "expect");
                const char *id = vectors_get_text(&vectors, vector, "id");
                const char *verdict = vectors_get_text(&vectors, expect, "verdict");
                from_field_t fields[FIELDS_MAX];
                size_t field_count = vector_fields(&vectors, vector, fields);

                cr_assert_eq(from_parse(arena, fields, field_count, &author), 0);
                cr_expect_str_eq(from_verdict_name(author.verdict), verdict, "%s: %s, not %s", id,
                                 from_verdict_name(author.verdict), verdict);
                if (author.verdict == FROM_SINGLE || author.verdict == FROM_MULTIPLE)
                        check_domains(&vectors, vectors_get(&vectors, expect, "author_domains"),
                                      id);
        }
        vectors_close(&vectors);
}

Test(from, gives_the_vectors_verdicts)
{
        check_vectors("dmarc-vectors.yaml", 48);
}

Test(from, gives_the_further_vectors_verdicts)
{
        check_vectors("dmarc-vectors-more.yaml", 14);
}

Test(from, collects_every_domain_of_a_malformed_field)
{
        static const struct {
                const char *body;
                const char *first, *second;
        } cases[] = {
            {"ceo@bank.example <x@evil.example>", "bank.example", "evil.example"},
            {"A <a@bank.example> <b@evil.example>", "bank.example", "evil.example"},
            {"user@bank.example@evil.example", "bank.example", "evil.example"},
            {"a@bank.example b@evil.example", "bank.example", "evil.example"},
            {"a@bank.example; b@evil.example", "bank.example", "evil.example"},
            {"Foo <user@bank.example", "bank.example", NULL},
            {"\"foo <user@bank.example>", "bank.example", NULL},
            {"(foo <user@bank.example>", "bank.example", NULL},
            {"user@(c)bank.example <x@evil.example>", "bank.example", "evil.example"},
            {"user@ bank . example <x@evil.example>", "bank.example", "evil.example"},
            {"a@bank.example, b@[192.0.2.1]", "bank.example", NULL},
            {"a@BANK.example.\rBcc: b@evil.example", "bank.example", "evil.example"},
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                parse(cases[i].body);
                cr_expect_eq(author.verdict, FROM_MALFORMED, "%s", cases[i].body);
                cr_expect(has(cases[i].first), "%s", cases[i].body);
                cr_expect(cases[i].second == NULL || has(cases[i].second), "%s", cases[i].body);
        }
}

Test(from, says_when_a_domain_cannot_be_evaluated)
{
        parse("user@b\xfc"
              "cher.example");
        cr_expect(author.domains_incomplete);
        parse("user@exa\xe2\x80\x8bmple.com");
        cr_expect(author.domains_incomplete);
        parse("user@example..com");
        cr_expect(author.domains_incomplete);
        parse("MAILER-DAEMON <>");
        cr_expect_not(author.domains_incomplete);
        cr_expect_eq(author.domain_count, 0);
}

Test(from, sees_past_a_nul)
{
        static const char body[] = "user@example.com\0@evil.example";
        from_field_t field = {.body = body, .len = sizeof(body) - 1};

        cr_assert_eq(from_parse(arena, &field, 1, &author), 0);
        cr_assert_eq(author.verdict, FROM_MALFORMED);
        cr_assert(has("example.com") && has("evil.example"));
}

Test(from, takes_the_domains_of_all_fields)
{
        static const from_field_t fields[] = {{"a@example.com", 13}, {"b@evil.example", 14}};

        cr_assert_eq(from_parse(arena, fields, 2, &author), 0);
        cr_assert_eq(author.verdict, FROM_MULTIPLE_FIELDS);
        cr_assert(has("example.com") && has("evil.example"));
}

Test(from, evaluates_no_more_than_its_limit_and_says_so)
{
        char body[1024] = "";

        for (int i = 0; i < FROM_DOMAINS_MAX + 1; i++)
                sprintf(body + strlen(body), "%su@d%d.example", i ? ", " : "", i);
        parse(body);
        cr_assert_eq(author.verdict, FROM_MULTIPLE);
        cr_assert_eq(author.domain_count, FROM_DOMAINS_MAX);
        cr_assert(author.domains_incomplete);
}

/* What readers show as an author: issue 11, points 1 and 2 */
#define BANK_B "=?utf-8?B?Y2VvQGJhbmsudGVzdA==?="
#define BANK_Q "=?utf-8?Q?ceo=40bank=2Etest?="

Test(from, counts_the_text_of_a_member_without_an_address)
{
        static const char *const two[] = {
            "\"ceo@bank.test\", <x@evil.test>",
            "\"ceo@bank.test\", x@evil.test",
            "x@evil.test, \"ceo@bank.test\"",
            "<x@evil.test>, \"ceo@bank.test\"",
            BANK_B ", x@evil.test",
            BANK_Q ", x@evil.test",
            "CEO \"ceo@bank.test\", x@evil.test",
            "CEO " BANK_B ", x@evil.test",
            "\"" BANK_B "\", x@evil.test",
            "\"ceo\\@bank.test\", x@evil.test",
            "\"ceo@ba\\nk.test\", x@evil.test",
            "\"ceo@BANK.test.\", x@evil.test",
            "g: \"ceo@bank.test\", x@evil.test;",
            "g: x@evil.test, \"ceo@bank.test\";",
            "\"ceo@bank.test\": x@evil.test;",
            "\"ceo@bank.test\": ;, x@evil.test",
            "=?utf-8?B?Y2VvQGJh?= =?utf-8?B?bmsudGVzdA==?=, x@evil.test",
            "=?utf-8?Q?ceo=40?=\n =?utf-8?Q?bank.test?=, x@evil.test",
            "=?iso-8859-1?Q?ceo=40bank.test?=, x@evil.test",
            "=?iso-2022-jp?B?GyRCQUEbKEJjZW9AYmFuay50ZXN0?=, x@evil.test",
            "=?utf-16?B?AGMAZQBvAEAAYgBhAG4AawAuAHQAZQBzAHQ=?=, x@evil.test",
            "=?utf-8*en?Q?ceo=40bank.test?=, x@evil.test",
            "(ceo@bank.test), x@evil.test",
            "CEO <ceo@bank.test .evil.test>, x@evil.test",
            "ceo@bank.test. x.evil.test, x@evil.test",
            "ceo@bank.test(c).evil.test, x@evil.test",
            "ceo@bank.test\xc3\xa9, x@evil.test",
            "ceo@bank.test-, x@evil.test",
            "ceo@bank.test.\xe2\x98\x83, x@evil.test",
            "CEO (ceo@bank.test), x@evil.test",
        };

        for (size_t i = 0; i < sizeof(two) / sizeof(*two); i++) {
                parse(two[i]);
                cr_expect(author.verdict == FROM_MULTIPLE || author.verdict == FROM_MALFORMED,
                          "%s: %s", two[i], from_verdict_name(author.verdict));
                cr_expect(has("bank.test") && has("evil.test"), "%s", two[i]);
        }
        parse("\"ceo@bank.test\", <x@evil.test>");
        cr_expect_eq(author.verdict, FROM_MULTIPLE);
        cr_expect_not(author.domains_incomplete);
}

Test(from, does_not_count_the_name_beside_an_address)
{
        static const char *const one[] = {
            "\"joe@bank.test via list\" <list@evil.test>",
            BANK_B " <list@evil.test>",
            "list@evil.test (joe@bank.test)",
            "(joe@bank.test) list@evil.test",
            "CEO, Boss <a@evil.test>",
            "=?utf-8?Q?M=C3=BCller?=, Boss <a@evil.test>",
            "\"ceo@evil.test\", <x@evil.test>",
            "=?x-unheard-of?Q?M=C3=BCller?= <a@evil.test>",
            "Staff: a@evil.test;",
            "a@evil . test",
            "a@evil.test.",
            "a@evil.test .",
        };

        for (size_t i = 0; i < sizeof(one) / sizeof(*one); i++) {
                parse(one[i]);
                cr_expect_eq(author.verdict, FROM_SINGLE, "%s: %s", one[i],
                             from_verdict_name(author.verdict));
                cr_expect(has("evil.test") && author.domain_count == 1, "%s", one[i]);
                cr_expect_not(author.domains_incomplete, "%s", one[i]);
        }
}

Test(from, evaluates_what_readers_see_where_the_grammar_sees_nothing)
{
        static const char *const hidden[] = {
            BANK_B,
            BANK_Q,
            "\"ceo@bank.test\"",
            "CEO <" BANK_B ">",
            "CEO <" BANK_Q ">",
            "ceo@bank=?utf-8?B?LnRlc3Q=?=",
            "ceo@=?utf-8?Q?bank.test?=",
            "=?utf-8?Q?ceo?=@=?utf-8?Q?bank?=.test",
            "=?utf-8?B?Q0VPIDxjZW9AYmFuay50ZXN0Pg==?=",
            "\"ceo@bank.test\" <>",
            "ceo@ba nk.test",
            "ceo@ba< >nk.test",
            BANK_B "\\x",
            "CEO <ceo@bank\n test- .x>, ceo@bank.test- .x y",
            "ceo@\"bank.test\"",
            "ceo@bank.\"test\"",
        };

        for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++) {
                parse(hidden[i]);
                cr_expect_eq(author.verdict, FROM_MALFORMED, "%s: %s", hidden[i],
                             from_verdict_name(author.verdict));
                cr_expect(has("bank.test"), "%s", hidden[i]);
        }
        parse("CEO <ceo@[bank.test]>"); /* no domain by the grammar */
        cr_expect_eq(author.verdict, FROM_NONE);
        cr_expect(has("bank.test"));
}

Test(from, is_incomplete_where_readers_may_decode_in_different_ways)
{
        static const char *const unreadable[] = {
            "=?utf-7?Q?ceo+AEA-bank.test?=, x@evil.test",
            "=?x-unheard-of?B?Y2VvQGJhbmsudGVzdA==?=, x@evil.test",
            "=?utf-8?B?Y2V?= =?utf-8?B?vQGJhbmsudGVzdA==?=, x@evil.test",
            "=?utf-8?B?Y2Vv=QGJhbmsudGVzdA==?=, x@evil.test",
            "=?utf-8?Q?ceo=4zank?=, x@evil.test",
            "\"ceo@\", x@evil.test",
            "=?ibm037?B?g4WW?=",
            "ceo@[bank test]",
            "ceo@[bank.test",
        };

        for (size_t i = 0; i < sizeof(unreadable) / sizeof(*unreadable); i++) {
                parse(unreadable[i]);
                cr_expect_eq(author.verdict, FROM_MALFORMED, "%s", unreadable[i]);
                cr_expect(author.domains_incomplete, "%s", unreadable[i]);
        }
}

Test(from, has_no_domain_in_an_address_literal)
{
        static const char *const literals[] = {"a@[192.0.2.1]", "A <a@[IPv6:2001:db8::1]>",
                                               "a@[ 192.0.2.1 ]"};

        for (size_t i = 0; i < sizeof(literals) / sizeof(*literals); i++) {
                parse(literals[i]);
                cr_expect_eq(author.verdict, FROM_NONE, "%s", literals[i]);
                cr_expect_not(author.domains_incomplete, "%s", literals[i]);
        }
}

Test(from, takes_a_domain_that_the_dns_cannot_hold)
{
        char body[2048] = "ceo@", name[DOMAIN_LONG_SIZE];

        memset(body + 4, 'a', 64);
        strcpy(body + 68, ".Bank.test");
        parse(body);
        cr_expect_eq(author.verdict, FROM_MALFORMED);
        cr_expect_eq(author.domain_count, 1);
        cr_expect_not(author.domains_incomplete);
        cr_expect_str_eq(author.domains[0] + 64, ".bank.test");
        cr_expect_not(domain_fits(author.domains[0]));
        for (int i = 0; i < 100; i++)
                memcpy(body + 4 + i * 10, "abcdefghi.", 10);
        strcpy(body + 1004, "bank.test");
        parse(body);
        cr_expect_eq(author.verdict, FROM_MALFORMED);
        cr_expect_not(author.domains_incomplete);
        cr_expect_not(domain_fits(author.domains[0]));
        cr_expect_eq(domain_normalize(author.domains[0], strlen(author.domains[0]), name), -EINVAL);
        cr_expect(domain_is_within(author.domains[0], "bank.test"));
}

Test(from, looks_at_no_more_than_its_octets)
{
        const size_t len = FROM_OCTETS_MAX + 100;
        char *body = arena_alloc(arena, len + 1);
        from_field_t fields[2] = {{"a@bank.example", 14}, {.body = body, .len = len}};

        memset(body, ' ', len);
        memcpy(body, "x@evil.example", 14);
        memcpy(body + len - 15, ",a@hidden.test ", 15);
        cr_assert_eq(from_parse(arena, &fields[1], 1, &author), 0);
        cr_expect_eq(author.verdict, FROM_MALFORMED);
        cr_expect(author.domains_incomplete && has("evil.example"));
        cr_assert_eq(from_parse(arena, fields, 2, &author), 0);
        cr_expect_eq(author.verdict, FROM_MULTIPLE_FIELDS);
        cr_expect(author.domains_incomplete && has("bank.example") && has("evil.example"));
}

Test(from, takes_linear_time, .timeout = 10)
{
        static const char *const units[] = {"@(", "@ ", "a@b.c,", "(",  "\"",
                                            "@.", "<",  "@a.",    ":;", "\\"};
        const size_t len = (size_t)1 << 20;
        char *body = arena_alloc(arena, len + 1);

        for (size_t unit = 0; unit < sizeof(units) / sizeof(*units); unit++) {
                size_t step = strlen(units[unit]);

                for (size_t i = 0; i < len; i++)
                        body[i] = units[unit][i % step];
                parse(body);
        }
}
