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
