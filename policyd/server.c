#include "policyd/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <ev.h>

#include "common/app/daemon.h"
#include "common/app/endpoint.h"
#include "common/app/log.h"
#include "policyd/connection.h"
#include "policyd/handler.h"
#include "policyd/metrics.h"
#include "policyd/pool.h"

#define EVALUATIONS_MAX     512  /* threads, which wait for the DNS */
#define WAITING_MAX         4096 /* evaluations that wait for a thread */
#define ACCEPTS_AT_ONCE     64
#define ACCEPT_PAUSE        1.0 /* seconds, when descriptors are out */
#define DRAIN_SECONDS       25.0
#define EXPIRE_SECONDS      1.0
#define EXPIRE_SOON_SECONDS 0.1 /* while there is more */
#define EXPIRE_BATCH        500
#define LOSSES_LOG_SECONDS  60

typedef struct server {
        struct ev_loop *loop;
        const char *config_path;
        store_t *store;
        setup_t *setup;
        pool_t *pool;
        handler_t *handler;
        metrics_t *metrics;
        connection_events_t events;
        connection_t *connections;
        size_t tasks;                /* begun and not ended */
        task_t *ready, **ready_end;  /* with a reply, which waits for the commit */
        store_statistics_t reported; /* of the store, what was logged */
        time_t losses_logged;
        time_t failure_logged; /* of writing to the store */
        time_t expiry_logged;  /* of dropping from it */
        bool stopping;
        ev_io listener;
        ev_prepare prepare;
        ev_async evaluated;
        ev_timer accept_pause, expire, tick, drain;
        ev_signal hangup, terminate, interrupt;
} server_t;

static void add_ready(server_t *server, task_t *task)
{
        task->next = NULL;
        *server->ready_end = task;
        server->ready_end = &task->next;
}

static void on_request(void *context, connection_t *connection, const policy_request_t *request)
{
        server_t *server = context;
        bool ready;
        task_t *task = handler_begin(server->handler, request, server->setup, connection, &ready);

        if (task == NULL) {
                log_error("closing the connection of a policy client: out of memory; look at the "
                          "memory that the host has left");
                connection_finish(connection);
                connection_reply(connection, HANDLER_DUNNO);
                return;
        }
        server->tasks++;
        if (ready)
                add_ready(server, task);
}

static void on_closed(void *context, connection_t *connection)
{
        server_t *server = context;

        metrics_add(server->metrics, POLICYD_CONNECTIONS, 0, 0, -1);
        connection_unlink(&server->connections, connection);
}

static void count_store(metrics_t *metrics, const store_statistics_t *now)
{
        metrics_set(metrics, POLICYD_STORE_ENTRIES, (int64_t)now->entries);
        metrics_set(metrics, POLICYD_STORE_USED, (int64_t)now->bytes_used);
        metrics_set(metrics, POLICYD_STORE_MAX, (int64_t)now->bytes_max);
        metrics_set(metrics, POLICYD_STORE_DROPPED, (int64_t)now->dropped);
        metrics_set(metrics, POLICYD_STORE_RECREATED, (int64_t)now->recreated);
}

static void log_losses(server_t *server, const store_statistics_t *now)
{
        if (now->dropped > server->reported.dropped || now->recreated > server->reported.recreated)
                server->losses_logged = time(NULL);
        if (now->dropped > server->reported.dropped)
                log_warning("state store is full: dropped the %llu oldest entries; raise StateSize",
                            (unsigned long long)(now->dropped - server->reported.dropped));
        if (now->recreated > server->reported.recreated)
                log_warning(
                    "state store was damaged or without room: made anew; find out who changes or "
                    "fills %s",
                    server->setup->config->state_directory);
        server->reported = *now;
}

/* The store is this thread's alone: the monitor's finds what was looked at last. */
static void look_at_store(server_t *server)
{
        bool log_due = time(NULL) >= server->losses_logged + LOSSES_LOG_SECONDS;
        store_statistics_t now;

        if ((!log_due && server->metrics == NULL) || store_statistics(server->store, &now) != 0)
                return;
        count_store(server->metrics, &now);
        if (log_due)
                log_losses(server, &now);
}

/* A file system that is full or read-only stays so for a while: a line a minute will do. */
static bool failure_due(time_t *logged)
{
        time_t now = time(NULL);

        if (now < *logged + LOSSES_LOG_SECONDS)
                return false;
        *logged = now;
        return true;
}

static void log_failed_commit(server_t *server, int error)
{
        if (failure_due(&server->failure_logged))
                log_error("state store: cannot write: %s; look at the file system of %s, the "
                          "milter evaluates SPF meanwhile",
                          strerror(-error), server->setup->config->state_directory);
}

