#include "common/dns/cache.h"

#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#include "common/dns/answer.h"

/* Small caches are not split: a shard must hold more than a few answers. */
#define SHARDS        16U
#define SPLIT_AT      ((size_t)1 << 20)
#define TREE_OVERHEAD 64 /* a node of tsearch(3) and malloc's own */

struct key {
        uint16_t type;
        uint8_t len;
        const uint8_t *name;
};

struct kept {
        struct key key; /* first: the tree's nodes point at keys */
        TAILQ_ENTRY(kept) recent;
        const dns_answer_t *answer;
        int64_t expires_ms;
        size_t bytes;
        uint8_t name[];
};

struct shard {
        pthread_mutex_t lock;
        void *tree; /* tsearch(3): balanced, so that chosen names cannot slow it down */
        TAILQ_HEAD(recency, kept) recency; /* the last used first */
        size_t bytes;
};

struct dns_cache {
        unsigned shard_count;
        size_t shard_bytes; /* bound of each */
        uint32_t seed;
        struct shard shards[];
};

static int compare_keys(const void *left, const void *right)
{
        const struct key *a = left;
        const struct key *b = right;

        if (a->type != b->type)
                return a->type < b->type ? -1 : 1;
        if (a->len != b->len)
                return a->len < b->len ? -1 : 1;
        return memcmp(a->name, b->name, a->len);
}

static struct key key_of(const dns_question_t *question)
{
        return (struct key){.type = question->type,
                            .len = (uint8_t)question->name.len,
                            .name = question->name.octets};
}

/* FNV-1a, seeded; it only spreads names over the shards. */
static struct shard *shard_of(dns_cache_t *cache, const dns_question_t *question)
{
        uint32_t hash = cache->seed ^ question->type;

        for (size_t i = 0; i < question->name.len; i++)
                hash = (hash ^ question->name.octets[i]) * 16777619U;
        return &cache->shards[(hash ^ (hash >> 16)) % cache->shard_count];
}

dns_cache_t *dns_cache_create(size_t bytes)
{
        size_t total = bytes ? bytes : DNS_CACHE_BYTES_DEFAULT;
        unsigned count = total >= SPLIT_AT ? SHARDS : 1;
        dns_cache_t *cache = calloc(1, sizeof(*cache) + count * sizeof(cache->shards[0]));

        if (!cache)
                return NULL;
        cache->shard_bytes = total / count;
        if (getrandom(&cache->seed, sizeof(cache->seed), 0) < 0)
                cache->seed = 2166136261U; /* the usual one; spreading needs no secret */
        for (; cache->shard_count < count; cache->shard_count++) {
                struct shard *shard = &cache->shards[cache->shard_count];

                TAILQ_INIT(&shard->recency);
                if (pthread_mutex_init(&shard->lock, NULL) != 0) {
                        dns_cache_free(cache);
                        return NULL;
                }
        }
        return cache;
}

/* With the shard locked. */
static void drop(struct shard *shard, struct kept *kept)
{
        tdelete(&kept->key, &shard->tree, compare_keys);
        TAILQ_REMOVE(&shard->recency, kept, recent);
        shard->bytes -= kept->bytes;
        dns_answer_release(kept->answer);
        free(kept);
}

void dns_cache_free(dns_cache_t *cache)
{
        if (!cache)
                return;
        for (unsigned i = 0; i < cache->shard_count; i++) {
                struct shard *shard = &cache->shards[i];

                while (!TAILQ_EMPTY(&shard->recency))
                        drop(shard, TAILQ_FIRST(&shard->recency));
                pthread_mutex_destroy(&shard->lock);
        }
        free(cache);
}

/* With the shard locked. */
static struct kept *find(struct shard *shard, const struct key *key)
{
        struct key *const *node = tfind(key, &shard->tree, compare_keys);

        return node ? (struct kept *)*node : NULL;
}

const dns_answer_t *dns_cache_get(dns_cache_t *cache, const dns_question_t *question,
                                  int64_t now_ms, int64_t *expires_ms)
{
        struct shard *shard = shard_of(cache, question);
        struct key key = key_of(question);
        const dns_answer_t *answer = NULL;
        struct kept *kept;

        pthread_mutex_lock(&shard->lock);
        kept = find(shard, &key);
        if (kept && kept->expires_ms <= now_ms) {
                drop(shard, kept);
        } else if (kept) {
                TAILQ_REMOVE(&shard->recency, kept, recent);
                TAILQ_INSERT_HEAD(&shard->recency, kept, recent);
                answer = dns_answer_hold(kept->answer);
                if (expires_ms)
                        *expires_ms = kept->expires_ms;
        }
        pthread_mutex_unlock(&shard->lock);
        return answer;
}

/* For how long an answer may be kept, in seconds; 0 = not at all. */
static uint32_t lifetime(const dns_answer_t *answer)
{
        uint32_t most = DNS_CACHE_TTL_MAX;

        if (answer->status == DNS_TEMPFAIL || answer->status == DNS_TIMEOUT)
                return 0;
        if (answer->status != DNS_OK)
                most = DNS_CACHE_NEGATIVE_TTL_MAX;
        return answer->ttl < most ? answer->ttl : most;
}

static struct kept *make_kept(const dns_question_t *question, const dns_answer_t *answer,
                              int64_t expires_ms)
{
        size_t size = sizeof(struct kept) + question->name.len;
        struct kept *kept = malloc(size);

        if (!kept)
                return NULL;
        memcpy(kept->name, question->name.octets, question->name.len);
        kept->key = key_of(question);
        kept->key.name = kept->name;
        kept->answer = dns_answer_hold(answer);
        kept->expires_ms = expires_ms;
        kept->bytes = size + TREE_OVERHEAD + dns_answer_size(answer);
        return kept;
}

/* With the shard locked. @return false when memory is out */
static bool insert(struct shard *shard, struct kept *kept)
{
        if (!tsearch(&kept->key, &shard->tree, compare_keys))
                return false;
        TAILQ_INSERT_HEAD(&shard->recency, kept, recent);
        shard->bytes += kept->bytes;
        return true;
}

void dns_cache_put(dns_cache_t *cache, const dns_question_t *question, const dns_answer_t *answer,
                   int64_t now_ms)
{
        struct shard *shard = shard_of(cache, question);
        struct key key = key_of(question);
        uint32_t seconds = lifetime(answer);
        struct kept *kept;
        struct kept *old;

        if (seconds == 0)
                return;
        kept = make_kept(question, answer, now_ms + (int64_t)seconds * 1000);
        if (!kept)
                return;
        pthread_mutex_lock(&shard->lock);
        old = find(shard, &key);
        if (old)
                drop(shard, old);
        if (kept->bytes <= cache->shard_bytes) {
                while (kept->bytes > cache->shard_bytes - shard->bytes)
                        drop(shard, TAILQ_LAST(&shard->recency, recency));
                if (insert(shard, kept))
                        kept = NULL;
        }
        pthread_mutex_unlock(&shard->lock);
        if (kept) {
                dns_answer_release(kept->answer);
                free(kept);
        }
}

size_t dns_cache_bytes(dns_cache_t *cache)
{
        size_t bytes = 0;

        for (unsigned i = 0; i < cache->shard_count; i++) {
                pthread_mutex_lock(&cache->shards[i].lock);
                bytes += cache->shards[i].bytes;
                pthread_mutex_unlock(&cache->shards[i].lock);
        }
        return bytes;
}
