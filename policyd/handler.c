#include "policyd/handler.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/app/log.h"
#include "common/mail/envelope.h"
#include "policyd/memo.h"
#include "policyd/received_spf.h"

#define SPARE_TASKS_MAX      64
#define TASK_MEMORY_MAX      ((size_t)256 << 10)
#define OVERLOAD_LOG_SECONDS 10

struct handler {
        store_t *store;
        pool_t *pool;
        metrics_t *metrics;
        task_t *spare; /* ended tasks, to be used again */
        size_t spare_count;
        worker_t worker; /* for what needs no waiting */
        memo_t *memo;    /* of its results */
        time_t overload_logged;
};

/* Where the result of a task was found, which decides what is left to store. */
enum found { FOUND_NOWHERE, FOUND_BY_INSTANCE, FOUND_BY_ENVELOPE };

static const char *get(const task_t *task, enum policy_attribute attribute)
{
        return policy_request_get(&task->request, attribute);
}

static bool given(const task_t *task, enum policy_attribute attribute)
{
        return *get(task, attribute) != '\0';
}

handler_t *handler_create(store_t *store, pool_t *pool, metrics_t *metrics)
{
        handler_t *handler = calloc(1, sizeof(*handler));

        if (handler == NULL)
                return NULL;
        handler->store = store;
        handler->pool = pool;
        handler->metrics = metrics;
        handler->memo = memo_create();
        if (handler->memo != NULL)
                return handler;
        free(handler);
        return NULL;
}

static void free_task(task_t *task)
{
        arena_free(task->arena);
        free(task);
}

void handler_free(handler_t *handler)
{
        if (handler == NULL)
                return;
        while (handler->spare != NULL) {
                task_t *next = handler->spare->next;

                free_task(handler->spare);
                handler->spare = next;
        }
        worker_clear(&handler->worker);
        memo_free(handler->memo);
        free(handler);
}

static task_t *take_task(handler_t *handler)
{
        task_t *task = handler->spare;

        if (task != NULL) {
                handler->spare = task->next;
                handler->spare_count--;
                return task;
        }
        task = calloc(1, sizeof(*task));
        if (task == NULL)
                return NULL;
        task->arena = arena_create(TASK_MEMORY_MAX);
        if (task->arena != NULL)
                return task;
        free(task);
        return NULL;
}

void handler_end(handler_t *handler, task_t *task)
{
        arena_t *arena = task->arena;

        policy_request_clear(&task->request);
        setup_release(task->setup);
        arena_reset(arena);
        *task = (task_t){.arena = arena};
        if (handler->spare_count >= SPARE_TASKS_MAX) {
                free_task(task);
                return;
        }
        task->next = handler->spare;
        handler->spare = task;
        handler->spare_count++;
}

static bool has_envelope(const task_t *task)
{
        static const char *const without[] = {"CONNECT", "EHLO", "HELO", "VRFY", "ETRN"};
        const char *state = get(task, POLICY_PROTOCOL_STATE);

        for (size_t i = 0; i < sizeof(without) / sizeof(*without); i++)
                if (strcmp(state, without[i]) == 0)
                        return false;
        return true;
}

static uint16_t client_port(const task_t *task)
{
        const char *text = get(task, POLICY_CLIENT_PORT);
        char *end;
        unsigned long port = strtoul(text, &end, 10);

        return *text >= '0' && *text <= '9' && *end == '\0' && port <= UINT16_MAX ? (uint16_t)port
                                                                                  : 0;
}

/* Is there a message whose SPF result is wanted? Fills the entry's envelope then; else the task's
 * outcome says why not. */
static bool wanted(task_t *task)
{
        const config_t *config = task->setup->config;
        entry_t *entry = &task->entry;

        task->outcome = OUTCOME_UNRELATED;
        if (strcmp(get(task, POLICY_REQUEST), "smtpd_access_policy") != 0 || !has_envelope(task) ||
            !address_parse(get(task, POLICY_CLIENT_ADDRESS), &entry->client))
                return false;
        task->outcome = OUTCOME_AUTHENTICATED;
        if (config->ignore_authenticated_clients && given(task, POLICY_SASL_USERNAME))
                return false;
        task->outcome = OUTCOME_IGNORED;
        if (ignore_file_match(task->setup->ignore, &entry->client, get(task, POLICY_CLIENT_NAME)))
                return false;
        task->outcome = OUTCOME_LEFT;
        entry->port = client_port(task);
        entry->instance = get(task, POLICY_INSTANCE);
        entry->helo = envelope_helo(task->arena, get(task, POLICY_HELO_NAME));
        entry->sender = get(task, POLICY_SENDER);
        return entry->helo != NULL;
}

