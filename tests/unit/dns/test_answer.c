#include <criterion/criterion.h>

#include <arpa/nameser.h>
#include <stdio.h>
#include <string.h>

#include "common/dns/answer.h"
#include "tests/unit/support/dnsmessage.h"

static dns_builder_t message;
static const uint8_t address[4] = {192, 0, 2, 1};

static const dns_answer_t *parse(const char *name, enum dns_type type)
{
        dns_question_t question;

        cr_assert(dns_question_init(&question, name, (uint16_t)type));
        return dns_answer_parse(&question, message.octets, message.len);
}

static void expect(const char *name, enum dns_type type, enum dns_status status)
{
        const dns_answer_t *answer = parse(name, type);

        cr_expect_eq(answer->status, status, "%s: status %d", name, (int)answer->status);
        dns_answer_release(answer);
}

Test(answer, address_record)
{
        const dns_answer_t *answer;

        build_start(&message, RESPONSE_RECURSIVE, "example.org", ns_t_a);
        build_record(&message, SECTION_ANSWER, "EXAMPLE.org", ns_t_a, 300, address, 4);
        build_record(&message, SECTION_ANSWER, "example.org", ns_t_a, 200, address, 4);
        answer = parse("Example.Org.", DNS_A);
        cr_assert_eq(answer->status, DNS_OK);
        cr_assert_eq(answer->count, 2);
        cr_expect_eq(answer->ttl, 200, "the least of all");
        cr_expect_eq(answer->records[1].len, 4);
        cr_expect_arr_eq(answer->records[1].data, address, 4);
        cr_expect_not(answer->cname);
        dns_answer_release(answer);
}

Test(answer, text_strings_are_joined_and_may_hold_nul)
{
        static const char data[] = "\3a\0b\0\2cd";
        const dns_answer_t *answer;

        build_start(&message, RESPONSE_RECURSIVE, "example.org", ns_t_txt);
        build_record(&message, SECTION_ANSWER, "example.org", ns_t_txt, 60, data, sizeof(data) - 1);
        build_record(&message, SECTION_ANSWER, "example.org", ns_t_txt, 60, "", 1);
        answer = parse("example.org", DNS_TXT);
        cr_assert_eq(answer->count, 2);
        cr_assert_eq(answer->records[0].len, 5);
        cr_expect_arr_eq(answer->records[0].data, "a\0bcd", 6);
        cr_expect_eq(answer->records[1].len, 0);
        cr_expect_str_eq(answer->records[1].data, "");
        dns_answer_release(answer);
}

Test(answer, malformed_text_is_a_failure)
{
        build_start(&message, RESPONSE_RECURSIVE, "example.org", ns_t_txt);
        build_record(&message, SECTION_ANSWER, "example.org", ns_t_txt, 60, "\5ab", 3);
        expect("example.org", DNS_TXT, DNS_TEMPFAIL);
}

Test(answer, a_text_without_any_string_is_an_empty_text)
{
        build_start(&message, RESPONSE_RECURSIVE, "example.org", ns_t_txt);
        build_record(&message, SECTION_ANSWER, "example.org", ns_t_txt, 60, "", 0);
        expect("example.org", DNS_TXT, DNS_OK);
}

Test(answer, mx_records)
{
        const dns_answer_t *answer;

        build_start(&message, RESPONSE_RECURSIVE, "example.org", ns_t_mx);
        build_name_record(&message, SECTION_ANSWER, "example.org", ns_t_mx, 60, 65535,
                          "Mail.example.org");
        build_name_record(&message, SECTION_ANSWER, "example.org", ns_t_mx, 60, 0, "");
        answer = parse("example.org", DNS_MX);
        cr_assert_eq(answer->count, 2);
        cr_expect_str_eq(answer->records[0].data, "mail.example.org");
        cr_expect_eq(answer->records[0].len, strlen("mail.example.org"));
        cr_expect_eq(answer->records[0].preference, 65535);
        cr_expect_str_eq(answer->records[1].data, "", "the null MX (RFC 7505)");
        dns_answer_release(answer);
}

