/* The DMARC core against every evaluation vector of tests/data/dmarc-vectors.yaml */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/dmarc/dmarc.h"
#include "common/mail/domain.h"
#include "tests/unit/support/yaml.h"
#include "tests/unit/support/zone.h"

#define DKIM_MAX 64

struct vector {
        vectors_t *vectors;
        yaml_node_t *input, *expect;
        const char *id;
        arena_t *arena;
        zone_t zone;
        dmarc_identifier_t dkim[DKIM_MAX];
        dmarc_outcome_t outcome;
};

/* X14's label is too long to be normalized; the core must stand it. */
static const char *normalized(struct vector *vector, const char *text)
{
        char domain[DOMAIN_SIZE];
        char *copy;

        if (text == NULL)
                return NULL;
        if (domain_normalize(text, strlen(text), domain) == 0)
                return arena_strdup(vector->arena, domain);
        copy = arena_strdup(vector->arena, text);
        for (char *at = copy; *at != '\0'; at++)
                *at = (char)tolower((unsigned char)*at);
        return copy;
}

static const char *expected(struct vector *vector, const char *key)
{
        return vectors_get_text(vector->vectors, vector->expect, key);
}

static dmarc_identifier_t identifier(struct vector *vector, yaml_node_t *node, const char *key)
{
        const char *word = vectors_get_text(vector->vectors, node, "result");
        dmarc_identifier_t out = {.result = AUTH_NONE};

        if (node == NULL)
                return out;
        cr_assert(auth_result_parse(word, strlen(word), &out.result), "%s: %s", vector->id, word);
        out.domain = normalized(vector, vectors_get_text(vector->vectors, node, key));
        return out;
}

static void evaluate(struct vector *vector, const char *author)
{
        yaml_node_t *dkim = vectors_get(vector->vectors, vector->input, "dkim");
        dmarc_dns_t dns = zone_dns(&vector->zone);
        dmarc_input_t input = {.author_domain = author, .dkim = vector->dkim};

        input.spf =
            identifier(vector, vectors_get(vector->vectors, vector->input, "spf"), "domain");
        input.dkim_count = vectors_count(dkim);
        cr_assert(input.dkim_count <= DKIM_MAX);
        for (size_t i = 0; i < input.dkim_count; i++)
                vector->dkim[i] = identifier(vector, vectors_at(vector->vectors, dkim, i), "d");
        cr_assert_eq(dmarc_evaluate(vector->arena, &dns, &input, &vector->outcome), 0);
}

static void check_text(struct vector *vector, const char *key, const char *found)
{
        const char *wanted = normalized(vector, expected(vector, key));

        if (wanted == NULL)
                cr_expect_null(found, "%s: %s: %s, not none", vector->id, key, found);
        else
                cr_expect(found != NULL && strcmp(found, wanted) == 0, "%s: %s: %s, not %s",
                          vector->id, key, found != NULL ? found : "none", wanted);
}

static bool has(struct vector *vector, const char *key)
{
        return vectors_get(vector->vectors, vector->expect, key) != NULL;
}

/* The Organizational Domain, by a walk of its own: evaluation leaves it open when nothing needs it.
 */
static void check_org(struct vector *vector, const char *author)
{
        dmarc_dns_t dns = zone_dns(&vector->zone);
        dmarc_walk_t walk;

        if (!has(vector, "org_domain") || expected(vector, "org_domain") == NULL)
                return;
        cr_assert_eq(dmarc_walk(vector->arena, &dns, author, &walk), 0);
        cr_expect_not(walk.failed != NULL, "%s", vector->id);
        check_text(vector, "org_domain", dmarc_organizational_domain(&walk));
        if (vector->outcome.org_domain != NULL)
                check_text(vector, "org_domain", vector->outcome.org_domain);
}

static void check_alignment(struct vector *vector)
{
        yaml_node_t *dkim = vectors_get(vector->vectors, vector->expect, "dkim_aligned");
        yaml_node_t *spf = vectors_get(vector->vectors, vector->expect, "spf_aligned");

        if (spf != NULL)
                cr_expect_eq(vector->outcome.spf_aligned, vectors_true(spf), "%s: spf_aligned",
                             vector->id);
        for (size_t i = 0; i < vectors_count(dkim); i++)
                cr_expect_eq(vector->outcome.dkim_aligned[i],
                             vectors_true(vectors_at(vector->vectors, dkim, i)),
                             "%s: dkim_aligned %zu", vector->id, i);
}

