/* envelope: one spelling for the policy service and the milter (postfix.md section 2) */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/mail/envelope.h"

static arena_t *arena;

static void setup(void)
{
        arena = arena_create(0);
}

static void teardown(void)
{
        arena_free(arena);
}

TestSuite(envelope, .init = setup, .fini = teardown);

static void sender(const char *mail_from, const char *expected)
{
        cr_expect_str_eq(envelope_sender(arena, mail_from), expected, "%s -> %s", mail_from,
                         envelope_sender(arena, mail_from));
}

Test(envelope, senders)
{
        sender("<>", "");
        sender("", "");
        sender("<user@example.org>", "user@example.org");
        sender("user@example.org", "user@example.org");
        sender("<User@Example.ORG>", "User@Example.ORG");
        sender("<\"us er\"@example.org>", "us er@example.org");
        sender("<\"a\\\"b\"@example.org>", "a\"b@example.org");
        sender("<@relay.example,@other.example:user@example.org>", "user@example.org");
        sender("<", "");
        sender("<\"", "");
}

Test(envelope, helo_names)
{
        cr_expect_str_eq(envelope_helo(arena, "mail.example.org"), "mail.example.org");
        cr_expect_str_eq(envelope_helo(arena, "[192.0.2.1]"), "[192.0.2.1]");
        cr_expect_str_eq(envelope_helo(arena, "x\x01\xffy"), "x??y");
        cr_expect_str_eq(envelope_helo(arena, NULL), "");
}

Test(envelope, forbidden_octets_of_a_helo_name)
{
        static const char forbidden[] = " <>()\\\";@";

        for (size_t i = 0; i < sizeof(forbidden) - 1; i++) {
                char helo[4] = {'a', forbidden[i], 'b', '\0'};

                cr_expect_str_eq(envelope_helo(arena, helo), "a?b");
        }
}

Test(envelope, domains)
{
        cr_expect_str_eq(envelope_sender_domain("user@example.org"), "example.org");
        cr_expect_str_eq(envelope_sender_domain("a@b@example.org"), "example.org");
        cr_expect_null(envelope_sender_domain(""));
        cr_expect_null(envelope_sender_domain("user"));
        cr_expect_null(envelope_sender_domain("user@"));
}

Test(envelope, equality)
{
        cr_expect(envelope_sender_equal("", ""));
        cr_expect(envelope_sender_equal("user@example.org", "user@EXAMPLE.org"));
        cr_expect_not(envelope_sender_equal("user@example.org", "User@example.org"));
        cr_expect_not(envelope_sender_equal("user@example.org", "user@example.net"));
        cr_expect_not(envelope_sender_equal("user@example.org", ""));
        cr_expect_not(envelope_sender_equal("user", "user@example.org"));
}