/* All that is ready, in one commit. */
static void commit(server_t *server)
{
        int error = store_commit(server->store);
        int64_t requests = 0;

        if (error != 0)
                log_failed_commit(server, error);
        if (server->metrics == NULL)
                return;
        for (const task_t *task = server->ready; task != NULL; task = task->next)
                requests++;
        metrics_add(server->metrics, POLICYD_COMMITS, error == 0 ? COMMIT_DONE : COMMIT_FAILED, 0,
                    1);
        metrics_observe(server->metrics, POLICYD_COMMIT_REQUESTS, 0, requests);
}

/* Before the loop sleeps: whatever is ready is stored in one commit, and told after it. A reply may
 * make the next request of its connection ready, hence the loop. */
static void on_prepare(struct ev_loop *loop, ev_prepare *watcher, int events)
{
        server_t *server = watcher->data;

        (void)events;
        while (server->ready != NULL) {
                task_t *task = server->ready;

                commit(server);
                log_flush(); /* what is told can be read in the log already */
                server->ready = NULL;
                server->ready_end = &server->ready;
                while (task != NULL) {
                        task_t *next = task->next;

                        connection_reply(task->owner, task->reply);
                        handler_end(server->handler, task);
                        server->tasks--;
                        task = next;
                }
        }
        log_flush();
        if (server->stopping && server->connections == NULL && server->tasks == 0)
                ev_break(loop, EVBREAK_ALL);
}

static void on_evaluated(struct ev_loop *loop, ev_async *watcher, int events)
{
        server_t *server = watcher->data;
        spf_job_t *job = pool_collect(server->pool);

        (void)loop;
        (void)events;
        while (job != NULL) {
                spf_job_t *next = job->next;

                add_ready(server, handler_finish(server->handler, job));
                job = next;
        }
}

/* Called by the pool's threads. */
static void wake(void *context)
{
        server_t *server = context;

        ev_async_send(server->loop, &server->evaluated);
}

static void pause_accepting(server_t *server, int error)
{
        if (error == EMFILE)
                log_warning("cannot accept connections: %s; raise LimitNOFILE of the unit, trying "
                            "again in a second",
                            strerror(error));
        else
                log_warning("cannot accept connections: %s; look at the memory and files that the "
                            "host has left, trying again in a second",
                            strerror(error));
        ev_io_stop(server->loop, &server->listener);
        ev_timer_set(&server->accept_pause, ACCEPT_PAUSE, 0.0);
        ev_timer_start(server->loop, &server->accept_pause);
}

static void on_accept_pause(struct ev_loop *loop, ev_timer *watcher, int events)
{
        server_t *server = watcher->data;

        (void)events;
        if (!server->stopping)
                ev_io_start(loop, &server->listener);
}

static void on_listener(struct ev_loop *loop, ev_io *watcher, int events)
{
        server_t *server = watcher->data;

        (void)events;
        for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
                int fd = accept4(watcher->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                connection_t *connection;

                if (fd < 0) {
                        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
                            errno == ENOBUFS)
                                pause_accepting(server, errno);
                        return;
                }
                connection = connection_create(loop, fd, &server->events);
                if (connection == NULL) {
                        pause_accepting(server, ENOMEM);
                        return;
                }
                metrics_add(server->metrics, POLICYD_CONNECTIONS, 0, 0, 1);
                connection_link(&server->connections, connection);
        }
}

static void on_expire(struct ev_loop *loop, ev_timer *watcher, int events)
{
        server_t *server = watcher->data;
        int dropped = store_expire(server->store, time(NULL), EXPIRE_BATCH);

        (void)events;
        if (dropped < 0 && failure_due(&server->expiry_logged))
                log_warning(
                    "state store: cannot drop old entries: %s; look at the file system of %s",
                    strerror(-dropped), server->setup->config->state_directory);
        look_at_store(server);
        ev_timer_set(watcher, dropped >= EXPIRE_BATCH ? EXPIRE_SOON_SECONDS : EXPIRE_SECONDS, 0.0);
        ev_timer_start(loop, watcher);
}

static void on_tick(struct ev_loop *loop, ev_timer *watcher, int events)
{
        (void)loop;
        (void)events;
        setup_tick(((server_t *)watcher->data)->setup);
}

static void warn_unchangeable(const config_t *old, const config_t *new)
{
        if (strcmp(old->policyd.socket, new->policyd.socket) != 0)
                log_warning("policyd.Socket has changed: restart to listen there");
        monitor_warn_changed("policyd.MetricsSocket", old->policyd.metrics_socket,
                             new->policyd.metrics_socket);
        if (strcmp(old->state_directory, new->state_directory) != 0 ||
            old->state_size != new->state_size)
                log_warning("StateDirectory or StateSize has changed: restart to use it");
}

