#include <criterion/criterion.h>

#include <arpa/nameser.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/dns/answer.h"
#include "common/dns/cache.h"
#include "tests/unit/support/dnsmessage.h"

#define NOW 1000000

static dns_question_t question(const char *name, enum dns_type type)
{
        dns_question_t made;

        cr_assert(dns_question_init(&made, name, (uint16_t)type));
        return made;
}

/* An answer with one A record, or for `ttl` in the SOA of a negative one. */
static const dns_answer_t *answer_for(dns_builder_t *message, const char *name, unsigned rcode,
                                      uint32_t ttl, bool positive)
{
        dns_question_t asked = question(name, DNS_A);

        build_start(message, RESPONSE_RECURSIVE | rcode, name, ns_t_a);
        if (positive)
                build_record(message, SECTION_ANSWER, name, ns_t_a, ttl, "\300\0\2\1", 4);
        else
                build_soa(message, "", ttl, ttl);
        return dns_answer_parse(&asked, message->octets, message->len);
}

static void put(dns_cache_t *cache, const char *name, unsigned rcode, uint32_t ttl, bool positive)
{
        static dns_builder_t message;
        dns_question_t asked = question(name, DNS_A);
        const dns_answer_t *answer = answer_for(&message, name, rcode, ttl, positive);

        dns_cache_put(cache, &asked, answer, NOW);
        dns_answer_release(answer);
}

/* The status of what is kept, or -1. */
static int status_at(dns_cache_t *cache, const char *name, enum dns_type type, int64_t now_ms)
{
        dns_question_t asked = question(name, type);
        const dns_answer_t *answer = dns_cache_get(cache, &asked, now_ms, NULL);
        int status = answer ? (int)answer->status : -1;

        dns_answer_release(answer);
        return status;
}

Test(cache, by_name_without_case_and_type)
{
        dns_cache_t *cache = dns_cache_create(0);

        put(cache, "example.org", 0, 60, true);
        cr_expect_eq(status_at(cache, "EXAMPLE.org.", DNS_A, NOW), DNS_OK);
        cr_expect_eq(status_at(cache, "example.org", DNS_TXT, NOW), -1);
        cr_expect_eq(status_at(cache, "example.or", DNS_A, NOW), -1);
        dns_cache_free(cache);
}

Test(cache, until_the_time_is_over)
{
        dns_cache_t *cache = dns_cache_create(0);

        put(cache, "example.org", 0, 60, true);
        put(cache, "no.example.org", ns_r_nxdomain, 30, false);
        put(cache, "empty.example.org", 0, 40, false);
        cr_expect_eq(status_at(cache, "example.org", DNS_A, NOW + 59999), DNS_OK);
        cr_expect_eq(status_at(cache, "example.org", DNS_A, NOW + 60000), -1);
        cr_expect_eq(status_at(cache, "no.example.org", DNS_A, NOW + 29999), DNS_NXDOMAIN);
        cr_expect_eq(status_at(cache, "no.example.org", DNS_A, NOW + 30000), -1);
        cr_expect_eq(status_at(cache, "empty.example.org", DNS_A, NOW + 39999), DNS_NODATA);
        cr_expect_eq(status_at(cache, "empty.example.org", DNS_A, NOW + 40000), -1);
        cr_expect_eq(dns_cache_bytes(cache), 0, "what is over is freed");
        dns_cache_free(cache);
}

Test(cache, times_are_capped)
{
        dns_cache_t *cache = dns_cache_create(0);
        const int64_t positive = NOW + (int64_t)DNS_CACHE_TTL_MAX * 1000;
        const int64_t negative = NOW + (int64_t)DNS_CACHE_NEGATIVE_TTL_MAX * 1000;

        put(cache, "example.org", 0, INT32_MAX, true);
        put(cache, "no.example.org", ns_r_nxdomain, INT32_MAX, false);
        cr_expect_eq(status_at(cache, "example.org", DNS_A, positive - 1), DNS_OK);
        cr_expect_eq(status_at(cache, "example.org", DNS_A, positive), -1);
        cr_expect_eq(status_at(cache, "no.example.org", DNS_A, negative - 1), DNS_NXDOMAIN);
        cr_expect_eq(status_at(cache, "no.example.org", DNS_A, negative), -1);
        dns_cache_free(cache);
}

