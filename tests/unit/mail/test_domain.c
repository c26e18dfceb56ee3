/* domains: one form for all spellings */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/mail/domain.h"

static void same(const char *text, const char *expected)
{
        char out[DOMAIN_SIZE] = "";
        int error = domain_normalize(text, strlen(text), out);

        cr_expect_eq(error, 0, "%s", text);
        cr_expect_str_eq(out, expected, "%s: %s", text, out);
}

static void refused(const char *text, size_t len)
{
        char out[DOMAIN_SIZE];

        cr_expect_neq(domain_normalize(text, len, out), 0, "%s", text);
}

Test(domain, case_and_final_dot)
{
        same("Example.ORG", "example.org");
        same("example.org.", "example.org");
        same("xn--bcher-kva.example", "xn--bcher-kva.example");
        same("_dmarc.example.org", "_dmarc.example.org");
        same("b\xc3\xbc"
             "cher.example",
             "xn--bcher-kva.example");
        same("B\xc3\x9c"
             "CHER.example",
             "xn--bcher-kva.example");
}

Test(domain, labels_that_the_dns_allows)
{
        same("shop-.Host.test", "shop-.host.test");
        same("-x.host.test", "-x.host.test");
        same("-.host.test", "-.host.test");
        same("a--b.host.test", "a--b.host.test");
        same("\xf0\x9f\x92\xa9.test", "xn--ls8h.test");                  /* U+1F4A9 */
        same("i\xe2\x9d\xa4.ws", "xn--i-7iq.ws");                        /* U+2764 */
        same("i\xe2\x9d\xa4\xef\xb8\x8f.ws", "xn--i-7iq.ws");            /* U+2764 U+FE0F */
        same("\xe2\x98\x83.net", "xn--n3h.net");                         /* U+2603 */
        same("\xe2\x9e\xa1.ws\xe3\x80\x82", "xn--hgi.ws");               /* ideographic dot */
        same("\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa.test", "xn--h77hc.test"); /* a flag */
        same("B\xc3\x9c"
             "CHER\xe2\x98\x83.test",
             "xn--bcher-kva1747d.test"); /* beside letters */
        same("b\xc3\xbc"
             "cher-.test",
             "xn--bcher--3ya.test");
        same("_x.b\xc3\xbc"
             "cher.test",
             "_x.xn--bcher-kva.test");
}

static void same_long(const char *text, const char *expected)
{
        char out[DOMAIN_LONG_SIZE] = "";

        cr_expect_eq(domain_normalize_long(text, strlen(text), out), 0, "%s", text);
        cr_expect_str_eq(out, expected, "%s: %s", text, out);
}

Test(domain, what_the_dns_cannot_hold)
{
        char label[100], text[2000] = "", out[DOMAIN_LONG_SIZE];

        memset(label, 'a', sizeof(label));
        strcpy(label + 64, ".test");
        same_long(label, label);
        cr_expect_not(domain_fits(label));
        same_long("Example.ORG.", "example.org");
        cr_expect(domain_fits("example.org"));
        for (int i = 0; i < 200; i++)
                strcat(text, "abcdefg.");
        strcat(text, "test");
        cr_expect_eq(domain_normalize_long(text, strlen(text), out), 0);
        cr_expect(strlen(out) > DOMAIN_MAX && domain_is_within(out, "abcdefg.test"));
        cr_expect_not(domain_fits(out));
        *text = '\0';
        for (int i = 0; i < 70; i++)
                strcat(text, "\xe2\x98\x83");
        strcat(text, ".bank.test");
        cr_expect_eq(domain_normalize_long(text, strlen(text), out), 0);
        cr_expect_not(domain_fits(out));
        cr_expect(domain_is_within(out, "bank.test"));
        cr_expect_neq(domain_normalize(text, strlen(text), out), 0);
        cr_expect_neq(domain_normalize_long("a..b", 4, out), 0);
        cr_expect_neq(domain_normalize_long("", 0, out), 0);
}

Test(domain, characters_that_are_no_symbols)
{
        static const char *const bad[] = {
            "a\xe2\x80\xae"
            "b.test", /* right-to-left override */
            "a\xe2\x80\x8b"
            "b.test", /* zero width space */
            "a\xe2\x80\x8b\xef\xb8\x8f.test",
            "a\xef\xb8\x8f.test", /* a selector beside no symbol */
            "\xe2\x92\x88"
            "b.test", /* U+2488, "1." */
            "a\xef\xbc\xa0"
            "b.test", /* full-width @ */
            "\xe2\x98\x83 b.test",
            "\xe2\x98\x83/b.test",
            "\xe2\x98.test",
            "\xc0\xae.test",
        };

        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
                refused(bad[i], strlen(bad[i]));
}

Test(domain, what_is_none)
{
        static const char *const bad[] = {
            "",    ".",    "..",       "a..b", ".a",      "a b",       "a\tb", "a@b", "a\"b",
            "a;b", "a(b)", "a,b.test", "a<b",  "a\x01.b", "\xff.test", "a/b",  "a\\b"};
        char label[66], name[300];

        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
                refused(bad[i], strlen(bad[i]));
        refused("a\0b", 3);
        memset(label, 'a', sizeof(label));
        refused(label, 64);
        for (size_t i = 0; i < sizeof(name); i++)
                name[i] = i % 50 == 49 ? '.' : 'a';
        refused(name, 260);
}

Test(domain, longest_label)
{
        char label[64];

        memset(label, 'a', 63);
        label[63] = '\0';
        same(label, label);
}

Test(domain, labels)
{
        cr_expect_eq(domain_label_count(""), 0);
        cr_expect_eq(domain_label_count("a"), 1);
        cr_expect_eq(domain_label_count("a.b.c"), 3);
        cr_expect_str_eq(domain_suffix("a.b.c", 2), "b.c");
        cr_expect_str_eq(domain_suffix("a.b.c", 1), "c");
        cr_expect_str_eq(domain_suffix("a.b.c", 9), "a.b.c");
}

Test(domain, within)
{
        cr_expect(domain_is_within("example.com", "example.com"));
        cr_expect(domain_is_within("a.example.com", "example.com"));
        cr_expect_not(domain_is_within("notexample.com", "example.com"));
        cr_expect_not(domain_is_within("example.com", "a.example.com"));
        cr_expect_not(domain_is_within("com", "example.com"));
}

Test(domain, matches)
{
        cr_expect(domain_matches("example.com", "example.com"));
        cr_expect_not(domain_matches("a.example.com", "example.com"));
        cr_expect(domain_matches("a.example.com", ".example.com"));
        cr_expect(domain_matches("b.a.example.com", ".example.com"));
        cr_expect_not(domain_matches("example.com", ".example.com"));
        cr_expect_not(domain_matches("notexample.com", ".example.com"));
        cr_expect_not(domain_matches("notexample.com", "example.com"));
}
