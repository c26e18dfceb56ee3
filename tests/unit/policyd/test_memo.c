/* the memo of SPF results: what is known for how long, and of whom */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "policyd/memo.h"

#define NOW 1000000

static memo_t *memo;

static void start(void)
{
        memo = memo_create();
        cr_assert_not_null(memo);
}

static void stop(void)
{
        memo_free(memo);
}

TestSuite(memo, .init = start, .fini = stop, .timeout = 60);

static spf_job_t job_of(const char *client, const char *helo, const char *sender)
{
        spf_job_t job = {.helo = helo, .sender = sender};

        cr_assert(address_parse(client, &job.client));
        return job;
}

static void keep(const char *client, const char *helo, const char *sender)
{
        spf_job_t job = job_of(client, helo, sender);

        job.evaluated = true;
        job.outcome.result = AUTH_SOFTFAIL;
        job.outcome.identity = SPF_MAILFROM;
        job.outcome.expires_ms = NOW + 100;
        job.helo_result = AUTH_NEUTRAL;
        strcpy(job.outcome.domain, "example.test");
        memo_put(memo, &job);
}

static bool known(const char *client, const char *helo, const char *sender, int64_t now_ms)
{
        spf_job_t job = job_of(client, helo, sender);

        return memo_get(memo, &job, now_ms);
}

Test(memo, gives_back_what_was_put)
{
        spf_job_t job = job_of("192.0.2.1", "mail.test", "a@example.test");

        cr_expect_not(memo_get(memo, &job, NOW));
        keep("192.0.2.1", "mail.test", "a@example.test");
        cr_assert(memo_get(memo, &job, NOW));
        cr_expect(job.evaluated);
        cr_expect_eq(job.outcome.result, AUTH_SOFTFAIL);
        cr_expect_eq(job.outcome.identity, SPF_MAILFROM);
        cr_expect_eq(job.helo_result, AUTH_NEUTRAL);
        cr_expect_str_eq(job.outcome.domain, "example.test");
}

Test(memo, holds_as_long_as_its_dns_answers)
{
        keep("192.0.2.1", "mail.test", "a@example.test");
        cr_expect(known("192.0.2.1", "mail.test", "a@example.test", NOW + 99));
        cr_expect_not(known("192.0.2.1", "mail.test", "a@example.test", NOW + 100));
}

Test(memo, every_part_counts)
{
        keep("192.0.2.1", "mail.test", "a@example.test");
        cr_expect_not(known("192.0.2.2", "mail.test", "a@example.test", NOW));
        cr_expect_not(known("192.0.2.1", "mail.tes", "a@example.test", NOW));
        cr_expect_not(known("192.0.2.1", "mail.test", "A@example.test", NOW));
        cr_expect_not(known("192.0.2.1", "mail.test", "", NOW));
}

Test(memo, forgets_when_told)
{
        keep("192.0.2.1", "mail.test", "a@example.test");
        memo_clear(memo);
        cr_expect_not(known("192.0.2.1", "mail.test", "a@example.test", NOW));
}

Test(memo, is_bounded_and_never_wrong)
{
        size_t found = 0;

        for (int i = 0; i < 100000; i++) {
                char sender[32];

                snprintf(sender, sizeof(sender), "%d@example.test", i);
                keep("192.0.2.1", "mail.test", sender);
                cr_expect(known("192.0.2.1", "mail.test", sender, NOW));
        }
        for (int i = 0; i < 100000; i++) {
                char sender[32];

                snprintf(sender, sizeof(sender), "%d@example.test", i);
                found += known("192.0.2.1", "mail.test", sender, NOW);
        }
        cr_expect_gt(found, 0);
        cr_expect_leq(found, 4096);
}

Test(memo, a_thousand_senders_are_all_known)
{
        size_t found = 0;

        for (int round = 0; round < 2; round++)
                for (int i = 0; i < 1000; i++) {
                        char sender[32];

                        snprintf(sender, sizeof(sender), "%d@example.test", i);
                        if (round == 0)
                                keep("192.0.2.1", "mail.test", sender);
                        else
                                found += known("192.0.2.1", "mail.test", sender, NOW);
                }
        /* more than four of one hash are rare */
        cr_expect_gt(found, 950);
}
