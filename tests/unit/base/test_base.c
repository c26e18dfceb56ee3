/* arena, address and the tables of words */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "common/base/address.h"
#include "common/base/arena.h"
#include "common/base/results.h"

Test(arena, hands_out_zeroed_aligned_memory)
{
        arena_t *arena = arena_create(0);

        for (size_t size = 0; size < 9000; size += 37) {
                unsigned char *memory = arena_alloc(arena, size);

                cr_assert_not_null(memory);
                cr_assert_eq((uintptr_t)memory % _Alignof(max_align_t), 0);
                for (size_t i = 0; i < size; i++)
                        cr_assert_eq(memory[i], 0);
                memset(memory, 0xff, size);
        }
        arena_free(arena);
}

Test(arena, keeps_to_its_limit_and_recovers)
{
        arena_t *arena = arena_create(10000);

        cr_assert_null(arena_alloc(arena, 10001));
        cr_assert_not_null(arena_alloc(arena, 4000));
        cr_assert_not_null(arena_alloc(arena, 4000));
        cr_assert_null(arena_alloc(arena, 4000));
        arena_reset(arena);
        cr_assert_not_null(arena_alloc(arena, 4000));
        cr_assert_null(arena_calloc(arena, SIZE_MAX / 2, 3));
        cr_assert_null(arena_alloc(arena, SIZE_MAX));
        cr_assert_null(arena_strndup(arena, "", SIZE_MAX));
        arena_free(arena);
}

Test(arena, copies_strings)
{
        arena_t *arena = arena_create(0);

        cr_assert_str_eq(arena_strndup(arena, "abcdef", 3), "abc");
        cr_assert_str_eq(arena_strdup(arena, ""), "");
        cr_assert_str_eq(arena_printf(arena, "%d%%-%s", 7, "x"), "7%-x");
        arena_free(arena);
}

Test(arena, printf_of_any_length)
{
        arena_t *arena = arena_create(0);

        for (int len = 500; len < 530; len++) {
                const char *text = arena_printf(arena, "%*s|", len, "x");

                cr_assert_not_null(text);
                cr_expect_eq(strlen(text), (size_t)len + 1);
                cr_expect_eq(text[len], '|');
                cr_expect_eq(text[len - 1], 'x');
        }
        arena_free(arena);
}

Test(arena, grows_arrays)
{
        arena_t *arena = arena_create(0);
        size_t room = 0;
        int *array = NULL;

        for (int i = 0; i < 1000; i++) {
                array = arena_grow(arena, array, (size_t)i, &room, sizeof(*array));
                cr_assert_not_null(array);
                array[i] = i;
        }
        for (int i = 0; i < 1000; i++)
                cr_assert_eq(array[i], i);
        arena_free(arena);
}

Test(address, takes_mapped_ipv4_for_ipv4)
{
        address_t plain, mapped;
        char text[ADDRESS_TEXT_SIZE];

        cr_assert(address_parse("192.0.2.1", &plain));
        cr_assert(address_parse("::ffff:192.0.2.1", &mapped));
        cr_assert_eq(memcmp(&plain, &mapped, sizeof(plain)), 0);
        cr_assert(address_is_ipv4(&plain));
        cr_assert_str_eq(address_format(&mapped, text), "192.0.2.1");
        cr_assert(address_parse("2001:db8::1", &plain));
        cr_assert_not(address_is_ipv4(&plain));
        cr_assert_str_eq(address_format(&plain, text), "2001:db8::1");
        cr_assert(address_parse("0.10.100.255", &mapped));
        cr_assert_str_eq(address_format(&mapped, text), "0.10.100.255");
        cr_assert(address_parse("9.99.109.1", &mapped));
        cr_assert_str_eq(address_format(&mapped, text), "9.99.109.1");
}

Test(address, refuses_what_is_none)
{
        static const char *const bad[] = {
            "",           "unknown",          "192.0.2",       "192.0.2.256",
            "192.0.2.1 ", "IPv6:2001:db8::1", "[2001:db8::1]", "::g"};
        address_t address;

        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
                cr_assert_not(address_parse(bad[i], &address), "%s", bad[i]);
}

Test(address, reads_socket_addresses)
{
        struct sockaddr_in in = {.sin_family = AF_INET};
        struct sockaddr local = {.sa_family = AF_UNIX};
        address_t address, wanted;

        inet_pton(AF_INET, "198.51.100.7", &in.sin_addr);
        cr_assert(address_parse("198.51.100.7", &wanted));
        cr_assert(address_from_sockaddr((struct sockaddr *)&in, &address));
        cr_assert_eq(memcmp(&address, &wanted, sizeof(address)), 0);
        cr_assert_not(address_from_sockaddr(&local, &address));
        cr_assert_not(address_from_sockaddr(NULL, &address));
}

Test(results, names_and_parses_every_word)
{
        for (unsigned i = 0; i < AUTH_RESULT_COUNT; i++) {
                const char *name = auth_result_name((enum auth_result)i);
                enum auth_result result;

                cr_assert(auth_result_parse(name, strlen(name), &result));
                cr_assert_eq(result, (enum auth_result)i);
        }
}

Test(results, knows_no_other_words)
{
        enum auth_result result;

        cr_assert(auth_result_parse("PASS", 4, &result));
        cr_assert_not(auth_result_parse("passed", 6, &result));
        cr_assert_not(auth_result_parse("pas", 3, &result));
        cr_assert_not(auth_result_parse("", 0, &result));
        cr_assert_str_eq(auth_result_name(AUTH_RESULT_COUNT), "unknown");
        cr_assert_str_eq(dmarc_policy_name(DMARC_POLICY_QUARANTINE), "quarantine");
        cr_assert_str_eq(dmarc_policy_name((enum dmarc_policy)9), "unknown");
}
