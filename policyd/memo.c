#include "policyd/memo.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SETS 1024U
#define WAYS 4U /* results whose hashes meet are kept together: the oldest of them goes first */

/* The strings stand behind it: helo, sender, domain. */
struct known {
        address_t client;
        enum auth_result result, helo_result;
        enum spf_identity identity;
        int64_t expires_ms;
        const char *sender, *domain;
        const char *reason; /* constant text */
        char helo[];
};

struct memo {
        uint32_t seed; /* so that nobody can choose whose result is forgotten for his own */
        struct known *sets[SETS][WAYS]; /* the newest first */
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
        for (size_t i = 0; i < SETS * WAYS; i++) {
                free(memo->sets[i / WAYS][i % WAYS]);
                memo->sets[i / WAYS][i % WAYS] = NULL;
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

static size_t set_of(const memo_t *memo, const spf_job_t *job)
{
        uint32_t hash = hash_octets(memo->seed, job->client.octets, sizeof(job->client.octets));

        hash = hash_octets(hash, job->helo, strlen(job->helo) + 1);
        hash = hash_octets(hash, job->sender, strlen(job->sender));
        return (hash ^ hash >> 16) % SETS;
}

static bool is_for(const struct known *known, const spf_job_t *job)
{
        return memcmp(&known->client, &job->client, sizeof(known->client)) == 0 &&
               strcmp(known->sender, job->sender) == 0 && strcmp(known->helo, job->helo) == 0;
}

static size_t find(struct known *const set[WAYS], const spf_job_t *job)
{
        size_t way = 0;

        while (way < WAYS && set[way] && !is_for(set[way], job))
                way++;
        return way < WAYS && set[way] ? way : WAYS;
}

bool memo_get(const memo_t *memo, spf_job_t *job, int64_t now_ms)
{
        struct known *const *set = memo->sets[set_of(memo, job)];
        size_t way = find(set, job);
        const struct known *known = way < WAYS ? set[way] : NULL;

        if (!known || known->expires_ms <= now_ms)
                return false;
        job->evaluated = true;
        job->helo_result = known->helo_result;
        job->outcome.result = known->result;
        job->outcome.identity = known->identity;
        job->outcome.expires_ms = known->expires_ms;
        job->outcome.reason = known->reason;
        memcpy(job->outcome.domain, known->domain, strlen(known->domain) + 1);
        return true;
}

void memo_put(memo_t *memo, const spf_job_t *job)
{
        size_t helo = strlen(job->helo) + 1, sender = strlen(job->sender) + 1;
        size_t domain = strlen(job->outcome.domain) + 1;
        struct known *known = malloc(sizeof(*known) + helo + sender + domain);
        struct known **set = memo->sets[set_of(memo, job)];
        size_t way = find(set, job);

        if (!known)
                return;
        *known = (struct known){
            .client = job->client,
            .result = job->outcome.result,
            .helo_result = job->helo_result,
            .identity = job->outcome.identity,
            .expires_ms = job->outcome.expires_ms,
            .reason = job->outcome.reason,
            .sender = known->helo + helo,
            .domain = known->helo + helo + sender,
        };
        memcpy(known->helo, job->helo, helo);
        memcpy(known->helo + helo, job->sender, sender);
        memcpy(known->helo + helo + sender, job->outcome.domain, domain);
        if (way == WAYS)
                way--;
        free(set[way]);
        memmove(set + 1, set, way * sizeof(*set));
        set[0] = known;
}
