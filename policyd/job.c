#include "policyd/job.h"

void worker_clear(worker_t *worker)
{
        spf_evaluator_free(worker->evaluator);
        setup_release(worker->setup);
        worker->evaluator = NULL;
        worker->setup = NULL;
}

static bool prepare(worker_t *worker, setup_t *setup)
{
        if (worker->setup == setup)
                return true;
        worker_clear(worker);
        worker->evaluator = spf_evaluator_create(setup->resolver);
        if (!worker->evaluator)
                return false;
        worker->setup = setup_retain(setup);
        return true;
}

void job_evaluate(worker_t *worker, spf_job_t *job)
{
        spf_outcome_t helo;

        job->evaluated = dns_clock_ms() < job->deadline_ms && prepare(worker, job->setup);
        if (!job->evaluated)
                return;
        spf_evaluate(worker->evaluator, &job->client, job->helo, job->sender, job->deadline_ms,
                     &job->outcome);
        job->helo_result = job->outcome.result;
        if (job->outcome.identity == SPF_HELO)
                return;
        spf_evaluate_helo(worker->evaluator, &job->client, job->helo, job->deadline_ms, &helo);
        job->helo_result = helo.result;
}

bool job_evaluate_cached(worker_t *worker, spf_job_t *job)
{
        spf_outcome_t helo;

        job->evaluated = prepare(worker, job->setup) &&
                         spf_evaluate_cached(worker->evaluator, &job->client, job->helo,
                                             job->sender, &job->outcome);
        job->helo_result = job->outcome.result;
        if (!job->evaluated || job->outcome.identity == SPF_HELO)
                return job->evaluated;
        job->evaluated =
            spf_evaluate_helo_cached(worker->evaluator, &job->client, job->helo, &helo);
        job->helo_result = helo.result;
        if (helo.expires_ms < job->outcome.expires_ms)
                job->outcome.expires_ms = helo.expires_ms;
        return job->evaluated;
}
