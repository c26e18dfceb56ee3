/* Authentication-Results in and out: the vectors, and that what we write reads back the same */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/mail/authres.h"
#include "tests/unit/support/parts.h"
#include "tests/unit/support/yaml.h"

static arena_t *arena;
static authres_t authres;

static void begin(void)
{
        arena = arena_create((size_t)64 << 20);
}

static void end(void)
{
        arena_free(arena);
}

TestSuite(authres, .init = begin, .fini = end);

static void parse(const char *body)
{
        cr_assert_eq(authres_parse(arena, body, strlen(body), &authres), 0);
}

static const char *property(size_t result, enum authres_ptype ptype, const char *name)
{
        return authres_property(&authres.results[result], ptype, name);
}

static void check_property(vectors_t *vectors, yaml_node_t *properties, size_t index, size_t result,
                           const char *id)
{
        static const char *const ptypes[] = {"smtp.", "header.", "body.", "policy.", "dns."};
        yaml_node_t *key, *expected;
        const char *name, *found = NULL;

        vectors_pair(vectors, properties, index, &key, &expected);
        name = vectors_text(key, NULL);
        for (unsigned i = 0; i < 5; i++)
                if (strncmp(name, ptypes[i], strlen(ptypes[i])) == 0)
                        found = property(result, (enum authres_ptype)i, strchr(name, '.') + 1);
        cr_assert_not_null(found, "%s: no %s", id, name);
        cr_expect_str_eq(found, (const char *)expected->data.scalar.value, "%s: %s: %s", id, name,
                         found);
}

static void check_results(vectors_t *vectors, yaml_node_t *usable, const char *id)
{
        cr_assert_eq(authres.result_count, vectors_count(usable), "%s: %zu results", id,
                     authres.result_count);
        for (size_t i = 0; i < authres.result_count; i++) {
                yaml_node_t *expected = vectors_at(vectors, usable, i);
                yaml_node_t *properties = vectors_get(vectors, expected, "props");

                cr_expect_str_eq(authres.results[i].method,
                                 vectors_get_text(vectors, expected, "method"));
                cr_expect_str_eq(auth_result_name(authres.results[i].result),
                                 vectors_get_text(vectors, expected, "result"));
                cr_expect_eq(authres.results[i].property_count, vectors_count(properties), "%s",
                             id);
                for (size_t n = 0; n < vectors_count(properties); n++)
                        check_property(vectors, properties, n, i, id);
        }
}

static void check_vector(vectors_t *vectors, yaml_node_t *vector)
{
        yaml_node_t *text = vectors_get(vectors, vector, "text");
        yaml_node_t *expect = vectors_get(vectors, vector, "expect");
        const char *id = vectors_get_text(vectors, vector, "id");
        const char *authserv_id = vectors_get_text(vectors, expect, "authserv_id");
        const char *body;
        size_t len;

        if (text != NULL) {
                body = (const char *)text->data.scalar.value;
                len = text->data.scalar.length;
        } else {
                body = parts_join(arena, vectors, vectors_get(vectors, vector, "text_parts"), &len);
        }
        cr_assert_eq(authres_parse(arena, body, len, &authres), 0);
        if (vectors_true(vectors_get(vectors, expect, "malformed"))) {
                cr_expect_eq(authres.status, AUTHRES_MALFORMED, "%s", id);
                cr_expect_eq(authres.result_count, 0, "%s", id);
                return;
        }
        cr_expect_neq(authres.status, AUTHRES_MALFORMED, "%s", id);
        cr_assert_not_null(authres.authserv_id, "%s", id);
        cr_expect(authres_id_equal(authres.authserv_id, authserv_id), "%s: %s", id,
                  authres.authserv_id);
        check_results(vectors, vectors_get(vectors, expect, "usable"), id);
}

static void check_vectors(const char *file, size_t count)
{
        vectors_t vectors;
        yaml_node_t *all;

        vectors_open(&vectors, file);
        all = vectors_get(&vectors, vectors.root, "authres_vectors");
        cr_assert_eq(vectors_count(all), count);
        for (size_t i = 0; i < vectors_count(all); i++)
                check_vector(&vectors, vectors_at(&vectors, all, i));
        vectors_close(&vectors);
}

Test(authres, gives_the_vectors_results)
{
        check_vectors("dmarc-vectors.yaml", 25);
}

Test(authres, gives_the_further_vectors_results)
{
        check_vectors("dmarc-vectors-more.yaml", 17);
}

Test(authres, keeps_the_id_of_a_malformed_or_unsupported_field)
{
        parse("mx.example.org; dkim=pass (open");
        cr_assert_eq(authres.status, AUTHRES_MALFORMED);
        cr_assert_str_eq(authres.authserv_id, "mx.example.org");
        parse("mx.example.org 2; dkim=pass header.d=bank.example");
        cr_assert_eq(authres.status, AUTHRES_UNSUPPORTED);
        cr_assert_eq(authres.result_count, 0);
        parse("; dkim=pass header.d=bank.example");
        cr_assert_eq(authres.status, AUTHRES_MALFORMED);
        cr_assert_null(authres.authserv_id);
}

