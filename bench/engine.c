#include "bench/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "bench/talk.h"

#define EVENTS_AT_ONCE 256
#define FOREVER        UINT64_MAX
#define INPUT_OCTETS   8192

typedef struct session {
        struct session *next; /* in the list of idle ones */
        int fds[PEERS];       /* -1 = closed */
        struct input {
                char octets[INPUT_OCTETS];
                size_t len;
        } inputs[PEERS];
        script_t script;
        size_t at; /* the exchange whose reply is awaited */
        size_t sent[PEERS];
        milter_options_t options;
        message_t message;
        unsigned long begin; /* number of the session's first message */
        unsigned long said;  /* messages of this session */
        uint64_t due_ns;     /* when the message was to begin */
        bool prepared;       /* the script is the message's, not the negotiation's */
} session_t;

typedef struct engine {
        const plan_t *plan;
        measured_t *measured;
        session_t *sessions, *idle;
        unsigned long begun, ended;
        unsigned long numbers; /* given to sessions, a block to each */
        uint64_t start_ns;
        int epoll;
} engine_t;

static uint64_t now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

void script_put(script_t *script, enum peer peer, const void *data, size_t len)
{
        struct text *text = &script->texts[peer];

        if (text->len + len > sizeof(text->octets))
                abort();
        memcpy(text->octets + text->len, data, len);
        text->len += len;
}

void script_await(script_t *script, enum peer peer)
{
        if (script->count == EXCHANGES_MAX)
                abort();
        script->exchanges[script->count++] =
            (struct exchange){.peer = peer, .end = script->texts[peer].len};
}

