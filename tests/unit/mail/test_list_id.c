/* List-Id (RFC 2919) */
#include <criterion/criterion.h>
#include <string.h>

#include "common/mail/list_id.h"

static const char *parsed(const char *body)
{
        static char id[LIST_ID_SIZE];

        return list_id_parse(body, strlen(body), id) ? id : "";
}

Test(list_id, as_lists_write_it)
{
        cr_expect_str_eq(parsed("<dmarc.ietf.org>"), "dmarc.ietf.org");
        cr_expect_str_eq(parsed(" List Header Mailing List <list-header.NISTO.com>"),
                         "list-header.nisto.com");
        cr_expect_str_eq(parsed("\"Discussion of A<B>\"\n\t<a-b.example.org> (archived)"),
                         "a-b.example.org");
        cr_expect_str_eq(parsed("=?utf-8?q?Stra=C3=9Fe?= <strasse.example.org>\r\n "),
                         "strasse.example.org");
        cr_expect_str_eq(parsed("a.b.example.org"), "a.b.example.org");
        cr_expect_str_eq(parsed("<c++std-lib.accu.example>"), "c++std-lib.accu.example");
        cr_expect_str_eq(parsed("<liste.b\xc3\xbc"
                                "cher.example>"),
                         "liste.xn--bcher-kva.example");
        cr_expect_str_eq(parsed("12345"), "12345");
}

Test(list_id, nothing_to_be_had)
{
        static const char *const bodies[] = {
            "",          " ",         "<>",           "<a b>",         "a b",
            "<a.b",      "a.b>",      "<a..b>",       "<.a>",          "<a.b> c.d",
            "<a.b.>.c",  "<a.b> (un", "a.b (unended", "<\"a\".b>",     "<a@b>",
            "<a.b\x01>", "<a.b>, <",  "<\xff\xfe.b>", "first, second",
        };
        char longest[600] = "<";

        for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++)
                cr_expect_str_eq(parsed(bodies[i]), "", "%s", bodies[i]);
        memset(longest + 1, 'a', LIST_ID_MAX + 1);
        longest[LIST_ID_MAX + 2] = '>';
        cr_expect_str_eq(parsed(longest), "");
        longest[LIST_ID_MAX + 1] = '>';
        longest[LIST_ID_MAX + 2] = '\0';
        cr_expect_eq(strlen(parsed(longest)), LIST_ID_MAX);
}
