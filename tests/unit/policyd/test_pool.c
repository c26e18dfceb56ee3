/* the pool of SPF evaluations: all done, none waits for a slow one, bounded */
#include <criterion/criterion.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/pool.h"
#include "tests/unit/support/dnsserver.h"

static const char zone[] = "{'pass.test': {'TXT': ['v=spf1 ip4:192.0.2.0/24 -all']},"
                           " 'slow.test': {'fault': 'delay:2'}}";

static dns_server_t server;
static setup_t setup;
static sem_t done;

static void start(void)
{
        faultdns_start(&server, zone);
        memset(&setup, 0, sizeof(setup));
        setup.resolver = dns_server_resolver(&server, 5000);
        atomic_init(&setup.references, 1000); /* ours until the end */
        sem_init(&done, 0, 0);
}

static void stop(void)
{
        resolver_free(setup.resolver);
        dns_server_stop(&server);
        sem_destroy(&done);
}

TestSuite(pool, .init = start, .fini = stop, .timeout = 60);

static void notify(void *context)
{
        sem_post(context);
}

static spf_job_t job_for(const char *sender)
{
        spf_job_t job = {.setup = &setup,
                         .helo = "helo.test",
                         .sender = sender,
                         .deadline_ms = dns_clock_ms() + 20000};

        address_parse("192.0.2.1", &job.client);
        return job;
}

static size_t collect(pool_t *pool, size_t wanted)
{
        size_t collected = 0;

        while (collected < wanted) {
                sem_wait(&done);
                for (spf_job_t *job = pool_collect(pool); job; job = job->next) {
                        cr_expect(job->evaluated);
                        cr_expect_eq(job->outcome.result, AUTH_PASS);
                        collected++;
                }
        }
        return collected;
}

Test(pool, all_jobs_are_done)
{
        pool_t *pool = pool_create(4, 100, notify, &done);
        spf_job_t jobs[100];

        for (size_t i = 0; i < 100; i++) {
                jobs[i] = job_for("user@pass.test");
                cr_assert(pool_submit(pool, &jobs[i]));
        }
        cr_expect_eq(collect(pool, 100), 100);
        pool_free(pool);
}

Test(pool, is_bounded)
{
        pool_t *pool = pool_create(1, 2, notify, &done);
        spf_job_t jobs[16];
        size_t taken = 0;

        for (size_t i = 0; i < 16; i++) {
                jobs[i] = job_for("user@slow.test");
                taken += pool_submit(pool, &jobs[i]);
        }
        cr_expect_geq(taken, 2);
        cr_expect_leq(taken, 4);
        for (size_t i = 0; i < taken; i++)
                sem_wait(&done);
        pool_free(pool);
}

Test(pool, a_job_that_is_too_late_is_not_evaluated)
{
        pool_t *pool = pool_create(1, 2, notify, &done);
        spf_job_t job = job_for("user@pass.test");

        job.deadline_ms = dns_clock_ms() - 1;
        cr_assert(pool_submit(pool, &job));
        sem_wait(&done);
        cr_assert_eq(pool_collect(pool), &job);
        cr_expect_not(job.evaluated);
        pool_free(pool);
}
