#include <criterion/criterion.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "common/dns/resolver.h"
#include "tests/unit/support/dnsserver.h"

#define THREADS 200
#define LONG_MS 20000

static dns_server_t server;

static void stop_server(void)
{
        dns_server_stop(&server);
}

TestSuite(resolver_threads, .fini = stop_server, .timeout = 180);

struct crowd {
        resolver_t *resolver;
        bool distinct;      /* each thread asks for names of its own, "nNUMBER" */
        const char *domain; /* below which they stand */
        enum dns_status expected;
        int64_t patience_ms;
        unsigned rounds;
        atomic_uint next;
        atomic_uint wrong;
};

static void *ask(void *context)
{
        struct crowd *crowd = context;
        unsigned number = atomic_fetch_add(&crowd->next, 1);

        for (unsigned i = 0; i < crowd->rounds; i++) {
                const dns_answer_t *answer;
                char name[64];

                snprintf(name, sizeof(name), "n%u.%s", crowd->distinct ? number + i : 0,
                         crowd->domain);
                answer =
                    dns_query(crowd->resolver, name, DNS_TXT, dns_clock_ms() + crowd->patience_ms);
                if (answer->status != crowd->expected)
                        atomic_fetch_add(&crowd->wrong, 1);
                dns_answer_release(answer);
        }
        return NULL;
}

static void start_crowd(struct crowd *crowd, pthread_t threads[THREADS])
{
        for (unsigned i = 0; i < THREADS; i++)
                cr_assert_eq(pthread_create(&threads[i], NULL, ask, crowd), 0);
}

static void join_crowd(struct crowd *crowd, pthread_t threads[THREADS])
{
        for (unsigned i = 0; i < THREADS; i++)
                pthread_join(threads[i], NULL);
        cr_expect_eq(crowd->wrong, 0);
}

Test(resolver_threads, many_at_once)
{
        pthread_t threads[THREADS];
        struct crowd crowd = {.distinct = true,
                              .domain = "example",
                              .expected = DNS_OK,
                              .patience_ms = LONG_MS,
                              .rounds = 20};
        dns_statistics_t statistics;

        faultdns_start(&server, "{'*.example': {'TXT': ['text']}}");
        crowd.resolver = dns_server_resolver(&server, LONG_MS);
        start_crowd(&crowd, threads);
        join_crowd(&crowd, threads);
        resolver_statistics(crowd.resolver, &statistics);
        cr_expect_eq(statistics.queries, THREADS * 20);
        resolver_free(crowd.resolver);
}

/* All wait for a silent server at the same time; nobody else waits for them. */
Test(resolver_threads, a_silent_server_holds_up_no_other_question)
{
        pthread_t threads[THREADS];
        struct crowd crowd = {.distinct = true,
                              .domain = "silent",
                              .expected = DNS_TIMEOUT,
                              .patience_ms = 3000,
                              .rounds = 1};
        const dns_answer_t *answer;
        int64_t started;

        faultdns_start(&server, "{'x.example': {'TXT': ['text']}, 'y.example': {'TXT': ['text']},"
                                " '*.silent': {'fault': 'silent'}}");
        crowd.resolver = dns_server_resolver(&server, LONG_MS);
        dns_answer_release(dns_query(crowd.resolver, "x.example", DNS_TXT, 0));
        started = dns_clock_ms();
        start_crowd(&crowd, threads);
        while (faultdns_queries(&server, NULL) < 1 + THREADS)
                sched_yield();
        for (unsigned i = 0; i < 1000; i++) {
                answer = dns_query(crowd.resolver, i % 2 ? "x.example" : "y.example", DNS_TXT, 0);
                cr_assert_eq(answer->status, DNS_OK);
                dns_answer_release(answer);
        }
        cr_expect_lt(dns_clock_ms() - started, crowd.patience_ms, "while all wait");
        join_crowd(&crowd, threads);
        cr_expect_lt(dns_clock_ms() - started, 2 * crowd.patience_ms, "side by side");
        resolver_free(crowd.resolver);
}

Test(resolver_threads, one_query_for_all_that_ask_the_same)
{
        pthread_t threads[THREADS];
        struct crowd crowd = {
            .domain = "same.example", .expected = DNS_OK, .patience_ms = LONG_MS, .rounds = 1};

        faultdns_start(&server, "{'n0.same.example': {'TXT': ['text'], 'fault': 'delay:0.5'}}");
        crowd.resolver = dns_server_resolver(&server, LONG_MS);
        start_crowd(&crowd, threads);
        join_crowd(&crowd, threads);
        cr_expect_eq(faultdns_queries(&server, NULL), 1);
        resolver_free(crowd.resolver);
}

/* Who waits for another's query still has a deadline of its own, shorter or longer. */
Test(resolver_threads, deadlines_of_those_that_wait_together)
{
        struct crowd impatient = {
            .domain = "same.example", .expected = DNS_TIMEOUT, .patience_ms = 300, .rounds = 1};
        struct crowd patient = {
            .domain = "same.example", .expected = DNS_OK, .patience_ms = LONG_MS, .rounds = 1};
        pthread_t threads[3];

        faultdns_start(&server, "{'n0.same.example': {'TXT': ['text'], 'fault': 'delay:1'}}");
        impatient.resolver = patient.resolver = dns_server_resolver(&server, LONG_MS);
        cr_assert_eq(pthread_create(&threads[0], NULL, ask, &impatient), 0);
        while (faultdns_queries(&server, NULL) < 1)
                sched_yield();
        cr_assert_eq(pthread_create(&threads[1], NULL, ask, &patient), 0);
        cr_assert_eq(pthread_create(&threads[2], NULL, ask, &impatient), 0);
        for (unsigned i = 0; i < 3; i++)
                pthread_join(threads[i], NULL);
        cr_expect_eq(impatient.wrong, 0);
        cr_expect_eq(patient.wrong, 0);
        resolver_free(patient.resolver);
}
