/* ARC-Seal fields, and whose seal a believed arc=pass stands for (RFC 8617) */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mail/arc_seal.h"

#define REST "; a=rsa-sha256; cv=none; s=s1; t=12345; b=dGVzdA=="

static arc_seal_t seal;

static bool parse(const char *body)
{
        return arc_seal_parse(body, strlen(body), &seal);
}

Test(arc_seal, plain)
{
        cr_assert(parse("i=1; d=Forwarder.Example" REST));
        cr_expect_eq(seal.instance, 1);
        cr_expect_str_eq(seal.domain, "forwarder.example");
        /* as it comes from a milter: folded, with spaces in b=, and a last semicolon */
        cr_assert(parse(" i = 50 ;\n\ta=rsa-sha256; t=1; cv=pass;\r\n d=a.example ; s=x;\n\tb=dGVz"
                        " dA\n\t==; "));
        cr_expect_eq(seal.instance, 50);
        cr_expect_str_eq(seal.domain, "a.example");
        cr_assert(parse("i=2; x_1=any thing; d=b\xc3\xbc"
                        "cher.example" REST),
                  "an unknown tag, a U-label");
        cr_expect_str_eq(seal.domain, "xn--bcher-kva.example");
}

Test(arc_seal, malformed)
{
        static const char *const bodies[] = {
            "",
            ";",
            "i=1",
            "i=1; d=a.example",                   /* others are missing */
            "d=a.example" REST,                   /* no instance */
            "i=1" REST,                           /* no domain */
            "i=; d=a.example" REST,               /* empty */
            "i=0; d=a.example" REST,              /* out of range */
            "i=51; d=a.example" REST,             /* … */
            "i=001; d=a.example" REST,            /* … */
            "i=01; d=a.example" REST,             /* another spelling */
            "i=+1; d=a.example" REST,             /* … */
            "i=1 2; d=a.example" REST,            /* … */
            "i=1; i=2; d=a.example" REST,         /* twice */
            "i=1; d=a.example; d=b.example" REST, /* … */
            "i=1; d=a.example; D=b.example" REST, /* … for some readers */
            "i=1; D=a.example" REST,              /* another tag, by the letter */
            "i=1; d=a.example; h=from" REST,      /* RFC 8617 4.1.3 */
            "i=1; d=a b.example" REST,            /* no domain */
            "i=1; d=" REST,                       /* … */
            "i=1; d=\"a.example\"" REST,          /* … */
            "i=1; d=a.example(b.example)" REST,   /* … */
            "i=1;; d=a.example" REST,             /* an empty tag */
            "i=1; d=a.example; word" REST,        /* no "=" */
            "i=1; d=a.example; 1=x" REST,         /* no name */
            "i=1; d=a.example; x\x01=x" REST,     /* … */
            "i=1; d=a.example; x=\x01" REST,      /* a control character */
            "i=1; d=a.example; =x" REST,          /* … */
        };
        char *longer = calloc(1, ARC_SEAL_MAX + 100);

        for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++)
                cr_expect_not(parse(bodies[i]), "%zu: %s", i, bodies[i]);
        cr_expect_not(arc_seal_parse("i=1; d=a\0.example" REST, 60, &seal), "a NUL");
        snprintf(longer, ARC_SEAL_MAX + 100, "i=1; d=a.example" REST "; x=");
        memset(longer + strlen(longer), 'x', ARC_SEAL_MAX);
        cr_expect_not(arc_seal_parse(longer, ARC_SEAL_MAX + 1, &seal));
        cr_expect(arc_seal_parse(longer, ARC_SEAL_MAX, &seal));
        free(longer);
}

/* The sealer that an Authentication-Results field and ARC-Seal fields ("2 b.example" for i=2 by
 * b.example; NULL ends) make, or "" for none. */
static const char *sealer(const char *field, const char *const *seals)
{
        static char domain[DOMAIN_SIZE];
        arena_t *arena = arena_create(0);
        arc_results_t results = {0};
        arc_chain_t chain = {0};
        authres_t authres;

        for (; *seals != NULL; seals++) {
                char body[512];
                int len = snprintf(body, sizeof(body), "i=%.*s; d=%s" REST,
                                   (int)strcspn(*seals, " "), *seals, strchr(*seals, ' ') + 1);

                arc_chain_add(&chain, body, (size_t)len);
        }
        cr_assert_eq(authres_parse(arena, field, strlen(field), &authres), 0);
        for (size_t i = 0; i < authres.result_count; i++)
                if (strcmp(authres.results[i].method, "arc") == 0)
                        arc_results_add(&results, &authres.results[i]);
        if (!arc_sealer(&results, &chain, domain))
                domain[0] = '\0';
        arena_free(arena);
        return domain;
}

