/* d= of a DKIM-Signature field (RFC 6376 3.2, 3.5) */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/mail/dkim_signature.h"

static char domain[DOMAIN_SIZE];

/* With the other tags that a signature must have. */
static int signature(const char *tags)
{
        char body[1024];

        snprintf(body, sizeof(body), "v=1; a=rsa-sha256; s=s1; h=from;\n\tbh=aGFzaA==; b=c2ln=; %s",
                 tags);
        return dkim_signature_domain(body, strlen(body), domain);
}

Test(dkim_signature, finds_the_domain)
{
        cr_assert_eq(signature("i=@x.News.Example.com; d=News.Example.com; t=1;\n\tz=d=x=="), 0);
        cr_expect_str_eq(domain, "news.example.com");
        cr_assert_eq(signature("x=1;\r\n\td\r\n\t =\r\n\texample.com\r\n\t; i=@x.example.com"), 0);
        cr_expect_str_eq(domain, "example.com");
        cr_assert_eq(signature("d=example.com"), 0);
        cr_assert_eq(signature("d=b\xc3\xbc"
                               "cher.example;"),
                     0);
        cr_expect_str_eq(domain, "xn--bcher-kva.example");
}

Test(dkim_signature, takes_no_other_tag_for_it)
{
        cr_expect_eq(signature(""), -EINVAL);
        cr_expect_eq(signature(";;;"), -EINVAL);
        cr_expect_eq(signature("dd=example.com; D=example.com; i=@example.com; d"), -EINVAL);
        cr_expect_eq(signature("d="), -EINVAL);
        cr_expect_eq(signature("d=not a domain"), -EINVAL);
        cr_expect_eq(signature("d=a.example; d=b.example"), -EINVAL, "two of them mean nothing");
        cr_expect_eq(signature("d=a.example; bh=again"), -EINVAL);
}

Test(dkim_signature, is_none_without_what_every_signature_has)
{
        static const char text[] = "v=1; d=reject.test";

        cr_expect_eq(dkim_signature_domain(text, strlen(text), domain), -EINVAL);
}

static bool forges(const char *body)
{
        return dkim_signature_forges_results(body, strlen(body));
}

Test(dkim_signature, tells_an_identity_that_would_read_as_a_result)
{
        cr_expect(
            forges("v=1; d=evil.test; i=x=3B=20dkim=3Dpass=20header.d=3Dbank.test@evil.test"));
        cr_expect(forges("i=a=3b"), "lower case; at the end");
        cr_expect(forges("i=a@b;\r\n\tI\r\n\t=x=0Ay@evil.test"), "a second one, a line feed");
        cr_expect(forges("i=x=00"));
        cr_expect(forges("i=x=7F"));
}

Test(dkim_signature, takes_other_identities_for_harmless)
{
        cr_expect_not(forges(""));
        cr_expect_not(forges("v=1; d=a.example; i=joe@a.example; z=Subject:a=3Bb|i=3Bx"));
        cr_expect_not(forges("i=\"joe=20doe\"@a.example"));
        cr_expect_not(forges("i=bounce=3Duser=40x@a.example"));
        cr_expect_not(forges("i=a=3"));
        cr_expect_not(forges("i=a=;B=3B"));
        cr_expect_not(forges("ii=a=3B; bi=a=3B"));
}