static bool find(handler_t *handler, task_t *task, enum store_key kind, const char *key,
                 bool *same_instance)
{
        entry_t *entry = &task->entry;
        entry_t found;
        int error = store_get(handler->store, kind, key, time(NULL), task->arena, &found);

        if (error != 0 || !entry_matches(&found, &entry->client, entry->helo, entry->sender))
                return false;
        entry->time = found.time;
        entry->spf = found.spf;
        entry->spf_domain = found.spf_domain;
        entry->helo_result = found.helo_result;
        *same_instance = *entry->instance != '\0' && strcmp(found.instance, entry->instance) == 0;
        entry->received_spf = *same_instance && found.received_spf;
        return true;
}

/* Where the entry stands that all requests of this message find: under its envelope, with the
 * instance in it, or under the instance when the client's port, and so the envelope, is unknown. */
static void make_key(task_t *task)
{
        const entry_t *entry = &task->entry;

        if (entry->port == 0 && given(task, POLICY_INSTANCE)) {
                task->kind = STORE_INSTANCE;
                snprintf(task->key, sizeof(task->key), "%s", entry->instance);
                return;
        }
        task->kind = STORE_ENVELOPE;
        store_envelope_key(&entry->client, entry->port, entry->helo, entry->sender, task->key);
}

/* Under the envelope may stand what another message of this connection got: right for this one too,
 * but that DNS trouble may have passed since. */
static enum found look_up(handler_t *handler, task_t *task)
{
        bool same_instance;

        make_key(task);
        if (task->kind == STORE_ENVELOPE && task->entry.port == 0)
                return FOUND_NOWHERE;
        if (!find(handler, task, task->kind, task->key, &same_instance))
                return FOUND_NOWHERE;
        if (same_instance)
                return FOUND_BY_INSTANCE;
        return task->entry.spf != AUTH_TEMPERROR ? FOUND_BY_ENVELOPE : FOUND_NOWHERE;
}

static void put(handler_t *handler, const task_t *task, enum store_key kind, const char *key)
{
        int error = store_put(handler->store, kind, key, &task->entry);

        if (error != 0)
                log_warning(
                    "state store: cannot keep the SPF result of %s: %s; look at the store's "
                    "file system and StateSize, the milter evaluates SPF",
                    key, strerror(-error));
}

static void keep(handler_t *handler, task_t *task, enum found found, bool changed)
{
        const entry_t *entry = &task->entry;
        char key[STORE_KEY_SIZE];

        if (given(task, POLICY_QUEUE_ID))
                put(handler, task, STORE_QUEUE_ID, get(task, POLICY_QUEUE_ID));
        if (found == FOUND_BY_INSTANCE && !changed)
                return;
        put(handler, task, task->kind, task->key);
        if (task->kind == STORE_ENVELOPE || given(task, POLICY_QUEUE_ID))
                return;
        /* the milter knows no instance */
        store_envelope_key(&entry->client, entry->port, entry->helo, entry->sender, key);
        put(handler, task, STORE_ENVELOPE, key);
}

/* Once a message; Postfix cannot add a header any more at END-OF-MESSAGE. */
static bool wants_received_spf(const task_t *task)
{
        return task->setup->config->policyd.add_received_spf && !task->entry.received_spf &&
               given(task, POLICY_INSTANCE) &&
               strcmp(get(task, POLICY_PROTOCOL_STATE), "END-OF-MESSAGE") != 0;
}

static bool is_refused(const task_t *task)
{
        return task->setup->config->policyd.reject_spf_fail && task->entry.spf == AUTH_FAIL &&
               strcmp(get(task, POLICY_PROTOCOL_STATE), "RCPT") == 0;
}

static const char *refusal(const task_t *task)
{
        char address[ADDRESS_TEXT_SIZE];

        return arena_printf(task->arena,
                            "action=REJECT 5.7.23 SPF fail: %s does not allow mail from %s\n\n",
                            task->entry.spf_domain, address_format(&task->entry.client, address));
}

static const char *received_spf(task_t *task)
{
        const char *field =
            received_spf_write(task->arena, task->setup->config->authserv_id, &task->entry);

        if (field == NULL)
                return NULL;
        task->entry.received_spf = true;
        return arena_printf(task->arena, "action=PREPEND %s\n\n", field);
}

/* The result is known: what is told, and what is kept. */
static void settle(handler_t *handler, task_t *task, enum found found)
{
        const char *reply = NULL;
        bool had_received_spf = task->entry.received_spf;

        enum reply_action action = REPLY_DUNNO;

        if (is_refused(task)) {
                reply = refusal(task);
                action = REPLY_REJECT;
        } else if (wants_received_spf(task)) {
                reply = received_spf(task);
                action = REPLY_PREPEND;
        }
        keep(handler, task, found, task->entry.received_spf != had_received_spf);
        if (reply == NULL)
                return;
        task->reply = reply;
        task->action = action;
}

/* Too much at once: the milter, which has the whole message in hand, evaluates it then. */
static void log_overload(handler_t *handler)
{
        time_t now = time(NULL);

        if (now < handler->overload_logged + OVERLOAD_LOG_SECONDS)
                return;
        handler->overload_logged = now;
        log_warning("too many SPF evaluations are waiting: some are left to the milter; use a "
                    "faster DNS resolver, such as one on this host");
}

