#include "policyd/memo.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define PLACES 4096U

/* The strings stand behind it: helo, sender, domain. */
struct known {
        address_t client;
        enum auth_result result, helo_result;
        enum spf_identity identity;
        int64_t expires_ms;
        const char *sender, *domain;
        char helo[];
};

struct memo {
        uint32_t seed; /* so that nobody can choose whose result is forgotten for his own */
        struct known *places[PLACES];
};

memo_t *memo_create(void)
{
        memo_t *memo = calloc(1, sizeof(*memo));

        if (memo && getrandom(&memo->seed, sizeof(memo->seed), 0) < 0)
                memo->seed = 2166136261U;
        return memo;
}

void memo_clear(memo_t *memo)
{
        for (size_t i = 0; i < PLACES; i++) {
                free(memo->places[i]);
                memo->places[i] = NULL;
        }
}

void memo_free(memo_t *memo)
{
        if (memo)
                memo_clear(memo);
        free(memo);
}

/* FNV-1a, seeded */
static uint32_t hash_octets(uint32_t hash, const void *data, size_t len)
{
        const uint8_t *at = data;

        for (size_t i = 0; i < len; i++)
                hash = (hash ^ at[i]) * 16777619U;
        return hash;
}

static size_t place_of(const memo_t *memo, const spf_job_t *job)
{
        uint32_t hash = hash_octets(memo->seed, job->client.octets, sizeof(job->client.octets));

        hash = hash_octets(hash, job->helo, strlen(job->helo) + 1);
        hash = hash_octets(hash, job->sender, strlen(job->sender));
        return (hash ^ hash >> 16) % PLACES;
}

bool memo_get(const memo_t *memo, spf_job_t *job, int64_t now_ms)
{
        const struct known *known = memo->places[place_of(memo, job)];

        if (!known || known->expires_ms <= now_ms || strcmp(known->helo, job->helo) != 0 ||
            strcmp(known->sender, job->sender) != 0 ||
            memcmp(&known->client, &job->client, sizeof(known->client)) != 0)
                return false;
        job->evaluated = true;
        job->helo_result = known->helo_result;
        job->outcome.result = known->result;
        job->outcome.identity = known->identity;
        job->outcome.expires_ms = known->expires_ms;
        memcpy(job->outcome.domain, known->domain, strlen(known->domain) + 1);
        return true;
}

void memo_put(memo_t *memo, const spf_job_t *job)
{
        size_t helo = strlen(job->helo) + 1, sender = strlen(job->sender) + 1;
        size_t domain = strlen(job->outcome.domain) + 1;
        struct known *known = malloc(sizeof(*known) + helo + sender + domain);
        struct known **place = &memo->places[place_of(memo, job)];

        if (!known)
                return;
        *known = (struct known){
            .client = job->client,
            .result = job->outcome.result,
            .helo_result = job->helo_result,
            .identity = job->outcome.identity,
            .expires_ms = job->outcome.expires_ms,
            .sender = known->helo + helo,
            .domain = known->helo + helo + sender,
        };
        memcpy(known->helo, job->helo, helo);
        memcpy(known->helo + helo, job->sender, sender);
        memcpy(known->helo + helo + sender, job->outcome.domain, domain);
        free(*place);
        *place = known;
}
