/*
 * The evaluation of a replay: some threads take one message after the other, so that the DNS is
 * asked for several at once. Each writes into its own messages' results alone.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/paint.h"
#include "cli/replay/progress.h"
#include "cli/replay/replay.h"

#define PROGRESS_INTERVAL_NS 100000000

/* What the threads share. */
struct crew {
        replay_t *replay;
        atomic_size_t next; /* message to take */
        atomic_size_t done;
        atomic_int error; /* 0 or -ENOMEM: all stop */
        pthread_mutex_t lock;
        pthread_cond_t ended;
        unsigned working; /* threads; under the lock */
};

struct worker {
        struct crew *crew;
        arena_t *keep;  /* what stays of its messages */
        arena_t *arena; /* one message's */
        spf_evaluator_t *evaluator;
        pthread_t thread;
};

static const char *kept(const struct worker *worker, const char *text)
{
        return text != NULL ? paint_escape(worker->keep, text, strlen(text)) : "-";
}

static const char *dkim_text(const struct worker *worker, const examination_t *examination)
{
        const char *text = "none";

        for (size_t i = 0; i < examination->dkim_count && text != NULL; i++) {
                const dmarc_identifier_t *dkim = &examination->dkim[i];

                text = arena_printf(worker->keep, "%s%s%s/%s", i > 0 ? text : "", i > 0 ? " " : "",
                                    auth_result_name(dkim->result),
                                    dkim->domain != NULL ? dkim->domain : "-");
        }
        return text;
}

/* What is told of a message that would not be accepted. */
static int keep_details(const struct worker *worker, const subject_t *subject,
                        const examination_t *examination, const char *message_id,
                        replay_result_t *out)
{
        const examiner_t *examiner = &worker->crew->replay->examiner;
        const spf_outcome_t *spf = &examination->spf;
        char client[ADDRESS_TEXT_SIZE];

        out->client =
            kept(worker, subject->has_client ? address_format(&subject->client, client) : NULL);
        out->sender = kept(worker, *subject->sender != '\0' ? subject->sender : "<>");
        out->message_id = kept(worker, message_id);
        out->spf = arena_printf(worker->keep, "%s/%s", auth_result_name(spf->result),
                                *spf->domain != '\0' ? spf->domain : "-");
        out->dkim = dkim_text(worker, examination);
        out->reason = examine_breaks_rules(examiner, examination, true)
                          ? examination->nonconformance
                          : examination->evaluation.outcome->reason;
        if (out->client == NULL || out->sender == NULL || out->message_id == NULL ||
            out->spf == NULL || out->dkim == NULL)
                return -ENOMEM;
        return 0;
}

static int evaluate(const struct worker *worker, const subject_t *subject, const char *message_id,
                    replay_result_t *out)
{
        const examiner_t *examiner = &worker->crew->replay->examiner;
        const int64_t deadline_ms = dns_clock_ms() + EXAMINE_LIMIT_MS;
        examination_t examination;
        int error = examine_fields(examiner, worker->arena, subject, NULL, NULL, &examination);

        if (error != 0)
                return error;
        out->believed = subject->authres_count > examination.gathered.ignored;
        out->state = examination.spared != SPARED_NOT ? REPLAY_IGNORED : REPLAY_NO_ENVELOPE;
        if (examination.spared != SPARED_NOT || subject->sender == NULL ||
            (!subject->has_client && !examination.gathered.has_spf))
                return 0;
        out->state = REPLAY_EVALUATED;
        examine_spf(worker->evaluator, subject, deadline_ms, &examination);
        error = examine_dmarc(examiner, worker->arena, deadline_ms, &examination);
        if (error != 0)
                return error;
        out->decision = examine_decide(examiner, &examination, true);
        out->domain = kept(worker, examination.evaluation.author_domain);
        if (out->domain == NULL)
                return -ENOMEM;
        return out->decision == DECISION_ACCEPT
                   ? 0
                   : keep_details(worker, subject, &examination, message_id, out);
}

