#include "common/dns/channel.h"

#include <ares.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/dns/answer.h"
#include "common/dns/message.h"
#include "common/dns/nameserver.h"

#define IDLE_MAX 32
/* An older channel is made anew, so that a change of resolv.conf is seen. */
#define AGE_MAX_MS 60000
/* No server needs to be asked again sooner. */
#define TRY_MIN_MS 100

struct channel {
        struct channel *next; /* idle ones */
        ares_channel ares;
        int64_t born_ms;
};

struct channel_pool {
        struct ares_addr_port_node servers[DNS_NAMESERVERS_MAX]; /* chained */
        size_t server_count;                                     /* 0 = resolv.conf */
        int tries;
        int try_ms; /* the first try's time; c-ares doubles it each round */
        pthread_mutex_t lock;
        struct channel *idle;
        unsigned idle_count;
};

/* What becomes of one question. */
struct exchange {
        const dns_question_t *question;
        const dns_answer_t *answer; /* NULL while under way */
        /* After a FORMERR c-ares stops using EDNS on its channel, although our queries go on
         * bearing it: only a channel that got an OPT record back is used again. */
        bool reusable;
};

static int errno_of(int ares_status)
{
        return ares_status == ARES_ENOMEM ? -ENOMEM : -EIO;
}

/* All that c-ares could complete from elsewhere is set: nothing but the name servers may come from
 * resolv.conf, neither a search list nor a hosts file. */
static int channel_create(const channel_pool_t *pool, struct channel **channel)
{
        static char lookups[] = "b";
        struct ares_options options = {.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES |
                                                ARES_FLAG_EDNS,
                                       .timeout = pool->try_ms,
                                       .tries = pool->tries,
                                       .ndots = 1,
                                       .lookups = lookups,
                                       .ednspsz = DNS_UDP_SIZE};
        int set = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
                  ARES_OPT_DOMAINS | ARES_OPT_SORTLIST | ARES_OPT_LOOKUPS | ARES_OPT_EDNSPSZ |
                  ARES_OPT_NOROTATE;
        struct channel *made = calloc(1, sizeof(*made));
        int status;

        if (!made)
                return -ENOMEM;
        /* With servers, even none, c-ares does not read resolv.conf. */
        if (pool->server_count > 0)
                set |= ARES_OPT_SERVERS;
        status = ares_init_options(&made->ares, &options, set);
        if (status != ARES_SUCCESS) {
                free(made);
                return errno_of(status);
        }
        if (pool->server_count > 0)
                status = ares_set_servers_ports(
                    made->ares, (struct ares_addr_port_node *)(uintptr_t)pool->servers);
        if (status != ARES_SUCCESS) {
                ares_destroy(made->ares);
                free(made);
                return errno_of(status);
        }
        made->born_ms = dns_clock_ms();
        *channel = made;
        return 0;
}

static void channel_free(struct channel *channel)
{
        ares_destroy(channel->ares);
        free(channel);
}

/* Spread the tries so that they fit: with one server three of 1, 2 and 4 parts, else two a server
 * of 1 and 2 parts. A late answer to an earlier try still counts while later ones run. */
static void plan_tries(channel_pool_t *pool, size_t servers, unsigned timeout_ms)
{
        size_t parts = servers <= 1 ? 7 : 3 * servers;
        size_t try_ms = timeout_ms / parts + 1;

        pool->tries = servers <= 1 ? 3 : 2;
        pool->try_ms = try_ms < TRY_MIN_MS ? TRY_MIN_MS : (int)try_ms;
}

static int read_servers(channel_pool_t *pool, const dns_config_t *config)
{
        if (config->nameserver_count > DNS_NAMESERVERS_MAX)
                return -EINVAL;
        for (size_t i = 0; i < config->nameserver_count; i++) {
                if (!nameserver_parse(config->nameservers[i], &pool->servers[i]))
                        return -EINVAL;
                if (i > 0)
                        pool->servers[i - 1].next = &pool->servers[i];
        }
        pool->server_count = config->nameserver_count;
        return 0;
}

/* How many servers a channel has, after resolv.conf if need be. */
static int count_servers(const channel_pool_t *pool, size_t *count)
{
        struct ares_addr_port_node *servers = NULL;
        struct channel *channel;
        int error = channel_create(pool, &channel);
        int status;

        if (error)
                return error;
        status = ares_get_servers_ports(channel->ares, &servers);
        for (struct ares_addr_port_node *server = servers; server; server = server->next)
                ++*count;
        ares_free_data(servers);
        channel_free(channel);
        return status == ARES_SUCCESS ? 0 : errno_of(status);
}

int channel_pool_create(const dns_config_t *config, channel_pool_t **pool)
{
        channel_pool_t *made = calloc(1, sizeof(*made));
        size_t servers = 0;
        int error;

        if (!made)
                return -ENOMEM;
        error = read_servers(made, config);
        if (error)
                goto fail;
        error = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS ? 0 : -ENOMEM;
        if (error)
                goto fail;
        plan_tries(made, 1, config->timeout_ms);
        error = count_servers(made, &servers);
        if (!error) {
                plan_tries(made, servers, config->timeout_ms);
                error = -pthread_mutex_init(&made->lock, NULL);
        }
        if (error) {
                ares_library_cleanup();
                goto fail;
        }
        *pool = made;
        return 0;
fail:
        free(made);
        return error;
}

