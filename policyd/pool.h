/*
 * pool.h - threads that evaluate SPF, so that the event loop never waits for the DNS
 *
 * Threads are started as they are needed, and wait for work after that. A job belongs to the pool
 * from pool_submit until pool_collect.
 */
#ifndef TRUEFROM_POLICYD_POOL_H
#define TRUEFROM_POLICYD_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "policyd/job.h"

typedef struct pool pool_t;

/** Called by a worker when a job is done, so that someone collects it. Must not block. */
typedef void pool_notify_fn(void *context);

/** @param queue_max how many jobs may wait beside those in work. @return NULL when memory is out */
pool_t *pool_create(size_t threads_max, size_t queue_max, pool_notify_fn *notify, void *context);

/** Waits for the jobs in work; none may be waiting or uncollected. NULL is fine. */
void pool_free(pool_t *pool);

/** @return false when the queue is full or no thread can be started: the job was not taken */
bool pool_submit(pool_t *pool, spf_job_t *job);

typedef struct pool_load {
        size_t waiting; /**< jobs that no thread has taken yet */
        size_t running;
} pool_load_t;

/** What the pool has to do now; any thread. */
pool_load_t pool_load(pool_t *pool);

/** All jobs done since the last call, in a list; NULL when there are none. */
spf_job_t *pool_collect(pool_t *pool);

#endif