/* @return 0 or -ENOMEM; what cannot be read is a result */
static int take_message(const struct worker *worker, const mailbox_message_t *message,
                        replay_result_t *out)
{
        const replay_t *replay = worker->crew->replay;
        const stored_rules_t rules = {.examiner = &replay->examiner,
                                      .receivers = &replay->receivers};
        int fd = mailbox_open(message), error;
        const char *message_id;
        subject_t subject;
        char *text;
        size_t len;

        out->state = REPLAY_UNREADABLE;
        if (fd < 0)
                return 0;
        error = mailbox_read_header(fd, message->offset, worker->arena, &text, &len);
        close(fd);
        if (error != 0)
                return error == -ENOMEM ? error : 0;
        error = stored_read(worker->arena, text, len, &rules, &subject, &message_id);
        return error == 0 ? evaluate(worker, &subject, message_id, out) : error;
}

static void *work(void *argument)
{
        struct worker *worker = argument;
        struct crew *crew = worker->crew;
        replay_t *replay = crew->replay;

        while (atomic_load(&crew->error) == 0) {
                size_t number = atomic_fetch_add(&crew->next, 1);
                int error;

                if (number >= replay->mailbox.count)
                        break;
                error = take_message(worker, &replay->mailbox.messages[number],
                                     &replay->results[number]);
                arena_reset(worker->arena);
                if (error != 0)
                        atomic_store(&crew->error, error);
                atomic_fetch_add(&crew->done, 1);
        }
        pthread_mutex_lock(&crew->lock);
        crew->working--;
        pthread_cond_signal(&crew->ended);
        pthread_mutex_unlock(&crew->lock);
        return NULL;
}

static void await(struct crew *crew)
{
        progress_t progress;

        progress_begin(&progress);
        pthread_mutex_lock(&crew->lock);
        while (crew->working > 0) {
                struct timespec until;

                clock_gettime(CLOCK_REALTIME, &until);
                until.tv_nsec += PROGRESS_INTERVAL_NS;
                until.tv_sec += until.tv_nsec / 1000000000;
                until.tv_nsec %= 1000000000;
                progress_show(&progress, atomic_load(&crew->done), crew->replay->mailbox.count);
                pthread_cond_timedwait(&crew->ended, &crew->lock, &until);
        }
        pthread_mutex_unlock(&crew->lock);
        progress_end(&progress);
}

static int worker_begin(struct worker *worker, struct crew *crew, arena_t **keep)
{
        worker->crew = crew;
        worker->keep = *keep = arena_create(REPLAY_ARENA_LIMIT);
        worker->arena = arena_create(STORED_ARENA_LIMIT);
        worker->evaluator = spf_evaluator_create(crew->replay->examiner.resolver);
        if (worker->keep == NULL || worker->arena == NULL || worker->evaluator == NULL)
                return -ENOMEM;
        crew->working++;
        if (pthread_create(&worker->thread, NULL, work, worker) == 0)
                return 0;
        crew->working--;
        return -ENOMEM;
}

static void worker_end(struct worker *worker)
{
        spf_evaluator_free(worker->evaluator);
        arena_free(worker->arena);
}

int replay_run(replay_t *replay)
{
        struct crew crew = {
            .replay = replay, .lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};
        struct worker workers[REPLAY_JOBS_MAX] = {0};
        unsigned begun = 0;

        replay->results =
            arena_calloc(replay->arena, replay->mailbox.count, sizeof(*replay->results));
        if (replay->results == NULL)
                return -ENOMEM;
        pthread_mutex_lock(&crew.lock);
        while (begun < replay->jobs &&
               worker_begin(&workers[begun], &crew, &replay->keep[begun]) == 0)
                begun++;
        pthread_mutex_unlock(&crew.lock);
        if (begun < replay->jobs)
                atomic_store(&crew.error, -ENOMEM);
        await(&crew);
        for (unsigned i = 0; i < begun; i++)
                pthread_join(workers[i].thread, NULL);
        for (unsigned i = 0; i < REPLAY_JOBS_MAX; i++)
                worker_end(&workers[i]);
        return atomic_load(&crew.error);
}