/* The task is ready. */
static void count_task(const handler_t *handler, const task_t *task)
{
        metrics_add(handler->metrics, POLICYD_REQUESTS,
                    request_state_of(get(task, POLICY_PROTOCOL_STATE)), task->outcome, 1);
        metrics_add(handler->metrics, POLICYD_REPLIES, task->action, 0, 1);
}

static void count_evaluation(const handler_t *handler, const task_t *task, enum evaluation_way way)
{
        metrics_add(handler->metrics, POLICYD_SPF_RESULTS, task->entry.spf, 0, 1);
        metrics_observe(handler->metrics, POLICYD_EVALUATION_SECONDS, way,
                        metrics_clock_us(handler->metrics) - task->begun_us);
}

/* What a domain's owner got wrong, or did not fit, is told; a result speaks for itself. */
static const char *reason_of_error(const task_t *task)
{
        const spf_outcome_t *outcome = &task->job.outcome;

        if (outcome->reason == NULL ||
            (outcome->result != AUTH_PERMERROR && outcome->result != AUTH_TEMPERROR))
                return "";
        return outcome->reason;
}

static void log_result(const task_t *task)
{
        const entry_t *entry = &task->entry;
        const char *reason = reason_of_error(task);
        char address[ADDRESS_TEXT_SIZE];

        log_info("%s: spf=%s/%s helo=%s/%s client=%s sender=<%s>%s%s",
                 given(task, POLICY_QUEUE_ID) ? get(task, POLICY_QUEUE_ID) : "NOQUEUE",
                 auth_result_name(entry->spf), entry->spf_domain,
                 auth_result_name(entry->helo_result), entry->helo,
                 address_format(&entry->client, address), entry->sender,
                 *reason != '\0' ? " reason: " : "", reason);
}

static void take_result(handler_t *handler, task_t *task, enum evaluation_way way)
{
        entry_t *entry = &task->entry;

        entry->time = time(NULL);
        entry->spf = task->job.outcome.result;
        entry->spf_domain = task->job.outcome.domain;
        entry->helo_result = task->job.helo_result;
        entry->received_spf = false;
        task->outcome = OUTCOME_EVALUATED;
        log_result(task);
        count_evaluation(handler, task, way);
        settle(handler, task, FOUND_NOWHERE);
}

static bool evaluate_at_once(handler_t *handler, spf_job_t *job)
{
        if (handler->worker.setup != job->setup) /* other name servers may say other things */
                memo_clear(handler->memo);
        else if (memo_get(handler->memo, job, dns_clock_ms()))
                return true;
        if (!job_evaluate_cached(&handler->worker, job))
                return false;
        if (job->outcome.result != AUTH_TEMPERROR && job->helo_result != AUTH_TEMPERROR)
                memo_put(handler->memo, job);
        return true;
}

/* What the DNS cache can answer is evaluated at once: that takes less than to wake a thread, and
 * needs none of those that slow servers keep waiting. @return true when the task is ready */
static bool evaluate(handler_t *handler, task_t *task)
{
        task->job = (spf_job_t){
            .setup = task->setup,
            .client = task->entry.client,
            .helo = task->entry.helo,
            .sender = task->entry.sender,
            .deadline_ms = dns_clock_ms() + SPF_TIME_LIMIT_MS,
        };
        task->begun_us = metrics_clock_us(handler->metrics);
        if (evaluate_at_once(handler, &task->job)) {
                take_result(handler, task, EVALUATION_CACHED);
                return true;
        }
        if (pool_submit(handler->pool, &task->job))
                return false;
        log_overload(handler);
        return true;
}

/* @return true when the task is ready */
static bool answer(handler_t *handler, task_t *task)
{
        enum found found;

        if (!wanted(task))
                return true;
        found = look_up(handler, task);
        if (found == FOUND_NOWHERE)
                return evaluate(handler, task);
        task->outcome = found == FOUND_BY_INSTANCE ? OUTCOME_SAME_MESSAGE : OUTCOME_SAME_ENVELOPE;
        settle(handler, task, found);
        return true;
}

task_t *handler_begin(handler_t *handler, const policy_request_t *request, setup_t *setup,
                      void *owner, bool *ready)
{
        task_t *task = take_task(handler);
        policy_request_t taken = *request;

        if (task == NULL) {
                policy_request_clear(&taken);
                return NULL;
        }
        task->request = taken;
        task->setup = setup_retain(setup);
        task->owner = owner;
        task->reply = HANDLER_DUNNO;
        *ready = answer(handler, task);
        if (*ready)
                count_task(handler, task);
        return task;
}

task_t *handler_finish(handler_t *handler, spf_job_t *job)
{
        task_t *task = (task_t *)(void *)((char *)job - offsetof(task_t, job));

        if (job->evaluated)
                take_result(handler, task, EVALUATION_ASKED);
        else
                log_overload(handler);
        count_task(handler, task);
        return task;
}