static void on_hangup(struct ev_loop *loop, ev_signal *watcher, int events)
{
        server_t *server = watcher->data;
        const config_t *config = daemon_reload(server->config_path, CONFIG_POLICYD);
        setup_t *fresh = config != NULL ? setup_create(config, server->metrics) : NULL;

        (void)loop;
        (void)events;
        monitor_reloaded(server->metrics, fresh != NULL);
        if (fresh == NULL) {
                log_error("%s: not reloaded; correct it and reload, the configuration in use stays",
                          server->config_path);
                return;
        }
        warn_unchangeable(server->setup->config, fresh->config);
        store_set_lifetime(server->store, fresh->config->state_lifetime);
        setup_release(server->setup);
        server->setup = fresh;
        log_info("reloaded %s", server->config_path);
}

static void on_drain_end(struct ev_loop *loop, ev_timer *watcher, int events)
{
        (void)watcher;
        (void)events;
        log_warning("requests still in flight after %.0f seconds: left to Postfix, which tries "
                    "again; is the DNS resolver slow?",
                    DRAIN_SECONDS);
        ev_break(loop, EVBREAK_ALL);
}

/* Idle connections end now, the others after the reply that they wait for. */
static void on_stop(struct ev_loop *loop, ev_signal *watcher, int events)
{
        server_t *server = watcher->data;
        connection_t *connection = server->connections;

        (void)events;
        if (server->stopping)
                return;
        server->stopping = true;
        daemon_notify("STOPPING=1");
        endpoint_unlink(server->setup->config->policyd.socket);
        ev_io_stop(loop, &server->listener);
        close(server->listener.fd);
        while (connection != NULL) {
                connection_t *next = connection_next(connection);

                connection_finish(connection);
                connection = next;
        }
        ev_timer_start(loop, &server->drain);
}

static void start_watchers(server_t *server, int listener)
{
        ev_io_init(&server->listener, on_listener, listener, EV_READ);
        ev_prepare_init(&server->prepare, on_prepare);
        ev_async_init(&server->evaluated, on_evaluated);
        ev_timer_init(&server->accept_pause, on_accept_pause, ACCEPT_PAUSE, 0.0);
        ev_timer_init(&server->expire, on_expire, EXPIRE_SECONDS, 0.0);
        ev_timer_init(&server->tick, on_tick, SETUP_TICK_SECONDS, SETUP_TICK_SECONDS);
        ev_timer_init(&server->drain, on_drain_end, DRAIN_SECONDS, 0.0);
        ev_signal_init(&server->hangup, on_hangup, SIGHUP);
        ev_signal_init(&server->terminate, on_stop, SIGTERM);
        ev_signal_init(&server->interrupt, on_stop, SIGINT);
        server->listener.data = server->prepare.data = server->evaluated.data = server;
        server->accept_pause.data = server->expire.data = server->tick.data = server;
        server->hangup.data = server->terminate.data = server->interrupt.data = server;
        ev_io_start(server->loop, &server->listener);
        ev_prepare_start(server->loop, &server->prepare);
        ev_async_start(server->loop, &server->evaluated);
        ev_timer_start(server->loop, &server->expire);
        ev_timer_start(server->loop, &server->tick);
        ev_signal_start(server->loop, &server->hangup);
        ev_signal_start(server->loop, &server->terminate);
        ev_signal_start(server->loop, &server->interrupt);
}

static int create_parts(server_t *server)
{
        server->loop = ev_default_loop(EVFLAG_AUTO);
        server->pool = pool_create(EVALUATIONS_MAX, WAITING_MAX, wake, server);
        server->handler = handler_create(server->store, server->pool, server->metrics);
        return server->loop != NULL && server->pool != NULL && server->handler != NULL ? 0
                                                                                       : -ENOMEM;
}

/* Called in the monitor's thread. */
static void collect(void *context, metrics_t *metrics)
{
        pool_load_t load = pool_load(((server_t *)context)->pool);

        metrics_set(metrics, POLICYD_EVALUATIONS_WAITING, (int64_t)load.waiting);
        metrics_set(metrics, POLICYD_EVALUATIONS_RUNNING, (int64_t)load.running);
}

int server_run(const char *config_path, int listener, store_t *store, setup_t *setup,
               monitor_t *monitor)
{
        server_t server = {.config_path = config_path,
                           .store = store,
                           .setup = setup,
                           .metrics = monitor_metrics(monitor)};
        int error;

        server.ready_end = &server.ready;
        server.events =
            (connection_events_t){.request = on_request, .closed = on_closed, .context = &server};
        error = create_parts(&server);
        if (error == 0)
                error = monitor_start(monitor, collect, &server);
        if (error == 0) {
                look_at_store(&server);
                start_watchers(&server, listener);
                log_started();
                daemon_notify("READY=1");
                log_info("started, listening on %s", setup->config->policyd.socket);
                log_hold();
                ev_run(server.loop, 0);
                log_release();
        }
        monitor_stop(monitor); /* it looks at the pool */
        /* after a drain that took too long, the threads at work end with the process */
        if (server.tasks == 0) {
                pool_free(server.pool);
                handler_free(server.handler);
                setup_release(server.setup);
                if (server.loop != NULL)
                        ev_loop_destroy(server.loop);
                monitor_close(monitor);
        }
        return error;
}