/* All of the author's walk asks exactly these names; evaluation may stop earlier, never later. */
static void check_queries(struct vector *vector, const char *author)
{
        yaml_node_t *queries = vectors_get(vector->vectors, vector->expect, "queries");
        dmarc_dns_t dns = zone_dns(&vector->zone);
        dmarc_walk_t walk;

        if (queries == NULL)
                return;
        vector->zone.query_count = 0;
        cr_assert_eq(dmarc_walk(vector->arena, &dns, author, &walk), 0);
        cr_expect_eq(vector->zone.query_count, vectors_count(queries), "%s: queries", vector->id);
        for (size_t i = 0; i < vectors_count(queries) && i < vector->zone.query_count; i++)
                cr_expect_str_eq(vector->zone.queries[i],
                                 vectors_text(vectors_at(vector->vectors, queries, i), NULL), "%s",
                                 vector->id);
}

static void check_identifier_orgs(struct vector *vector)
{
        yaml_node_t *orgs = vectors_get(vector->vectors, vector->expect, "identifier_org");
        dmarc_dns_t dns = zone_dns(&vector->zone);

        for (size_t i = 0; i < vectors_count(orgs); i++) {
                yaml_node_t *name, *org;
                dmarc_walk_t walk;

                vectors_pair(vector->vectors, orgs, i, &name, &org);
                cr_assert_eq(dmarc_walk(vector->arena, &dns, vectors_text(name, NULL), &walk), 0);
                cr_expect_str_eq(dmarc_organizational_domain(&walk), vectors_text(org, NULL), "%s",
                                 vector->id);
        }
}

static void check_no_name_twice(struct vector *vector)
{
        for (size_t i = 0; i < vector->zone.query_count; i++)
                for (size_t n = 0; n < i; n++)
                        cr_expect_str_neq(vector->zone.queries[i], vector->zone.queries[n], "%s",
                                          vector->id);
}

static void check(struct vector *vector, const char *author)
{
        const dmarc_outcome_t *outcome = &vector->outcome;
        yaml_node_t *exists = vectors_get(vector->vectors, vector->expect, "author_exists");

        evaluate(vector, author);
        cr_expect_str_eq(auth_result_name(outcome->result), expected(vector, "result"),
                         "%s: result %s, not %s", vector->id, auth_result_name(outcome->result),
                         expected(vector, "result"));
        cr_expect_not_null(outcome->reason, "%s", vector->id);
        check_no_name_twice(vector);
        if (has(vector, "policy_domain") || outcome->policy_domain == NULL)
                check_text(vector, "policy_domain", outcome->policy_domain);
        check_text(vector, "policy",
                   outcome->has_policy ? dmarc_policy_name(outcome->evaluated) : NULL);
        if (exists != NULL && vector->zone.existence_asked)
                cr_expect_eq(outcome->author_exists, vectors_true(exists), "%s: author_exists",
                             vector->id);
        check_alignment(vector);
        check_org(vector, author);
        check_queries(vector, author);
        check_identifier_orgs(vector);
}

static void check_vectors(const char *file, size_t count)
{
        vectors_t vectors;
        yaml_node_t *all;
        size_t evaluated = 0, others = 0;

        vectors_open(&vectors, file);
        all = vectors_get(&vectors, vectors.root, "eval_vectors");
        for (size_t i = 0; i < vectors_count(all); i++) {
                yaml_node_t *node = vectors_at(&vectors, all, i);
                struct vector vector = {.vectors = &vectors};
                yaml_node_t *from;

                vector.arena = arena_create((size_t)64 << 20);
                vector.input = vectors_get(&vectors, node, "input");
                vector.expect = vectors_get(&vectors, node, "expect");
                vector.id = vectors_get_text(&vectors, node, "id");
                vector.zone.vectors = &vectors;
                vector.zone.names = vectors_get(&vectors, node, "zone");
                vector.zone.errors = vectors_get(&vectors, node, "dns_errors");
                from = vectors_get(&vectors, vector.input, "from");
                if (vectors_count(from) == 1 || strcmp(vector.id, "F03") == 0) {
                        check(
                            &vector,
                            normalized(&vector, vectors_text(vectors_at(&vectors, from, 0), NULL)));
                        evaluated++;
                } else {
                        /* none or several author domains: not the core's, see test_evaluate.c */
                        cr_expect(strcmp(vector.id, "F01") == 0 || strcmp(vector.id, "F02") == 0,
                                  "%s", vector.id);
                        others++;
                }
                arena_free(vector.arena);
        }
        cr_assert_eq(evaluated + others, count);
        cr_assert_leq(others, 2);
        vectors_close(&vectors);
}

Test(dmarc_vectors, all)
{
        check_vectors("dmarc-vectors.yaml", 100);
}

Test(dmarc_vectors, further)
{
        check_vectors("dmarc-vectors-more.yaml", 29);
}
