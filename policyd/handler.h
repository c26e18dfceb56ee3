/*
 * handler.h - from a policy request to its action (contract section 4)
 *
 * Knows what is to be evaluated, where its result is kept and what Postfix is told; knows neither
 * sockets nor the event loop. One thread; only the evaluations run in the pool's.
 */
#ifndef TRUEFROM_POLICYD_HANDLER_H
#define TRUEFROM_POLICYD_HANDLER_H

#include <stdbool.h>

#include "common/app/setup.h"
#include "common/base/arena.h"
#include "common/state/store.h"
#include "policyd/metrics.h"
#include "policyd/pool.h"
#include "policyd/request.h"

/** One request on its way to its reply. */
typedef struct task {
        struct task *next; /**< for a list that the owner of the task keeps */
        void *owner;       /**< whose request it is */
        policy_request_t request;
        setup_t *setup;
        arena_t *arena;
        entry_t entry;
        enum store_key kind; /**< where all requests of the message find the entry */
        char key[STORE_KEY_SIZE];
        spf_job_t job;
        enum request_outcome outcome;
        enum reply_action action;
        int64_t begun_us;  /**< metrics_clock_us, of the evaluation */
        const char *reply; /**< when it is ready: the whole reply; the arena's */
} task_t;

typedef struct handler handler_t;

/** @param store, pool, metrics must outlive the handler; metrics may be NULL. @return NULL when
 * memory is out */
handler_t *handler_create(store_t *store, pool_t *pool, metrics_t *metrics);

/** No task may be left. NULL is fine. */
void handler_free(handler_t *handler);

/**
 * Begin with a request.
 * @param request taken over, also on failure
 * @param setup the one in use; a reference is taken
 * @param ready set when the task needs no evaluation and has its reply; else its job is with the
 * pool, and handler_finish is called when that is done
 * @return the task (handler_end), or NULL when memory is out
 */
task_t *handler_begin(handler_t *handler, const policy_request_t *request, setup_t *setup,
                      void *owner, bool *ready);

/** The pool has given this job back: the task that it belongs to is ready now. */
task_t *handler_finish(handler_t *handler, spf_job_t *job);

/** The reply was sent. The results were put into the store, whose commit must come before. */
void handler_end(handler_t *handler, task_t *task);

/** The reply that stands where nothing can be said. */
#define HANDLER_DUNNO "action=DUNNO\n\n"

#endif