/* "a.b" as one label must not turn into the name a.b, nor "a\0" into a. */
Test(answer, names_that_no_text_can_tell_are_left_out)
{
        static const char dotted[] = "\3a.b\0";
        static const char nul[] = "\2a\0\0";
        const dns_answer_t *answer;

        build_start(&message, RESPONSE_RECURSIVE, "1.in-addr.arpa", ns_t_ptr);
        build_record(&message, SECTION_ANSWER, "1.in-addr.arpa", ns_t_ptr, 60, dotted, 5);
        build_record(&message, SECTION_ANSWER, "1.in-addr.arpa", ns_t_ptr, 60, nul, 4);
        expect("1.in-addr.arpa", DNS_PTR, DNS_NODATA);
        build_name_record(&message, SECTION_ANSWER, "1.in-addr.arpa", ns_t_ptr, 60, -1,
                          "back\\slash.example");
        answer = parse("1.in-addr.arpa", DNS_PTR);
        cr_assert_eq(answer->count, 1);
        cr_expect_str_eq(answer->records[0].data, "back\\slash.example");
        dns_answer_release(answer);
}

Test(answer, only_the_end_of_the_chain_counts)
{
        const dns_answer_t *answer;
        static const uint8_t other[4] = {203, 0, 113, 9};

        build_start(&message, RESPONSE_RECURSIVE, "a.example", ns_t_a);
        /* in the wrong order, with records that do not belong */
        build_record(&message, SECTION_ANSWER, "c.example", ns_t_a, 60, address, 4);
        build_record(&message, SECTION_ANSWER, "evil.example", ns_t_a, 60, other, 4);
        build_name_record(&message, SECTION_ANSWER, "b.example", ns_t_cname, 40, -1, "c.example");
        build_name_record(&message, SECTION_ANSWER, "a.example", ns_t_cname, 50, -1, "b.example");
        build_record(&message, SECTION_ANSWER, "b.example", ns_t_a, 60, other, 4);
        answer = parse("a.example", DNS_A);
        cr_assert_eq(answer->status, DNS_OK);
        cr_assert_eq(answer->count, 1);
        cr_expect_arr_eq(answer->records[0].data, address, 4);
        cr_expect(answer->cname);
        cr_expect_eq(answer->ttl, 40);
        dns_answer_release(answer);
}

Test(answer, other_names_and_classes_are_no_answer)
{
        build_start(&message, RESPONSE_RECURSIVE, "a.example", ns_t_a);
        build_record(&message, SECTION_ANSWER, "b.example", ns_t_a, 60, address, 4);
        expect("a.example", DNS_A, DNS_NODATA);
        build_start(&message, RESPONSE_RECURSIVE, "a.example", ns_t_a);
        build_record(&message, SECTION_ANSWER, "a.example", ns_t_a, 60, address, 4);
        message.octets[message.len - 11] = 3; /* class CHAOS */
        expect("a.example", DNS_A, DNS_NODATA);
}

Test(answer, loops_and_long_chains_fail)
{
        char owner[32];
        char target[32];

        build_start(&message, RESPONSE_RECURSIVE, "a.example", ns_t_a);
        build_name_record(&message, SECTION_ANSWER, "a.example", ns_t_cname, 50, -1, "b.example");
        build_name_record(&message, SECTION_ANSWER, "b.example", ns_t_cname, 50, -1, "a.example");
        expect("a.example", DNS_A, DNS_TEMPFAIL);
        build_start(&message, RESPONSE_RECURSIVE, "a.example", ns_t_a);
        build_name_record(&message, SECTION_ANSWER, "a.example", ns_t_cname, 50, -1, "a.example");
        expect("a.example", DNS_A, DNS_TEMPFAIL);

        for (unsigned links = DNS_CHAIN_MAX; links <= DNS_CHAIN_MAX + 1; links++) {
                build_start(&message, RESPONSE_RECURSIVE, "n0.example", ns_t_a);
                for (unsigned i = 0; i < links; i++) {
                        snprintf(owner, sizeof(owner), "n%u.example", i);
                        snprintf(target, sizeof(target), "n%u.example", i + 1);
                        build_name_record(&message, SECTION_ANSWER, owner, ns_t_cname, 50, -1,
                                          target);
                }
                build_record(&message, SECTION_ANSWER, target, ns_t_a, 60, address, 4);
                expect("n0.example", DNS_A, links > DNS_CHAIN_MAX ? DNS_TEMPFAIL : DNS_OK);
        }
}

