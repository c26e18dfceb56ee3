#include "common/dns/resolver.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "common/dns/answer.h"
#include "common/dns/cache.h"
#include "common/dns/channel.h"
#include "common/dns/flight.h"

struct resolver {
        unsigned timeout_ms;
        dns_observer_fn *observer;
        void *observer_context;
        dns_cache_t *cache;
        channel_pool_t *channels;
        flights_t *flights;
        atomic_uint_fast64_t queries;
        atomic_uint_fast64_t cache_hits;
        atomic_uint_fast64_t failures;
};

int64_t dns_clock_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int resolver_create(const dns_config_t *config, resolver_t **resolver)
{
        resolver_t *made = calloc(1, sizeof(*made));
        int error;

        if (!made)
                return -ENOMEM;
        made->timeout_ms = config->timeout_ms;
        made->observer = config->observer;
        made->observer_context = config->observer_context;
        error = channel_pool_create(config, &made->channels);
        if (error)
                goto fail;
        error = flights_create(&made->flights);
        if (error)
                goto fail;
        made->cache = dns_cache_create(config->cache_bytes);
        if (!made->cache) {
                error = -ENOMEM;
                goto fail;
        }
        *resolver = made;
        return 0;
fail:
        resolver_free(made);
        return error;
}

void resolver_free(resolver_t *resolver)
{
        if (!resolver)
                return;
        dns_cache_free(resolver->cache);
        flights_free(resolver->flights);
        channel_pool_free(resolver->channels);
        free(resolver);
}

/* Ask the servers, and hand the answer to all that wait for it. */
static const dns_answer_t *lead_flight(resolver_t *resolver, flight_t *flight,
                                       const dns_question_t *question, int64_t deadline_ms)
{
        /* An earlier flight may have landed between our look into the cache and the joining. */
        const dns_answer_t *answer = dns_cache_get(resolver->cache, question, dns_clock_ms(), NULL);

        if (!answer) {
                answer = channel_ask(resolver->channels, question, deadline_ms);
                dns_cache_put(resolver->cache, question, answer, dns_clock_ms());
        }
        flight_land(resolver->flights, flight, answer);
        return answer;
}

/* Ask, together with all threads that have the same question now. */
static const dns_answer_t *ask(resolver_t *resolver, const dns_question_t *question,
                               int64_t deadline_ms)
{
        const dns_answer_t *answer;
        flight_t *flight;
        bool lead;

        do {
                flight = flights_join(resolver->flights, question, &lead);
                if (!flight)
                        return dns_answer_failure(DNS_TEMPFAIL);
                if (lead)
                        return lead_flight(resolver, flight, question, deadline_ms);
                answer = flight_await(resolver->flights, flight, deadline_ms);
                /* The leader's deadline may have come before ours: then ask again. */
        } while (answer->status == DNS_TIMEOUT && dns_clock_ms() < deadline_ms);
        return answer;
}

static const dns_answer_t *look_up(resolver_t *resolver, const dns_question_t *question,
                                   int64_t deadline_ms, bool *cached)
{
        int64_t now_ms = dns_clock_ms();
        int64_t latest_ms = now_ms + resolver->timeout_ms;
        const dns_answer_t *answer = dns_cache_get(resolver->cache, question, now_ms, NULL);

        *cached = answer != NULL;
        if (answer) {
                atomic_fetch_add(&resolver->cache_hits, 1);
                return answer;
        }
        if (deadline_ms == 0 || deadline_ms > latest_ms)
                deadline_ms = latest_ms;
        if (deadline_ms <= now_ms)
                return dns_answer_failure(DNS_TIMEOUT);
        return ask(resolver, question, deadline_ms);
}

static int64_t clock_us(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* @param begun_us when it was asked; 0 = answered from the cache */
static void tell_observer(const resolver_t *resolver, const char *name, enum dns_type type,
                          const dns_answer_t *answer, int64_t begun_us)
{
        const dns_event_t event = {
            .name = name,
            .type = type,
            .answer = answer,
            .cached = begun_us == 0,
            .microseconds = begun_us != 0 ? clock_us() - begun_us : 0,
        };

        if (resolver->observer)
                resolver->observer(resolver->observer_context, &event);
}

const dns_answer_t *dns_query(resolver_t *resolver, const char *name, enum dns_type type,
                              int64_t deadline_ms)
{
        int64_t begun_us = resolver->observer ? clock_us() : 0;
        bool cached = false;
        const dns_answer_t *answer;
        dns_question_t question;

        atomic_fetch_add(&resolver->queries, 1);
        if (dns_question_init(&question, name, (uint16_t)type))
                answer = look_up(resolver, &question, deadline_ms, &cached);
        else
                answer = dns_answer_failure(DNS_TEMPFAIL);
        if (answer->status == DNS_TEMPFAIL || answer->status == DNS_TIMEOUT)
                atomic_fetch_add(&resolver->failures, 1);
        tell_observer(resolver, name, type, answer, cached ? 0 : begun_us);
        return answer;
}

const dns_answer_t *dns_query_cached(resolver_t *resolver, const char *name, enum dns_type type,
                                     int64_t *expires_ms)
{
        const dns_answer_t *answer;
        dns_question_t question;

        if (!dns_question_init(&question, name, (uint16_t)type))
                return NULL;
        answer = dns_cache_get(resolver->cache, &question, dns_clock_ms(), expires_ms);
        if (answer) {
                atomic_fetch_add(&resolver->queries, 1);
                atomic_fetch_add(&resolver->cache_hits, 1);
                tell_observer(resolver, name, type, answer, 0);
        }
        return answer;
}

void resolver_statistics(const resolver_t *resolver, dns_statistics_t *statistics)
{
        /* A query is counted before its outcome, so what is read last is never too small. */
        statistics->failures = atomic_load(&resolver->failures);
        statistics->cache_hits = atomic_load(&resolver->cache_hits);
        statistics->queries = atomic_load(&resolver->queries);
}
