/*
 * criterion.h - the part of criterion that our unit tests use, as plain code
 *
 * For ThreadSanitizer only: criterion's own runner maps memory where ThreadSanitizer has its own.
 * Each test runs in a process of its own; main is in ../runner.c. Messages of assertions are left
 * out.
 */
#ifndef TRUEFROM_TESTS_PLAIN_CRITERION_H
#define TRUEFROM_TESTS_PLAIN_CRITERION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct plain_options {
        void (*init)(void);
        void (*fini)(void);
        double timeout;
};

struct plain_suite {
        const char *name;
        struct plain_options options;
        struct plain_suite *next;
};

struct plain_test {
        const char *suite, *name;
        void (*run)(void);
        struct plain_options options;
        struct plain_test *next;
};

void plain_add_suite(struct plain_suite *suite);
void plain_add_test(struct plain_test *test);

/* A failed expectation is counted, a failed assertion ends the test. */
void plain_check(bool good, bool fatal, const char *file, int line, const char *what);

#define TestSuite(SUITE, ...)                                                                      \
        __attribute__((constructor)) static void plain_suite_##SUITE(void)                         \
        {                                                                                          \
                static struct plain_suite suite = {.name = #SUITE, .options = {__VA_ARGS__}};      \
                plain_add_suite(&suite);                                                           \
        }                                                                                          \
        struct plain_suite

#define Test(SUITE, NAME, ...)                                                                     \
        static void plain_run_##SUITE##_##NAME(void);                                              \
        __attribute__((constructor)) static void plain_test_##SUITE##_##NAME(void)                 \
        {                                                                                          \
                static struct plain_test test = {.suite = #SUITE,                                  \
                                                 .name = #NAME,                                    \
                                                 .run = plain_run_##SUITE##_##NAME,                \
                                                 .options = {__VA_ARGS__}};                        \
                plain_add_test(&test);                                                             \
        }                                                                                          \
        static void plain_run_##SUITE##_##NAME(void)

#define PLAIN_ASSERT(good, what) plain_check((good), true, __FILE__, __LINE__, what)
#define PLAIN_EXPECT(good, what) plain_check((good), false, __FILE__, __LINE__, what)

#define cr_assert(good, ...)           PLAIN_ASSERT(good, #good)
#define cr_assert_not(bad, ...)        PLAIN_ASSERT(!(bad), #bad)
#define cr_assert_eq(a, b, ...)        PLAIN_ASSERT((a) == (b), #a " == " #b)
#define cr_assert_geq(a, b, ...)       PLAIN_ASSERT((a) >= (b), #a " >= " #b)
#define cr_assert_gt(a, b, ...)        PLAIN_ASSERT((a) > (b), #a " > " #b)
#define cr_assert_leq(a, b, ...)       PLAIN_ASSERT((a) <= (b), #a " <= " #b)
#define cr_assert_null(a, ...)         PLAIN_ASSERT((a) == NULL, #a " is NULL")
#define cr_assert_not_null(a, ...)     PLAIN_ASSERT((a) != NULL, #a " is not NULL")
#define cr_assert_str_eq(a, b, ...)    PLAIN_ASSERT(strcmp((a), (b)) == 0, #a " is " #b)
#define cr_assert_fail(...)            PLAIN_ASSERT(false, "fails")
#define cr_expect(good, ...)           PLAIN_EXPECT(good, #good)
#define cr_expect_not(bad, ...)        PLAIN_EXPECT(!(bad), #bad)
#define cr_expect_eq(a, b, ...)        PLAIN_EXPECT((a) == (b), #a " == " #b)
#define cr_expect_neq(a, b, ...)       PLAIN_EXPECT((a) != (b), #a " != " #b)
#define cr_expect_geq(a, b, ...)       PLAIN_EXPECT((a) >= (b), #a " >= " #b)
#define cr_expect_gt(a, b, ...)        PLAIN_EXPECT((a) > (b), #a " > " #b)
#define cr_expect_leq(a, b, ...)       PLAIN_EXPECT((a) <= (b), #a " <= " #b)
#define cr_expect_lt(a, b, ...)        PLAIN_EXPECT((a) < (b), #a " < " #b)
#define cr_expect_null(a, ...)         PLAIN_EXPECT((a) == NULL, #a " is NULL")
#define cr_expect_not_null(a, ...)     PLAIN_EXPECT((a) != NULL, #a " is not NULL")
#define cr_expect_str_eq(a, b, ...)    PLAIN_EXPECT(strcmp((a), (b)) == 0, #a " is " #b)
#define cr_expect_str_neq(a, b, ...)   PLAIN_EXPECT(strcmp((a), (b)) != 0, #a " is not " #b)
#define cr_expect_arr_eq(a, b, n, ...) PLAIN_EXPECT(memcmp((a), (b), (n)) == 0, #a " is " #b)

#endif
