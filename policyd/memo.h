/*
 * memo.h - SPF results of the last while, for clients that send one message after the other
 *
 * An SPF result is a function of client, HELO name, sender and the DNS: it holds as long as the DNS
 * answers that it was made of. Bounded: a result may be forgotten for another's sake. One thread.
 */
#ifndef TRUEFROM_POLICYD_MEMO_H
#define TRUEFROM_POLICYD_MEMO_H

#include <stdbool.h>
#include <stdint.h>

#include "policyd/job.h"

typedef struct memo memo_t;

/** @return NULL when memory is out */
memo_t *memo_create(void);

/** NULL is fine. */
void memo_free(memo_t *memo);

/** Forget everything. */
void memo_clear(memo_t *memo);

/** @return true when the job's result is known at `now_ms` (dns_clock_ms): it is filled in */
bool memo_get(const memo_t *memo, spf_job_t *job, int64_t now_ms);

/** Keep the result of a job that was evaluated from cached answers (job_evaluate_cached). */
void memo_put(memo_t *memo, const spf_job_t *job);

#endif
