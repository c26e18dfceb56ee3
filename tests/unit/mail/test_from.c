/* The From field: the vectors of tests/data/dmarc-vectors.yaml, and what malformed fields may hide
 */
#include <criterion/criterion.h>
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