Test(authres, lets_no_comment_hide_in_a_domain)
{
        parse("mx.example.org; dkim=pass header.d=example.net(.example.com");
        cr_assert_eq(authres.status, AUTHRES_MALFORMED);
        parse("mx.example.org; spf=pass smtp.mailfrom=example.net(.example.com)");
        cr_assert_str_eq(property(0, AUTHRES_SMTP, "mailfrom"), "example.net");
}

Test(authres, refuses_a_bare_carriage_return_and_nul)
{
        parse("mx.example.org; dkim=pass\rheader.d=bank.example");
        cr_assert_eq(authres.status, AUTHRES_MALFORMED);
        cr_assert_eq(authres_parse(arena, "mx\0.example; none", 17, &authres), 0);
        cr_assert_eq(authres.status, AUTHRES_MALFORMED);
}

static authres_report_t report(void)
{
        return (authres_report_t){
            .authserv_id = "mx.lab.test",
            .has_spf = true,
            .spf = AUTH_PASS,
            .spf_mailfrom = "user@example.org",
            .dmarc = AUTH_FAIL,
            .policy = DMARC_POLICY_REJECT,
            .disposition = DMARC_POLICY_QUARANTINE,
            .header_from = "example.com",
            .has_evaluated = true,
            .evaluated = DMARC_POLICY_QUARANTINE,
        };
}

/* The field as one logical line. */
static char *unfolded(const authres_report_t *what)
{
        char *text = authres_format(arena, what);
        char *out = text;

        cr_assert_not_null(text);
        for (const char *at = text; *at != '\0'; at++) {
                if (*at == '\n') {
                        cr_assert_eq(at[1], '\t');
                        continue;
                }
                *out++ = *at == '\t' ? ' ' : *at;
        }
        *out = '\0';
        return text;
}

Test(authres_format, writes_the_contracts_line, .init = begin, .fini = end)
{
        authres_report_t what = report();

        cr_assert_str_eq(unfolded(&what),
                         "mx.lab.test; spf=pass smtp.mailfrom=user@example.org; dmarc=fail "
                         "(p=reject dis=quarantine) header.from=example.com "
                         "policy.dmarc=quarantine");
        what.has_spf = false;
        what.dmarc = AUTH_NONE;
        what.policy = what.disposition = DMARC_POLICY_NONE;
        what.has_evaluated = false;
        cr_assert_str_eq(unfolded(&what),
                         "mx.lab.test; dmarc=none (p=none dis=none) header.from=example.com");
        what.has_spf = true;
        what.spf_mailfrom = NULL;
        what.spf_helo = "mta.example";
        what.header_from = NULL;
        cr_assert_str_eq(
            unfolded(&what),
            "mx.lab.test; spf=pass smtp.helo=mta.example; dmarc=none (p=none dis=none)");
}

static void check_round_trip(const authres_report_t *what)
{
        const char *text = authres_format(arena, what);
        size_t line = 0;

        cr_assert_not_null(text);
        for (const char *at = text; *at != '\0'; at++) {
                line = *at == '\n' ? 0 : line + 1;
                cr_assert(line <= 998);
                cr_assert(*at != '\n' || at[1] == '\t');
                cr_assert(*at >= ' ' || *at == '\n' || *at == '\t');
        }
        parse(text);
        cr_assert_eq(authres.status, AUTHRES_OK, "%s", text);
        cr_assert_eq(authres.result_count, 2, "%s", text);
        cr_assert_str_eq(authres.results[0].method, "spf");
        cr_assert_eq(authres.results[0].result, what->spf);
        cr_assert_leq(authres.results[0].property_count, 1);
        cr_assert_str_eq(authres.results[1].method, "dmarc");
        cr_assert_eq(authres.results[1].result, what->dmarc);
        cr_assert_str_eq(property(1, AUTHRES_POLICY, "dmarc"), dmarc_policy_name(what->evaluated));
}

Test(authres_format, lets_nothing_end_or_extend_the_field, .init = begin, .fini = end)
{
        static const char *const hostile[] = {
            "a; dkim=pass header.d=bank.example@evil.example",
            "a\"; dkim=pass header.d=bank.example;\"@evil.example",
            "a\\\"b@evil.example",
            "a\r\nX-Evil: yes@evil.example",
            "user@evil.example\nX-Evil: yes",
            "user@(comment)evil.example",
            "user@evil.example(",
            "\xc3\xbc@b\303\274cher.example",
            "\xff\xfe@\xff",
            "no-domain",
            "@",
            "a@b@c@evil.example",
            "user@[192.0.2.1]",
            ")",
            "\\",
        };
        char *longest = arena_alloc(arena, 70000);

        memset(longest, 'a', 69999);
        for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
                authres_report_t what = report();

                what.spf_mailfrom = hostile[i];
                what.comment = hostile[i];
                check_round_trip(&what);
                what.spf_mailfrom = NULL;
                what.spf_helo = hostile[i];
                check_round_trip(&what);
                what.header_from = hostile[i];
                check_round_trip(&what);
        }
        for (int i = 0; i < 2; i++) {
                authres_report_t what = report();

                if (i == 1)
                        memcpy(longest + 60000, "@example.org", 13);
                what.spf_mailfrom = longest;
                what.comment = longest;
                check_round_trip(&what);
                what.spf_mailfrom = NULL;
                what.spf_helo = longest;
                check_round_trip(&what);
        }
}