void channel_pool_free(channel_pool_t *pool)
{
        if (!pool)
                return;
        while (pool->idle) {
                struct channel *channel = pool->idle;

                pool->idle = channel->next;
                channel_free(channel);
        }
        pthread_mutex_destroy(&pool->lock);
        ares_library_cleanup();
        free(pool);
}

static int take_channel(channel_pool_t *pool, struct channel **channel)
{
        struct channel *taken;

        pthread_mutex_lock(&pool->lock);
        taken = pool->idle;
        if (taken) {
                pool->idle = taken->next;
                pool->idle_count--;
        }
        pthread_mutex_unlock(&pool->lock);
        if (taken && dns_clock_ms() - taken->born_ms < AGE_MAX_MS) {
                *channel = taken;
                return 0;
        }
        if (taken)
                channel_free(taken);
        return channel_create(pool, channel);
}

static void give_channel(channel_pool_t *pool, struct channel *channel)
{
        pthread_mutex_lock(&pool->lock);
        if (pool->idle_count < IDLE_MAX) {
                channel->next = pool->idle;
                pool->idle = channel;
                pool->idle_count++;
                channel = NULL;
        }
        pthread_mutex_unlock(&pool->lock);
        if (channel)
                channel_free(channel);
}

static void on_response(void *context, int status, int timeouts, unsigned char *octets, int len)
{
        struct exchange *exchange = context;
        dns_message_t message;

        (void)timeouts;
        if (status != ARES_SUCCESS) {
                bool late = status == ARES_ETIMEOUT || status == ARES_ECANCELLED;

                exchange->answer = dns_answer_failure(late ? DNS_TIMEOUT : DNS_TEMPFAIL);
                return;
        }
        exchange->answer = dns_answer_parse(exchange->question, octets, (size_t)len);
        exchange->reusable = dns_message_open(&message, octets, (size_t)len, exchange->question) &&
                             dns_message_has_opt(&message);
}

/* For how long c-ares need not be called, at most `left_ms`. */
static int poll_time(struct channel *channel, int64_t left_ms)
{
        struct timeval buffer;
        const struct timeval *next = ares_timeout(channel->ares, NULL, &buffer);
        /* c-ares rounds down: one more, or poll(2) would spin through the last millisecond. */
        int64_t wait_ms = next ? (int64_t)next->tv_sec * 1000 + next->tv_usec / 1000 + 1 : left_ms;

        if (wait_ms > left_ms)
                wait_ms = left_ms;
        return wait_ms < INT_MAX ? (int)wait_ms : INT_MAX;
}

/* Let c-ares work on what its sockets have ready, waiting for it first. */
static bool pump(struct channel *channel, int64_t left_ms)
{
        ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
        struct pollfd fds[ARES_GETSOCK_MAXNUM];
        unsigned bits = (unsigned)ares_getsock(channel->ares, sockets, ARES_GETSOCK_MAXNUM);
        nfds_t count = 0;
        int ready;

        for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
                short events = 0;

                /* Not ARES_GETSOCK_WRITABLE: it shifts into the sign bit of an int. */
                if (bits & (1U << i))
                        events |= POLLIN;
                if (bits & (1U << (i + ARES_GETSOCK_MAXNUM)))
                        events |= POLLOUT;
                if (events)
                        fds[count++] = (struct pollfd){.fd = sockets[i], .events = events};
        }
        ready = poll(fds, count, poll_time(channel, left_ms));
        if (ready < 0)
                return errno == EINTR;
        if (ready == 0)
                ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        for (nfds_t i = 0; ready > 0 && i < count; i++) {
                bool broken = fds[i].revents & (POLLERR | POLLHUP | POLLNVAL);
                bool readable = broken || (fds[i].revents & POLLIN);
                bool writable = (broken || (fds[i].revents & POLLOUT)) && (fds[i].events & POLLOUT);

                if (readable || writable)
                        ares_process_fd(channel->ares, readable ? fds[i].fd : ARES_SOCKET_BAD,
                                        writable ? fds[i].fd : ARES_SOCKET_BAD);
        }
        return true;
}

/* Send the question and wait for what comes first, an end or the deadline. */
static void run_exchange(struct channel *channel, struct exchange *exchange, int64_t deadline_ms)
{
        uint8_t query[DNS_QUERY_MAX];
        uint16_t id;
        size_t len;

        if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id)) {
                exchange->answer = dns_answer_failure(DNS_TEMPFAIL);
                return;
        }
        len = dns_question_encode(exchange->question, id, query);
        ares_send(channel->ares, query, (int)len, on_response, exchange);
        while (!exchange->answer) {
                int64_t left = deadline_ms - dns_clock_ms();

                if (left <= 0 || !pump(channel, left))
                        ares_cancel(channel->ares);
        }
}

const dns_answer_t *channel_ask(channel_pool_t *pool, const dns_question_t *question,
                                int64_t deadline_ms)
{
        struct exchange exchange = {.question = question};
        struct channel *channel;

        if (take_channel(pool, &channel) != 0)
                return dns_answer_failure(DNS_TEMPFAIL);
        run_exchange(channel, &exchange, deadline_ms);
        if (exchange.reusable)
                give_channel(pool, channel);
        else
                channel_free(channel);
        return exchange.answer;
}
