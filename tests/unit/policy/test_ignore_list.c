/* IgnoreHosts: forms of entries, the most specific wins (contract section 3) */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/policy/ignore.h"

static unsigned errors, last_line;

static void note(void *context, unsigned line, const char *message)
{
        (void)context;
        (void)message;
        errors++;
        last_line = line;
}

static ignore_list_t *parse(const char *text)
{
        ignore_list_t *list = ignore_list_parse(text, strlen(text), note, NULL);

        cr_assert_not_null(list);
        return list;
}

static bool matches(const ignore_list_t *list, const char *client, const char *name)
{
        address_t address;

        cr_assert(address_parse(client, &address));
        return ignore_list_match(list, &address, name);
}

static bool one(const char *text, const char *client, const char *name)
{
        ignore_list_t *list = parse(text);
        bool found = matches(list, client, name);

        ignore_list_free(list);
        return found;
}

Test(ignore_list, addresses)
{
        cr_expect(one("192.0.2.1\n", "192.0.2.1", NULL));
        cr_expect_not(one("192.0.2.1\n", "192.0.2.2", NULL));
        cr_expect(one("2001:DB8::1", "2001:db8::1", NULL));
        cr_expect(one("192.0.2.1", "::ffff:192.0.2.1", NULL));
        cr_expect(one("::ffff:192.0.2.1", "192.0.2.1", NULL));
        cr_expect(one("\t 192.0.2.1 \t# a comment\r\n", "192.0.2.1", NULL));
        cr_expect_not(one("", "192.0.2.1", NULL));
        cr_expect_not(one("# 192.0.2.1\n", "192.0.2.1", NULL));
        cr_expect_eq(errors, 0);
}

Test(ignore_list, blocks)
{
        cr_expect(one("192.0.2.0/24", "192.0.2.255", NULL));
        cr_expect_not(one("192.0.2.0/24", "192.0.3.0", NULL));
        cr_expect(one("192.0.2.77/24", "192.0.2.1", NULL));
        cr_expect(one("192.0.2.128/25", "192.0.2.128", NULL));
        cr_expect_not(one("192.0.2.128/25", "192.0.2.127", NULL));
        cr_expect(one("2001:db8::/32", "2001:db8:ffff::1", NULL));
        cr_expect_not(one("2001:db8::/32", "2001:db9::", NULL));
        cr_expect(one("0.0.0.0/0", "198.51.100.1", NULL));
        cr_expect_not(one("0.0.0.0/0", "2001:db8::1", NULL));
        cr_expect(one("::/0", "2001:db8::1", NULL));
        cr_expect(one("192.0.2.1/32", "192.0.2.1", NULL));
        cr_expect(one("2001:db8::1/128", "2001:db8::1", NULL));
}

Test(ignore_list, names)
{
        cr_expect(one("mail.example.org", "192.0.2.1", "mail.example.org"));
        cr_expect(one("Mail.Example.ORG.", "192.0.2.1", "mail.example.org"));
        cr_expect_not(one("mail.example.org", "192.0.2.1", "a.mail.example.org"));
        cr_expect_not(one("mail.example.org", "192.0.2.1", NULL));
        cr_expect_not(one("mail.example.org", "192.0.2.1", "unknown"));
        cr_expect_not(one("unknown", "192.0.2.1", "unknown"));
        cr_expect(one(".example.org", "192.0.2.1", "a.b.example.org"));
        cr_expect_not(one(".example.org", "192.0.2.1", "example.org"));
        cr_expect_not(one(".example.org", "192.0.2.1", "notexample.org"));
}