static int connect_peer(engine_t *engine, session_t *session, enum peer peer, const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        struct epoll_event event = {.events = EPOLLIN};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
                return -errno;
        event.data.u64 = (uint64_t)(session - engine->sessions) * PEERS + peer;
        if (epoll_ctl(engine->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
                return -errno;
        session->fds[peer] = fd;
        session->inputs[peer].len = 0;
        return 0;
}

/* What is sent before a reply is awaited is less than what a socket takes. */
static int send_exchange(session_t *session)
{
        const struct exchange *exchange = &session->script.exchanges[session->at];
        enum peer peer = exchange->peer;
        size_t len = exchange->end - session->sent[peer];
        ssize_t sent =
            send(session->fds[peer], session->script.texts[peer].octets + session->sent[peer], len,
                 MSG_NOSIGNAL);

        if (sent < 0)
                return -errno;
        if ((size_t)sent != len)
                return -EPROTO;
        session->sent[peer] = exchange->end;
        return 0;
}

static void clear_script(session_t *session)
{
        for (int peer = 0; peer < PEERS; peer++)
                session->script.texts[peer].len = session->sent[peer] = 0;
        session->script.count = session->at = 0;
}

static void prepare_message(const plan_t *plan, session_t *session)
{
        script_t *script = &session->script;
        bool first = session->said == 0;

        clear_script(session);
        if (plan->milter != NULL && first)
                milter_script_session(script, &session->options, &session->message);
        if (plan->milter != NULL)
                milter_script_mail(script, &session->options, &session->message, first);
        if (plan->policy != NULL && plan->recipient_request)
                policy_script(script, &session->message, false);
        if (plan->milter != NULL)
                milter_script_recipient(script, &session->options, &session->message);
        if (plan->policy != NULL)
                policy_script(script, &session->message, true);
        if (plan->milter != NULL) {
                milter_script_data(script, &session->options, &session->message);
                milter_script_content(script, &session->options, &plan->workload,
                                      &session->message);
        }
        session->prepared = true;
}

static int begin_message(engine_t *engine, session_t *session, uint64_t due_ns)
{
        const plan_t *plan = engine->plan;
        int error = 0;

        if (session->said == 0) {
                session->begin = plan->first + engine->numbers;
                engine->numbers += plan->workload.per_session;
        }
        workload_message(&plan->workload, session->begin + session->said, &session->message);
        engine->begun++;
        session->due_ns = due_ns;
        if (plan->policy != NULL && session->fds[PEER_POLICY] < 0)
                error = connect_peer(engine, session, PEER_POLICY, plan->policy);
        if (error == 0 && plan->milter != NULL && session->fds[PEER_MILTER] < 0) {
                error = connect_peer(engine, session, PEER_MILTER, plan->milter);
                memset(&session->options, 0, sizeof(session->options));
                clear_script(session);
                milter_script_negotiate(&session->script);
                session->prepared = false;
        } else {
                prepare_message(plan, session);
        }
        return error == 0 ? send_exchange(session) : error;
}

static void end_session(session_t *session)
{
        char quit[8];

        session->said = 0;
        if (session->fds[PEER_MILTER] < 0)
                return;
        send(session->fds[PEER_MILTER], quit, milter_quit(quit, sizeof(quit)), MSG_NOSIGNAL);
        close(session->fds[PEER_MILTER]);
        session->fds[PEER_MILTER] = -1;
}

static int end_message(engine_t *engine, session_t *session)
{
        measured_t *measured = engine->measured;
        uint64_t now = now_ns();
        bool slow = session->message.slow;

        measured->latencies[slow][measured->counts[slow]++] = now - session->due_ns;
        measured->modifying += session->options.modifying;
        session->options.modifying = 0;
        engine->ended++;
        if (++session->said >= engine->plan->workload.per_session)
                end_session(session);
        if (engine->plan->rate <= 0 && engine->begun < engine->plan->messages)
                return begin_message(engine, session, now);
        session->next = engine->idle;
        engine->idle = session;
        return 0;
}

static int go_on(engine_t *engine, session_t *session, enum reply reply)
{
        if (reply == REPLY_ERROR)
                return -EPROTO;
        if (reply == REPLY_FINAL)
                engine->measured->finals++;
        else if (++session->at < session->script.count)
                return send_exchange(session);
        if (!session->prepared) {
                prepare_message(engine->plan, session);
                return send_exchange(session);
        }
        return end_message(engine, session);
}

static int on_input(engine_t *engine, session_t *session, enum peer peer)
{
        struct input *input = &session->inputs[peer];
        enum reply reply;
        size_t used;
        ssize_t len = recv(session->fds[peer], input->octets + input->len,
                           sizeof(input->octets) - input->len, MSG_DONTWAIT);

        if (len <= 0)
                return len < 0 && errno == EAGAIN ? 0 : -ECONNRESET;
        input->len += (size_t)len;
        reply = peer == PEER_MILTER
                    ? milter_reply(input->octets, input->len, &used, &session->options)
                    : policy_reply(input->octets, input->len, &used);
        input->len -= used;
        memmove(input->octets, input->octets + used, input->len);
        return reply == REPLY_PARTIAL ? 0 : go_on(engine, session, reply);
}

/* Messages that are due, while there are idle sessions; how long until the next is due. */
static int begin_due(engine_t *engine, uint64_t *wait_ns)
{
        const plan_t *plan = engine->plan;
        uint64_t now = now_ns();
        int error = 0;

        *wait_ns = FOREVER;
        while (error == 0 && engine->idle != NULL && engine->begun < plan->messages) {
                session_t *session = engine->idle;
                uint64_t due = now;

                if (plan->rate > 0)
                        due =
                            engine->start_ns + (uint64_t)((double)engine->begun * 1e9 / plan->rate);
                if (due > now) {
                        *wait_ns = due - now;
                        break;
                }
                engine->idle = session->next;
                error = begin_message(engine, session, due);
        }
        return error;
}

/* To the nanosecond: who waits in a busy loop takes a core away from those that are measured. */
static int wait_for_events(engine_t *engine, struct epoll_event *events, uint64_t wait_ns)
{
        const struct timespec timeout = {.tv_sec = (time_t)(wait_ns / 1000000000),
                                         .tv_nsec = (long)(wait_ns % 1000000000)};

        return epoll_pwait2(engine->epoll, events, EVENTS_AT_ONCE,
                            wait_ns == FOREVER ? NULL : &timeout, NULL);
}

static int run(engine_t *engine)
{
        struct epoll_event events[EVENTS_AT_ONCE];
        int error = 0;

        engine->start_ns = now_ns();
        while (engine->ended < engine->plan->messages && error == 0) {
                uint64_t wait_ns;
                int count;

                error = begin_due(engine, &wait_ns);
                if (error != 0)
                        break;
                count = wait_for_events(engine, events, wait_ns);
                for (int i = 0; i < count && error == 0; i++) {
                        session_t *session = &engine->sessions[events[i].data.u64 / PEERS];

                        error = on_input(engine, session, events[i].data.u64 % PEERS);
                }
        }
        engine->measured->seconds = (double)(now_ns() - engine->start_ns) / 1e9;
        return error;
}

static int prepare(engine_t *engine)
{
        const plan_t *plan = engine->plan;

        engine->epoll = epoll_create1(EPOLL_CLOEXEC);
        engine->sessions = calloc(plan->connections, sizeof(*engine->sessions));
        for (int slow = 0; slow < 2; slow++)
                engine->measured->latencies[slow] = calloc(plan->messages, sizeof(uint64_t));
        if (engine->epoll < 0 || engine->sessions == NULL ||
            engine->measured->latencies[0] == NULL || engine->measured->latencies[1] == NULL)
                return -ENOMEM;
        for (unsigned i = plan->connections; i > 0; i--) {
                session_t *session = &engine->sessions[i - 1];

                session->fds[PEER_MILTER] = session->fds[PEER_POLICY] = -1;
                session->next = engine->idle;
                engine->idle = session;
        }
        return 0;
}

int engine_run(const plan_t *plan, measured_t *measured)
{
        engine_t engine = {.plan = plan, .measured = measured};
        int error;

        memset(measured, 0, sizeof(*measured));
        error = prepare(&engine);
        if (error == 0)
                error = run(&engine);
        if (error != 0)
                fprintf(stderr, "load: after %lu messages: %s\n", engine.ended, strerror(-error));
        for (unsigned i = 0; engine.sessions != NULL && i < plan->connections; i++) {
                end_session(&engine.sessions[i]);
                if (engine.sessions[i].fds[PEER_POLICY] >= 0)
                        close(engine.sessions[i].fds[PEER_POLICY]);
        }
        free(engine.sessions);
        close(engine.epoll);
        return error;
}