#define SEALER(field, ...) sealer(field, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
#define PASS               "mx.example; arc=pass"

Test(arc_seal, latest_seal_of_a_whole_chain)
{
        cr_expect_str_eq(SEALER(PASS, "1 a.example"), "a.example");
        cr_expect_str_eq(SEALER(PASS, "2 b.example", "1 a.example"), "b.example");
        cr_expect_str_eq(SEALER(PASS, "1 a.example", "3 c.example", "2 b.example"), "c.example");
        cr_expect_str_eq(SEALER(PASS " (\"a.example:s=x:i=1\")", "1 b.example"), "b.example",
                         "Rspamd's comment is not asked");
        cr_expect_str_eq(
            SEALER(PASS " smtp.remote-ip=192.0.2.1 header.oldest-pass=0", "1 b.example"),
            "b.example");
}

Test(arc_seal, nobody_of_a_chain_that_is_not_whole)
{
        cr_expect_str_eq(SEALER(PASS), "");
        cr_expect_str_eq(SEALER(PASS, "2 b.example"), "");
        cr_expect_str_eq(SEALER(PASS, "1 a.example", "3 c.example"), "");
        cr_expect_str_eq(SEALER(PASS, "1 a.example", "1 b.example"), "");
        cr_expect_str_eq(SEALER(PASS, "1 a.example", "2 b.example", "51 c.example"), "");
        cr_expect_str_eq(SEALER(PASS, "1 a.example", "2 not a domain"), "");
        cr_expect_str_eq(SEALER(PASS, "0 a.example"), "");
}

Test(arc_seal, first_of_arc_chain)
{
        cr_expect_str_eq(SEALER(PASS " arc.chain=Microsoft.example"), "microsoft.example");
        cr_expect_str_eq(SEALER(PASS " arc.chain=\"c.example:b.example\"", "1 a.example"),
                         "c.example");
        cr_expect_str_eq(SEALER(PASS " arc.chain=:c.example:b.example"), "c.example",
                         "old OpenARC");
        cr_expect_str_eq(SEALER(PASS " arc.chain=\"\"", "1 a.example"), "");
        cr_expect_str_eq(SEALER(PASS " arc.chain=\"a b:c.example\"", "1 a.example"), "");
        cr_expect_str_eq(SEALER(PASS " arc.chain=a.example arc.chain=b.example", "1 a.example"), "",
                         "such a result is dropped whole");
}

Test(arc_seal, only_a_pass_that_nothing_contradicts)
{
        cr_expect_str_eq(SEALER("mx.example; none", "1 a.example"), "");
        cr_expect_str_eq(SEALER("mx.example; arc=fail", "1 a.example"), "");
        cr_expect_str_eq(SEALER("mx.example; arc=none", "1 a.example"), "");
        cr_expect_str_eq(SEALER("mx.example; arc=reject", "1 a.example"), "");
        cr_expect_str_eq(SEALER("mx.example; arc=fail arc.chain=a.example", "1 a.example"), "");
        cr_expect_str_eq(SEALER(PASS "; arc=fail", "1 a.example"), "");
        cr_expect_str_eq(SEALER("mx.example; arc=none; arc=pass", "1 a.example"), "");
        cr_expect_str_eq(SEALER("mx.example; arc=reject (Rspamd); arc=pass", "1 a.example"), "");
        cr_expect_str_eq(SEALER(PASS "; arc=pass", "1 a.example"), "a.example");
        cr_expect_str_eq(SEALER(PASS " arc.chain=b.test; arc=pass arc.chain=B.test", "1 a.example"),
                         "b.test");
        cr_expect_str_eq(SEALER(PASS " arc.chain=b.example; arc=pass", "1 a.example"), "");
        cr_expect_str_eq(SEALER(PASS "; arc=pass arc.chain=b.example", "1 a.example"), "");
        cr_expect_str_eq(
            SEALER(PASS " arc.chain=b.example; arc=pass arc.chain=c.example", "1 a.example"), "");
        cr_expect_str_eq(SEALER("mx.example; dkim=pass header.d=a.example", "1 a.example"), "");
}
