#include "common/dns/flight.h"

#include <errno.h>
#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <time.h>

#include "common/dns/answer.h"

struct flight {
        dns_question_t question; /* first: the tree's nodes point at questions */
        pthread_cond_t landed;
        unsigned users;
        const dns_answer_t *answer; /* NULL until landed */
};

struct flights {
        pthread_mutex_t lock;
        pthread_condattr_t clock; /* CLOCK_MONOTONIC, that of deadlines */
        void *tree;               /* tsearch(3), of the flights under way */
};

static int compare_questions(const void *left, const void *right)
{
        return dns_question_compare(left, right);
}

int flights_create(flights_t **flights)
{
        flights_t *made = calloc(1, sizeof(*made));
        int error;

        if (!made)
                return -ENOMEM;
        error = pthread_condattr_init(&made->clock);
        if (error)
                goto fail;
        error = pthread_condattr_setclock(&made->clock, CLOCK_MONOTONIC);
        if (!error)
                error = pthread_mutex_init(&made->lock, NULL);
        if (error) {
                pthread_condattr_destroy(&made->clock);
                goto fail;
        }
        *flights = made;
        return 0;
fail:
        free(made);
        return -error;
}

void flights_free(flights_t *flights)
{
        if (!flights)
                return;
        pthread_mutex_destroy(&flights->lock);
        pthread_condattr_destroy(&flights->clock);
        free(flights);
}

/* With the lock held. */
static flight_t *start(flights_t *flights, const dns_question_t *question)
{
        flight_t *flight = calloc(1, sizeof(*flight));

        if (!flight)
                return NULL;
        flight->question = *question;
        if (pthread_cond_init(&flight->landed, &flights->clock) != 0) {
                free(flight);
                return NULL;
        }
        if (!tsearch(&flight->question, &flights->tree, compare_questions)) {
                pthread_cond_destroy(&flight->landed);
                free(flight);
                return NULL;
        }
        return flight;
}

flight_t *flights_join(flights_t *flights, const dns_question_t *question, bool *lead)
{
        flight_t **node;
        flight_t *flight;

        pthread_mutex_lock(&flights->lock);
        node = tfind(question, &flights->tree, compare_questions);
        *lead = !node;
        flight = node ? *node : start(flights, question);
        if (flight)
                flight->users++;
        pthread_mutex_unlock(&flights->lock);
        return flight;
}

/* The last to leave frees; with the lock held. */
static void leave(flight_t *flight)
{
        if (--flight->users > 0)
                return;
        dns_answer_release(flight->answer);
        pthread_cond_destroy(&flight->landed);
        free(flight);
}

void flight_land(flights_t *flights, flight_t *flight, const dns_answer_t *answer)
{
        pthread_mutex_lock(&flights->lock);
        tdelete(&flight->question, &flights->tree, compare_questions);
        flight->answer = dns_answer_hold(answer);
        pthread_cond_broadcast(&flight->landed);
        leave(flight);
        pthread_mutex_unlock(&flights->lock);
}

const dns_answer_t *flight_await(flights_t *flights, flight_t *flight, int64_t deadline_ms)
{
        struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
                                 .tv_nsec = (long)(deadline_ms % 1000 * 1000000)};
        const dns_answer_t *answer;
        int error = 0;

        pthread_mutex_lock(&flights->lock);
        while (!flight->answer && !error)
                error = pthread_cond_timedwait(&flight->landed, &flights->lock, &until);
        answer = flight->answer ? dns_answer_hold(flight->answer) : dns_answer_failure(DNS_TIMEOUT);
        leave(flight);
        pthread_mutex_unlock(&flights->lock);
        return answer;
}