Test(cache, failures_and_zero_times_are_not_kept)
{
        dns_cache_t *cache = dns_cache_create(0);

        put(cache, "servfail.example.org", ns_r_servfail, 60, false);
        put(cache, "zero.example.org", 0, 0, true);
        put(cache, "top-bit.example.org", 0, 0x80000000U, true);
        put(cache, "no-soa-time.example.org", ns_r_nxdomain, 0, false);
        cr_expect_eq(dns_cache_bytes(cache), 0);
        dns_cache_free(cache);
}

Test(cache, a_newer_answer_replaces)
{
        dns_cache_t *cache = dns_cache_create(0);
        size_t bytes;

        put(cache, "example.org", 0, 60, true);
        bytes = dns_cache_bytes(cache);
        put(cache, "example.org", 0, 60, true);
        cr_expect_eq(dns_cache_bytes(cache), bytes);
        put(cache, "example.org", ns_r_nxdomain, 60, false);
        cr_expect_eq(status_at(cache, "example.org", DNS_A, NOW), DNS_NXDOMAIN);
        dns_cache_free(cache);
}

Test(cache, the_least_recently_used_go_first)
{
        static const size_t bound = 16384;
        dns_cache_t *cache = dns_cache_create(bound);
        char name[64];

        put(cache, "first.example.org", 0, 60, true);
        for (int i = 0; i < 1000; i++) {
                snprintf(name, sizeof(name), "n%d.example.org", i);
                put(cache, name, 0, 60, true);
                cr_assert_leq(dns_cache_bytes(cache), bound);
                cr_assert_eq(status_at(cache, "first.example.org", DNS_A, NOW), DNS_OK);
        }
        cr_expect_gt(dns_cache_bytes(cache), bound / 2);
        cr_expect_eq(status_at(cache, "n0.example.org", DNS_A, NOW), -1);
        cr_expect_eq(status_at(cache, "n999.example.org", DNS_A, NOW), DNS_OK);
        dns_cache_free(cache);
}

Test(cache, an_answer_larger_than_all_is_not_kept)
{
        dns_cache_t *cache = dns_cache_create(100);

        put(cache, "example.org", 0, 60, true);
        cr_expect_eq(dns_cache_bytes(cache), 0);
        dns_cache_free(cache);
}

Test(cache, an_answer_outlives_its_place)
{
        dns_cache_t *cache = dns_cache_create(0);
        dns_question_t asked = question("example.org", DNS_A);
        const dns_answer_t *answer;

        put(cache, "example.org", 0, 60, true);
        answer = dns_cache_get(cache, &asked, NOW, NULL);
        dns_cache_free(cache);
        cr_assert_not_null(answer);
        cr_expect_eq(answer->records[0].len, 4);
        dns_answer_release(answer);
}

struct worker {
        dns_cache_t *cache;
        unsigned seed;
        unsigned wrong;
};

static void *work(void *context)
{
        struct worker *worker = context;
        dns_builder_t *message = malloc(sizeof(*message));
        char name[64];

        for (int i = 0; message && i < 5000; i++) {
                const dns_answer_t *answer;
                dns_question_t asked;

                snprintf(name, sizeof(name), "n%d.example.org", rand_r(&worker->seed) % 300);
                (void)dns_question_init(&asked, name, DNS_A);
                answer = dns_cache_get(worker->cache, &asked, NOW, NULL);
                if (!answer) {
                        answer = answer_for(message, name, 0, 60, true);
                        dns_cache_put(worker->cache, &asked, answer, NOW);
                }
                worker->wrong += answer->count != 1 || answer->records[0].len != 4;
                dns_answer_release(answer);
        }
        worker->wrong += message == NULL;
        free(message);
        return NULL;
}

Test(cache, shared_by_threads)
{
        dns_cache_t *cache = dns_cache_create(32768);
        struct worker workers[8];
        pthread_t threads[8];

        for (unsigned i = 0; i < 8; i++) {
                workers[i] = (struct worker){.cache = cache, .seed = i};
                cr_assert_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
        }
        for (unsigned i = 0; i < 8; i++) {
                pthread_join(threads[i], NULL);
                cr_expect_eq(workers[i].wrong, 0);
        }
        cr_expect_leq(dns_cache_bytes(cache), 32768);
        dns_cache_free(cache);
}
