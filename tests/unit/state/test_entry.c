/* entries of the state store: what is written is read, and nothing else is */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/state/entry.h"

static arena_t *arena;
static entry_t sample;

static void setup(void)
{
        arena = arena_create(0);
        sample = (entry_t){.time = 1795500000,
                           .port = 4711,
                           .instance = "1a2b.6b049e93.df4bf.0",
                           .helo = "mail.example.org",
                           .sender = "user@example.org",
                           .spf = AUTH_SOFTFAIL,
                           .spf_domain = "example.org",
                           .helo_result = AUTH_PERMERROR,
                           .received_spf = true};
        address_parse("2001:db8::1", &sample.client);
}

static void teardown(void)
{
        arena_free(arena);
}

TestSuite(entry, .init = setup, .fini = teardown);

Test(entry, round_trip)
{
        uint8_t buffer[ENTRY_SIZE_MAX];
        size_t len = entry_encode(&sample, buffer, sizeof(buffer));
        entry_t out;

        cr_assert_gt(len, 0);
        cr_assert_eq(entry_decode(arena, buffer, len, &out), 0);
        cr_expect_eq(out.time, sample.time);
        cr_expect_eq(memcmp(&out.client, &sample.client, sizeof(out.client)), 0);
        cr_expect_eq(out.port, 4711);
        cr_expect_str_eq(out.instance, sample.instance);
        cr_expect_str_eq(out.helo, sample.helo);
        cr_expect_str_eq(out.sender, sample.sender);
        cr_expect_eq(out.spf, AUTH_SOFTFAIL);
        cr_expect_str_eq(out.spf_domain, "example.org");
        cr_expect_eq(out.helo_result, AUTH_PERMERROR);
        cr_expect(out.received_spf);
}

Test(entry, no_part_of_one_is_one)
{
        uint8_t buffer[ENTRY_SIZE_MAX + 1];
        size_t len = entry_encode(&sample, buffer, ENTRY_SIZE_MAX);
        entry_t out;

        for (size_t part = 0; part < len; part++) {
                uint8_t *copy = malloc(part + 1); /* so that a byte too many is noticed */

                memcpy(copy, buffer, part);
                cr_expect_eq(entry_decode(arena, copy, part, &out), -EPROTO, "%zu octets", part);
                free(copy);
        }
        buffer[len] = 0;
        cr_expect_eq(entry_decode(arena, buffer, len + 1, &out), -EPROTO);
}

Test(entry, another_version_is_refused)
{
        uint8_t buffer[ENTRY_SIZE_MAX];
        size_t len = entry_encode(&sample, buffer, sizeof(buffer));
        entry_t out;

        buffer[0]++;
        cr_expect_eq(entry_decode(arena, buffer, len, &out), -EPROTO);
}

Test(entry, results_out_of_range_are_refused)
{
        uint8_t buffer[ENTRY_SIZE_MAX];
        size_t len = entry_encode(&sample, buffer, sizeof(buffer));
        unsigned accepted = 0;
        entry_t out;

        for (size_t i = 0; i < len; i++) {
                uint8_t saved = buffer[i];

                buffer[i] = 0xff;
                if (entry_decode(arena, buffer, len, &out) == 0) {
                        cr_expect_lt(out.spf, AUTH_RESULT_COUNT);
                        cr_expect_lt(out.helo_result, AUTH_RESULT_COUNT);
                        accepted++;
                }
                buffer[i] = saved;
        }
        cr_expect_gt(accepted, 0);
}

Test(entry, too_small_a_buffer)
{
        uint8_t buffer[ENTRY_SIZE_MAX];
        size_t len = entry_encode(&sample, buffer, sizeof(buffer));
        char huge[ENTRY_SIZE_MAX + 1];

        for (size_t size = 0; size < len; size++)
                cr_expect_eq(entry_encode(&sample, buffer, size), 0);
        memset(huge, 'x', sizeof(huge) - 1);
        huge[sizeof(huge) - 1] = '\0';
        sample.sender = huge;
        cr_expect_eq(entry_encode(&sample, buffer, sizeof(buffer)), 0);
}

Test(entry, matches_in_all_three)
{
        address_t other;

        address_parse("2001:db8::2", &other);
        cr_expect(entry_matches(&sample, &sample.client, "mail.example.org", "user@example.org"));
        cr_expect(entry_matches(&sample, &sample.client, "MAIL.example.org", "user@EXAMPLE.org"));
        cr_expect_not(entry_matches(&sample, &other, "mail.example.org", "user@example.org"));
        cr_expect_not(
            entry_matches(&sample, &sample.client, "mail.example.net", "user@example.org"));
        cr_expect_not(
            entry_matches(&sample, &sample.client, "mail.example.org", "User@example.org"));
        cr_expect_not(entry_matches(&sample, &sample.client, "mail.example.org", ""));
}
