/* Received-SPF (RFC 7208 9.1) */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/received_spf.h"

static arena_t *arena;
static entry_t entry;

static void setup(void)
{
        arena = arena_create(0);
        entry = (entry_t){.sender = "user@example.org",
                          .helo = "mail.example.org",
                          .spf = AUTH_SOFTFAIL,
                          .spf_domain = "example.org"};
        address_parse("192.0.2.1", &entry.client);
}

static void teardown(void)
{
        arena_free(arena);
}

TestSuite(received_spf, .init = setup, .fini = teardown);

Test(received_spf, mail_from)
{
        cr_expect_str_eq(received_spf_write(arena, "mx.test", &entry),
                         "Received-SPF: softfail (mailfrom) identity=mailfrom; receiver=mx.test; "
                         "client-ip=192.0.2.1; envelope-from=\"user@example.org\"; "
                         "helo=mail.example.org;");
}

Test(received_spf, null_sender)
{
        entry.sender = "";
        entry.spf = AUTH_PASS;
        address_parse("2001:db8::1", &entry.client);
        cr_expect_str_eq(received_spf_write(arena, "mx.test", &entry),
                         "Received-SPF: pass (helo) identity=helo; receiver=mx.test; "
                         "client-ip=\"2001:db8::1\"; helo=mail.example.org;");
}

Test(received_spf, nothing_gets_out_of_a_value)
{
        const char *field;

        entry.sender = "a\r\nX-Forged: yes\"\\;\x01\xff@example.org";
        entry.helo = "a; receiver=evil";
        field = received_spf_write(arena, "mx.test", &entry);
        cr_expect_null(strpbrk(field, "\r\n\x01\xff"));
        cr_expect_not_null(
            strstr(field, "envelope-from=\"a??X-Forged: yes\\\"\\\\;??@example.org\";"));
        cr_expect_not_null(strstr(field, "helo=\"a; receiver=evil\";"));
}

Test(received_spf, too_long_a_value_is_left_out)
{
        char sender[400];

        memset(sender, 'a', sizeof(sender) - 1);
        sender[sizeof(sender) - 1] = '\0';
        entry.sender = sender;
        cr_expect_null(strstr(received_spf_write(arena, "mx.test", &entry), "envelope-from"));
}
