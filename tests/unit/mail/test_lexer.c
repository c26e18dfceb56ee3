/* lexer: comments, quoted strings, atoms; nothing makes it recurse or run over the end */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/mail/lexer.h"

static lexer_t on(const char *text)
{
        return (lexer_t){.at = text, .end = text + strlen(text)};
}

Test(lexer, cfws)
{
        static const char *const good[] = {"",      " ",         "\t \r\n ", "(a)", " (a (b) c) ",
                                           "(\\))", "(a)(b) (c)"};
        static const char *const bad[] = {"(", "(a", "(a\\", "((a)", " (a (b)"};

        for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
                lexer_t lexer = on(good[i]);

                cr_expect(lexer_cfws(&lexer, 8), "%s", good[i]);
                cr_expect(lexer_done(&lexer), "%s", good[i]);
        }
        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
                lexer_t lexer = on(bad[i]);

                cr_expect_not(lexer_cfws(&lexer, 8), "%s", bad[i]);
        }
}

Test(lexer, depth_of_comments_is_bounded)
{
        lexer_t fine = on("(((a)))"), deep = on("((((a))))");

        cr_expect(lexer_cfws(&fine, 3));
        cr_expect_not(lexer_cfws(&deep, 3));
}

Test(lexer, quoted_strings)
{
        char out[64];
        lexer_t lexer = on("\"a\\\"b \\\\ c\"rest");

        cr_expect(lexer_quoted(&lexer, out));
        cr_expect_str_eq(out, "a\"b \\ c");
        cr_expect_eq(lexer_peek(&lexer), 'r');
        lexer = on("\"never ends");
        cr_expect_not(lexer_quoted(&lexer, out));
        lexer = on("\"never ends\\");
        cr_expect_not(lexer_quoted(&lexer, out));
}

Test(lexer, atoms_and_tokens)
{
        lexer_t lexer = on("a!#$b@c");

        cr_expect_eq(lexer_atom(&lexer), 5);
        cr_expect(lexer_accept(&lexer, '@'));
        cr_expect_not(lexer_accept(&lexer, '@'));
        cr_expect_eq(lexer_atom(&lexer), 1);
        cr_expect(lexer_done(&lexer));
        cr_expect_eq(lexer_peek(&lexer), '\0');
        lexer = on("x-1.2;");
        cr_expect_eq(lexer_token(&lexer), 5);
        lexer = on(";");
        cr_expect_eq(lexer_token(&lexer), 0);
}

Test(lexer, a_nul_is_nothing)
{
        static const char text[] = {'\0', 'a'};
        lexer_t lexer = {.at = text, .end = text + 2};

        cr_expect_not(lexer_done(&lexer));
        cr_expect_eq(lexer_atom(&lexer), 0);
        cr_expect_eq(lexer_token(&lexer), 0);
}