Test(answer, nxdomain_with_and_without_cname)
{
        const dns_answer_t *answer;

        build_start(&message, RESPONSE_RECURSIVE | ns_r_nxdomain, "a.example", ns_t_txt);
        build_soa(&message, "example", 900, 300);
        answer = parse("a.example", DNS_TXT);
        cr_expect_eq(answer->status, DNS_NXDOMAIN);
        cr_expect_not(answer->cname);
        cr_expect_eq(answer->ttl, 300);
        cr_expect_eq(answer->count, 0);
        dns_answer_release(answer);

        build_start(&message, RESPONSE_RECURSIVE | ns_r_nxdomain, "a.example", ns_t_txt);
        build_name_record(&message, SECTION_ANSWER, "a.example", ns_t_cname, 20, -1, "b.test");
        build_soa(&message, "test", 60, 300);
        answer = parse("a.example", DNS_TXT);
        cr_expect_eq(answer->status, DNS_NXDOMAIN);
        cr_expect(answer->cname);
        cr_expect_eq(answer->ttl, 20);
        dns_answer_release(answer);

        build_start(&message, RESPONSE_RECURSIVE | ns_r_nxdomain, "a.example", ns_t_a);
        build_record(&message, SECTION_ANSWER, "a.example", ns_t_a, 60, address, 4);
        expect("a.example", DNS_A, DNS_TEMPFAIL);
}

Test(answer, time_of_negative_answers)
{
        static const struct {
                const char *owner;
                uint32_t ttl, minimum, expected;
        } cases[] = {
            {"example", 900, 300, 300},
            {"example", 30, 300, 30},
            {"", 900, 300, 300},
            {"b.example", 900, 300, 0}, /* not above a.example */
            {"xample", 900, 300, 0},
            {"a.example", 7, 8, 7},
            {"example", 0x80000001U, 60, 0}, /* RFC 2181 8 */
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                const dns_answer_t *answer;

                build_start(&message, RESPONSE_RECURSIVE, "a.example", ns_t_txt);
                build_soa(&message, cases[i].owner, cases[i].ttl, cases[i].minimum);
                answer = parse("a.example", DNS_TXT);
                cr_expect_eq(answer->status, DNS_NODATA);
                cr_expect_eq(answer->ttl, cases[i].expected, "case %zu: %u", i, answer->ttl);
                dns_answer_release(answer);
        }
}

Test(answer, referrals_and_unfinished_chains_are_not_negative)
{
        build_start(&message, 0x8000, "a.example", ns_t_txt);
        build_name_record(&message, SECTION_AUTHORITY, "example", ns_t_ns, 60, -1, "ns.example");
        expect("a.example", DNS_TXT, DNS_TEMPFAIL);
        build_start(&message, RESPONSE_AUTHORITATIVE, "a.example", ns_t_txt);
        build_name_record(&message, SECTION_ANSWER, "a.example", ns_t_cname, 60, -1, "b.test");
        expect("a.example", DNS_TXT, DNS_TEMPFAIL);
        build_start(&message, RESPONSE_RECURSIVE, "a.example", ns_t_txt);
        build_name_record(&message, SECTION_ANSWER, "a.example", ns_t_cname, 60, -1, "b.test");
        expect("a.example", DNS_TXT, DNS_NODATA);
        build_start(&message, RESPONSE_AUTHORITATIVE, "a.example", ns_t_txt);
        expect("a.example", DNS_TXT, DNS_NODATA);
}

Test(answer, response_codes)
{
        for (unsigned rcode = 1; rcode < 16; rcode++) {
                build_start(&message, RESPONSE_RECURSIVE | rcode, "a.example", ns_t_txt);
                expect("a.example", DNS_TXT, rcode == ns_r_nxdomain ? DNS_NXDOMAIN : DNS_TEMPFAIL);
        }
        /* BADVERS is 16: its lower four bits alone would read NOERROR (RFC 6891 6.1.3) */
        build_start(&message, RESPONSE_RECURSIVE, "a.example", ns_t_txt);
        build_record(&message, SECTION_ADDITIONAL, "", ns_t_opt, 1U << 24, NULL, 0);
        expect("a.example", DNS_TXT, DNS_TEMPFAIL);
        build_start(&message, RESPONSE_RECURSIVE, "a.example", ns_t_txt);
        build_record(&message, SECTION_ADDITIONAL, "", ns_t_opt, 0x8000, NULL, 0);
        expect("a.example", DNS_TXT, DNS_NODATA);
}