Test(ignore_list, the_most_specific_wins)
{
        const char *text = "10.0.0.0/8\n!10.1.0.0/16\n10.1.2.0/24\n!10.1.2.3\n"
                           ".example.org\n!.dialup.example.org\nhost.dialup.example.org\n";
        ignore_list_t *list = parse(text);

        cr_expect(matches(list, "10.2.0.1", NULL));
        cr_expect_not(matches(list, "10.1.0.1", NULL));
        cr_expect(matches(list, "10.1.2.4", NULL));
        cr_expect_not(matches(list, "10.1.2.3", NULL));
        cr_expect(matches(list, "192.0.2.1", "a.example.org"));
        cr_expect_not(matches(list, "192.0.2.1", "a.dialup.example.org"));
        cr_expect(matches(list, "192.0.2.1", "host.dialup.example.org"));
        cr_expect_not(matches(list, "10.1.2.3", "a.example.org"), "an address beats a name");
        ignore_list_free(list);
}

Test(ignore_list, order_does_not_matter_but_for_equals)
{
        cr_expect_not(one("!10.1.0.0/16\n10.0.0.0/8\n", "10.1.0.1", NULL));
        cr_expect_not(one("10.1.0.0/16\n!10.1.0.0/16\n", "10.1.0.1", NULL));
        cr_expect(one("!10.1.0.0/16\n10.1.0.0/16\n", "10.1.0.1", NULL));
        cr_expect(one("!a.test\na.test\n", "10.1.0.1", "a.test"));
}

Test(ignore_list, broken_lines_are_skipped_and_numbered)
{
        static const char *const broken[] = {"192.0.2.1/33",
                                             "192.0.2.1/-1",
                                             "192.0.2.1/",
                                             "192.0.2.1/a",
                                             "2001:db8::/129",
                                             "192.0.2.300",
                                             "192.0.2",
                                             "1::2::3",
                                             "a b",
                                             "!",
                                             "192.0.2.1 x",
                                             "mail..test",
                                             "./",
                                             "http://a.test",
                                             "192.0.2.1/24/8",
                                             "\x01",
                                             "192.0.2.1,a.b",
                                             "192.0.2.1/024x"};

        for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
                char text[128];

                errors = 0;
                snprintf(text, sizeof(text), "192.0.2.7\n%s\n192.0.2.8\n", broken[i]);
                cr_expect(one(text, "192.0.2.7", NULL));
                cr_expect(one(text, "192.0.2.8", NULL));
                cr_expect_eq(errors, 2, "%s", broken[i]);
                cr_expect_eq(last_line, 2, "%s", broken[i]);
        }
}

Test(ignore_list, nul_and_a_line_without_end)
{
        static const char text[] = "192.0.2.1\n192.0.2.\0002\n192.0.2.3";
        ignore_list_t *list = ignore_list_parse(text, sizeof(text) - 1, note, NULL);

        cr_expect(matches(list, "192.0.2.1", NULL));
        cr_expect_not(matches(list, "192.0.2.2", NULL));
        cr_expect(matches(list, "192.0.2.3", NULL));
        cr_expect_eq(last_line, 2);
        ignore_list_free(list);
}

Test(ignore_list, very_long_line)
{
        char *text = malloc(100000);

        memset(text, 'a', 100000);
        memcpy(text + 99990, "\n10.0.0.1\n", 10);
        ignore_list_t *list = ignore_list_parse(text, 100000, note, NULL);
        cr_expect(matches(list, "10.0.0.1", NULL));
        cr_expect_eq(last_line, 1);
        ignore_list_free(list);
        free(text);
}

Test(ignore_list, ten_thousand_entries)
{
        char *text = malloc(10000 * 40), *at = text;

        for (int i = 0; i < 10000; i++)
                at += sprintf(at, "10.%d.%d.0/24\nhost%d.test\n", i / 256, i % 256, i);
        ignore_list_t *list = parse(text);
        for (int i = 0; i < 10000; i += 7) {
                char client[32], name[32];

                snprintf(client, sizeof(client), "10.%d.%d.5", i / 256, i % 256);
                snprintf(name, sizeof(name), "host%d.test", i);
                cr_expect(matches(list, client, NULL));
                cr_expect(matches(list, "192.0.2.1", name));
        }
        cr_expect_not(matches(list, "10.200.0.1", "host.test"));
        ignore_list_free(list);
        free(text);
}
