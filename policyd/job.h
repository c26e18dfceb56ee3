/*
 * job.h - one message's SPF evaluation: of its sender, and of the HELO identity
 */
#ifndef TRUEFROM_POLICYD_JOB_H
#define TRUEFROM_POLICYD_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "common/app/setup.h"
#include "common/auth/spf.h"
#include "common/base/address.h"

typedef struct spf_job {
        struct spf_job *next; /**< the pool's, and after pool_collect the next one of the list */
        setup_t *setup;       /**< whose resolver is asked; kept alive by the submitter */
        address_t client;
        const char *helo;
        const char *sender;
        int64_t deadline_ms; /**< dns_clock_ms; both evaluations end by then */

        bool evaluated;               /**< false: it waited until the deadline, or memory was out */
        spf_outcome_t outcome;        /**< MAIL FROM, or HELO for the null sender */
        enum auth_result helo_result; /**< the HELO identity's own */
} spf_job_t;

/** Who evaluates: one thread's evaluator, made for the setup of the job at hand. Begins as {0}. */
typedef struct worker {
        setup_t *setup;
        spf_evaluator_t *evaluator;
} worker_t;

void worker_clear(worker_t *worker);

/** Evaluate, waiting for the DNS; tells by job->evaluated. */
void job_evaluate(worker_t *worker, spf_job_t *job);

/** Evaluate with cached DNS answers, without waiting. @return job->evaluated: false when some
 * answer is not cached */
bool job_evaluate_cached(worker_t *worker, spf_job_t *job);

#endif
