/* The header of a stored message, and its Received fields */
#include <criterion/criterion.h>
#include <string.h>

#include "common/mail/header.h"
#include "common/mail/received.h"

static arena_t *arena;

static void begin(void)
{
        arena = arena_create(0);
}

static void end(void)
{
        arena_free(arena);
}

/* The fields as "name=body|name=body|", NUL shown as "?". */
static const char *split(const char *text, size_t len)
{
        const char *out = "";
        header_field_t field;
        header_t header;

        header_begin(&header, text, len);
        while (header_next(arena, &header, &field) == 1) {
                char *body = arena_strndup(arena, field.body, field.len);

                for (size_t i = 0; i < field.len; i++)
                        if (body[i] == '\0')
                                body[i] = '?';
                out = arena_printf(arena, "%s%s=%s|", out, field.name, body);
        }
        return out;
}

static void expect(const char *text, const char *fields)
{
        cr_expect_str_eq(split(text, strlen(text)), fields, "%s", text);
}

TestSuite(header, .init = begin, .fini = end);

Test(header, ends_at_the_empty_line)
{
        expect("A: 1\nB:2\n\nC: 3\n", "A=1|B=2|");
        expect("A: 1\r\nB: 2\r\n\r\nC: 3\r\n", "A=1|B=2|");
        expect("A: 1", "A=1|");
        expect("A:", "A=|");
        expect("", "");
        expect("\nA: 1\n", "");
}

Test(header, joins_lines_as_a_filter_sees_them)
{
        expect("A: 1\r\n\t2\r\n 3\r\nB: 4\r\n", "A=1\n\t2\n 3|B=4|");
        expect("A: 1\n \nB: 2\n", "A=1\n |B=2|");
}

Test(header, ends_at_the_first_line_that_is_no_field)
{
        expect("A: 1\nno field\nB: 2\n", "A=1|");
        expect(" A: 1\nB: 2\n", "");
        expect(": 1\nB: 2\n", "");
        expect("A\001: 1\n", "");
}

Test(header, skips_an_mbox_separator)
{
        expect("From a@example.org Mon Nov 23 10:00:00 2026\nA: 1\n", "A=1|");
        expect(">From a@example.org\nA: 1\n", "A=1|");
        expect("From a@example.org", "");
}

Test(header, keeps_odd_bytes)
{
        cr_expect_str_eq(split("A: x\0y\nB : 2\rz\n", 14), "A=x?y|B=2\rz|");
}

static int receive(const char *body, received_t *received)
{
        return received_parse(arena, body, strlen(body), received);
}

Test(header, reads_received_of_postfix)
{
        char text[ADDRESS_TEXT_SIZE];
        received_t received;

        cr_assert_eq(receive("from mta.example.org (mail.example.org [192.0.2.1])\n"
                             "\t(using TLSv1.3 with cipher X (256/256 bits)\n"
                             "\t key-exchange X25519 server-signature RSA-PSS (2048 bits))\n"
                             "\t(No client certificate requested)\n"
                             "\tby mx.example.net (Postfix) with ESMTPS id 4XyZ\n"
                             "\tfor <u@example.net>; Mon, 23 Nov 2026 10:00:00 +0000 (UTC)",
                             &received),
                     1);
        cr_expect_str_eq(received.helo, "mta.example.org");
        cr_expect_str_eq(received.name, "mail.example.org");
        cr_expect_str_eq(received.by, "mx.example.net");
        cr_expect_str_eq(address_format(&received.client, text), "192.0.2.1");
        cr_expect_not(received.authenticated);
        cr_assert_eq(receive("from [10.0.0.1] (unknown [IPv6:2001:db8::1]) "
                             "(Authenticated sender: joe) by mx (Postfix) with ESMTPSA id 1",
                             &received),
                     1);
        cr_expect_str_eq(received.helo, "[10.0.0.1]");
        cr_expect_null(received.name);
        cr_expect_str_eq(address_format(&received.client, text), "2001:db8::1");
        cr_expect(received.authenticated);
}

Test(header, passes_over_received_of_another_form)
{
        static const char *const others[] = {
            "",
            "by mx (Postfix, from userid 0) id 1; Mon, 23 Nov 2026 10:00:00 +0000",
            "from mx.example.org ([127.0.0.1]) by store with LMTP id 1",
            "from mx (mx [127.0.0.1]) by store (Dovecot) with LMTP id 1",
            "from a (b [192.0.2.1]) by c",
            "from a (b [192.0.2.1]) by c with HTTP id 1",
            "from a (b [192.0.2.1] x) by c with SMTP id 1",
            "from a (b [192.0.2.1.5]) by c with SMTP id 1",
            "from a (b [192.0.2.111111111111111111111111111111111111111111]) by c with SMTP",
            "from a ([192.0.2.1]) by c with SMTP id 1",
            "from a b (c [192.0.2.1]) by c with SMTP id 1",
            "from a (b [192.0.2.1]) (open by c with SMTP id 1",
            "from",
            "from a",
            "from a (",
        };
        received_t received;

        for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
                cr_expect_eq(receive(others[i], &received), 0, "%s", others[i]);
}
