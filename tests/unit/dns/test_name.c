#include <criterion/criterion.h>

#include <string.h>

#include "common/dns/question.h"

/* A text of `count` labels of `len` letters. */
static char *long_name(char *text, size_t count, size_t len)
{
        char *out = text;

        for (size_t i = 0; i < count; i++) {
                memset(out, 'a', len);
                out += len;
                *out++ = '.';
        }
        out[-1] = '\0';
        return text;
}

static bool readable(const char *text)
{
        dns_name_t name;

        return dns_name_from_text(text, &name);
}

Test(name, wire_form)
{
        static const char wire[] = "\3www\7example\3org";
        dns_name_t name;
        char text[DNS_NAME_TEXT_SIZE];

        cr_assert(dns_name_from_text("WWW.Example.ORG.", &name));
        cr_assert_eq(name.len, sizeof(wire));
        cr_expect_arr_eq(name.octets, wire, sizeof(wire));
        cr_expect_eq(dns_name_to_text(&name, text), 15);
        cr_expect_str_eq(text, "www.example.org");
}

Test(name, the_root)
{
        dns_name_t name;
        char text[DNS_NAME_TEXT_SIZE];

        cr_assert(dns_name_from_text(".", &name));
        cr_expect_eq(name.len, 1);
        cr_expect_eq(dns_name_to_text(&name, text), 0);
        cr_expect_str_eq(text, "");
}

Test(name, a_backslash_is_an_octet)
{
        dns_name_t name;

        cr_assert(dns_name_from_text("a\\.b\xC3\xA9 \1", &name));
        cr_expect_arr_eq(name.octets, "\2a\\\5b\xC3\xA9 \1", 10);
}

Test(name, what_cannot_be_expressed)
{
        char text[400];

        cr_expect_not(readable(""));
        cr_expect_not(readable(".."));
        cr_expect_not(readable(".a"));
        cr_expect_not(readable("a..b"));
        cr_expect_not(readable("a.."));
        cr_expect(readable(long_name(text, 1, 63)));
        cr_expect_not(readable(long_name(text, 1, 64)));
        cr_expect(readable(long_name(text, 127, 1)), "253 characters, 255 octets");
        cr_expect_not(readable(long_name(text, 128, 1)));
        cr_expect_not(readable(long_name(text, 4, 63)));
}

Test(name, longest_name_there_and_back)
{
        char text[400];
        char back[DNS_NAME_TEXT_SIZE];
        dns_name_t name;
        dns_name_t again;
        size_t end;

        cr_assert(dns_name_from_text(long_name(text, 127, 1), &name));
        cr_assert_eq(name.len, DNS_NAME_MAX);
        cr_expect_eq(dns_name_to_text(&name, back), 253);
        cr_expect_str_eq(back, text);
        cr_assert(dns_name_from_message(name.octets, name.len, 0, &again, &end));
        cr_expect(dns_name_equal(&name, &again));
        cr_expect_eq(end, DNS_NAME_MAX);
}

Test(name, within)
{
        static const struct {
                const char *name, *ancestor;
                bool within;
        } cases[] = {{"a.example", "example", true},   {"example", "example", true},
                     {"a.example", ".", true},         {"example", "a.example", false},
                     {"aexample", "example", false},   {"b.a.example", "A.Example", true},
                     {"b.a.example", "b.a", false},    {".", ".", true},
                     {"x\7example", "example", false}, {".", "example", false}};

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                dns_name_t name;
                dns_name_t ancestor;

                cr_assert(dns_name_from_text(cases[i].name, &name));
                cr_assert(dns_name_from_text(cases[i].ancestor, &ancestor));
                cr_expect_eq(dns_name_within(&name, &ancestor), cases[i].within, "case %zu", i);
        }
}

Test(question, encoded)
{
        static const uint8_t expected[] = {0xAB, 0xCD, 1, 0, 0, 1, 0,  0, 0,    0, 0, 1, 1, 'a', 0,
                                           0,    16,   0, 1, 0, 0, 41, 4, 0xD0, 0, 0, 0, 0, 0,   0};
        uint8_t query[DNS_QUERY_MAX];
        dns_question_t question;

        cr_assert(dns_question_init(&question, "A.", 16));
        cr_assert_eq(dns_question_encode(&question, 0xABCD, query), sizeof(expected));
        cr_expect_arr_eq(query, expected, sizeof(expected));
}