Test(answer, other_questions_and_queries_are_refused)
{
        static const unsigned bad_flags[] = {0x0180, 0x8380, 0x8980};

        build_start(&message, RESPONSE_RECURSIVE, "b.example", ns_t_txt);
        expect("a.example", DNS_TXT, DNS_TEMPFAIL);
        build_start(&message, RESPONSE_RECURSIVE, "a.example", ns_t_a);
        expect("a.example", DNS_TXT, DNS_TEMPFAIL);
        for (size_t i = 0; i < 3; i++) { /* a query, truncated, another opcode */
                build_start(&message, bad_flags[i], "a.example", ns_t_txt);
                expect("a.example", DNS_TXT, DNS_TEMPFAIL);
        }
        build_start(&message, RESPONSE_RECURSIVE, "a.example", ns_t_txt);
        message.octets[5] = 0;
        expect("a.example", DNS_TXT, DNS_TEMPFAIL);
        message.octets[5] = 2;
        expect("a.example", DNS_TXT, DNS_TEMPFAIL);
}

Test(answer, wrong_data_lengths_fail)
{
        build_start(&message, RESPONSE_RECURSIVE, "a.example", ns_t_a);
        build_record(&message, SECTION_ANSWER, "a.example", ns_t_a, 60, address, 3);
        expect("a.example", DNS_A, DNS_TEMPFAIL);
        build_start(&message, RESPONSE_RECURSIVE, "a.example", ns_t_aaaa);
        build_record(&message, SECTION_ANSWER, "a.example", ns_t_aaaa, 60, address, 4);
        expect("a.example", DNS_AAAA, DNS_TEMPFAIL);
        build_start(&message, RESPONSE_RECURSIVE, "a.example", ns_t_mx);
        build_record(&message, SECTION_ANSWER, "a.example", ns_t_mx, 60, "\0", 1);
        expect("a.example", DNS_MX, DNS_TEMPFAIL);
        build_start(&message, RESPONSE_RECURSIVE, "a.example", ns_t_mx);
        build_record(&message, SECTION_ANSWER, "a.example", ns_t_mx, 60, "\0\1\0x", 4);
        expect("a.example", DNS_MX, DNS_TEMPFAIL);
}

/* Every prefix of a sound message is unsound. */
Test(answer, cut_messages_fail)
{
        size_t whole;

        build_start(&message, RESPONSE_RECURSIVE, "a.example", ns_t_mx);
        build_name_record(&message, SECTION_ANSWER, "a.example", ns_t_cname, 60, -1, "b.example");
        build_name_record(&message, SECTION_ANSWER, "b.example", ns_t_mx, 60, 1, "c.example");
        build_soa(&message, "example", 60, 60);
        build_record(&message, SECTION_ADDITIONAL, "", ns_t_opt, 0, NULL, 0);
        whole = message.len;
        expect("a.example", DNS_MX, DNS_OK);
        for (message.len = 0; message.len < whole; message.len++)
                expect("a.example", DNS_MX, DNS_TEMPFAIL);
}

Test(answer, compression_pointers_lead_backwards_only)
{
        static const uint8_t to_question[] = {0xC0, 12};
        static const uint8_t rest[] = {0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1};
        static const uint8_t forward[] = {0xC0, 60};
        const struct {
                const uint8_t *pointer;
                enum dns_status status;
        } cases[] = {{to_question, DNS_OK},
                     {forward, DNS_TEMPFAIL},
                     {(const uint8_t[]){0xC0, 27}, DNS_TEMPFAIL}, /* itself */
                     {(const uint8_t[]){0xFF, 0xFF}, DNS_TEMPFAIL},
                     {(const uint8_t[]){0x80, 12}, DNS_TEMPFAIL},
                     {(const uint8_t[]){0x40, 12}, DNS_TEMPFAIL}};

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                build_start(&message, RESPONSE_RECURSIVE, "a.example", ns_t_a);
                cr_assert_eq(message.len, 27);
                message.octets[7] = 1;
                memcpy(message.octets + message.len, cases[i].pointer, 2);
                memcpy(message.octets + message.len + 2, rest, sizeof(rest));
                message.len += 2 + sizeof(rest);
                expect("a.example", DNS_A, cases[i].status);
        }
}

Test(answer, failures_are_constant)
{
        const dns_answer_t *answer = dns_answer_failure(DNS_TIMEOUT);

        cr_expect_eq(answer->status, DNS_TIMEOUT);
        cr_expect_eq(dns_answer_hold(answer), answer);
        dns_answer_release(answer);
        dns_answer_release(answer);
        cr_expect_eq(dns_answer_failure(DNS_TIMEOUT), answer);
        cr_expect_eq(dns_answer_failure(DNS_TEMPFAIL)->status, DNS_TEMPFAIL);
        dns_answer_release(NULL);
}
