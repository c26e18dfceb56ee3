/*
 * truefrom-milter: joins the stored SPF result with DKIM and From:, evaluates DMARC, and acts
 */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "common/app/daemon.h"
#include "common/app/endpoint.h"
#include "common/app/log.h"
#include "milter/callbacks.h"
#include "milter/metrics.h"
#include "milter/service.h"

#define DRAIN_SECONDS      30
#define HEADER_OCTETS_MAX  ((size_t)4 << 20) /* of one field; Postfix cuts at header_size_limit */
#define SESSION_IDLE_LIMIT 7210              /* seconds; Postfix's own limits end far earlier */

static volatile sig_atomic_t reload_wanted;
static volatile sig_atomic_t stop_wanted;
static int wake_fd;

static void on_signal(int signal)
{
        const uint64_t one = 1;
        int saved = errno;

        if (signal == SIGHUP)
                reload_wanted = 1;
        else
                stop_wanted = 1;
        if (write(wake_fd, &one, sizeof(one)) < 0) {
                /* the counter is full: the main thread is awake already */
        }
        errno = saved;
}

/*
 * libmilter has a thread that waits for the same signals, and that would end the milter on SIGHUP.
 * The kernel gives a process' signal to its main thread whenever that does not block it; so the
 * main thread never blocks it, not even in the handler (SA_NODEFER), and libmilter runs in another.
 * Without SA_RESTART, so that the main thread wakes from its wait.
 */
static int catch_signals(void)
{
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_NODEFER};

        wake_fd = eventfd(0, EFD_CLOEXEC);
        if (wake_fd < 0)
                return -errno;
        sigemptyset(&action.sa_mask);
        if (sigaction(SIGHUP, &action, NULL) != 0 || sigaction(SIGTERM, &action, NULL) != 0 ||
            sigaction(SIGINT, &action, NULL) != 0)
                return -errno;
        action.sa_handler = SIG_IGN;
        return sigaction(SIGPIPE, &action, NULL) == 0 ? 0 : -errno;
}

static void *serve(void *service)
{
        int error = callbacks_serve(service);

        if (error != 0 && !stop_wanted) {
                log_fatal("libmilter ended: %s; restart truefrom-milter", strerror(-error));
                exit(EXIT_FAILURE);
        }
        /* a signal that came as libmilter's thread began to wait was taken by it: it has ended, and
         * the main thread knows nothing of it */
        if (!stop_wanted)
                kill(getpid(), SIGTERM);
        return NULL;
}

static int start_serving(service_t *service)
{
        sigset_t caught, old;
        pthread_t thread;
        int error;

        sigemptyset(&caught);
        sigaddset(&caught, SIGHUP);
        sigaddset(&caught, SIGTERM);
        sigaddset(&caught, SIGINT);
        pthread_sigmask(SIG_BLOCK, &caught, &old);
        error = pthread_create(&thread, NULL, serve, service);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (error == 0)
                pthread_detach(thread);
        else
                log_fatal("cannot make a thread: %s; look at the limits of the unit",
                          strerror(error));
        return -error;
}

static int open_socket(const config_t *config)
{
        char *socket = (char *)(uintptr_t)config->milter.socket;
        int error = endpoint_clear_stale(socket);
        mode_t old;

        if (error != 0) {
                log_fatal("milter.Socket %s: %s", socket, endpoint_error_text(error));
                return error;
        }
        if (smfi_setconn(socket) != MI_SUCCESS || callbacks_register() != 0) {
                log_fatal("milter.Socket %s: refused by libmilter; change the socket", socket);
                return -EINVAL;
        }
        smfi_settimeout(SESSION_IDLE_LIMIT);
        smfi_setmaxdatasize(HEADER_OCTETS_MAX);
        old = umask(config->umask_bits);
        errno = 0; /* and so it stays for a host that libmilter does not know */
        error = smfi_opensocket(false) == MI_SUCCESS ? 0 : -(errno != 0 ? errno : EADDRNOTAVAIL);
        umask(old);
        if (error != 0)
                log_fatal("milter.Socket %s: %s", socket, endpoint_error_text(error));
        return error;
}

static int open_monitor(const config_t *config, monitor_t **monitor)
{
        const monitor_config_t wanted = {
            .program = "truefrom-milter",
            .option = "milter.MetricsSocket",
            .socket = config->milter.metrics_socket,
            .umask_bits = config->umask_bits,
            .table = milter_metrics,
        };

        return monitor_open(&wanted, monitor);
}

/* Called in the monitor's thread. */
static void collect(void *service, metrics_t *metrics)
{
        metrics_set(metrics, MILTER_IN_FLIGHT, service_in_flight(service));
}

/* Until a signal has come, or it is time for the next tick. @return false = the wait failed */
static bool wait_awhile(void)
{
        struct pollfd wake = {.fd = wake_fd, .events = POLLIN};
        int ready = poll(&wake, 1, SETUP_TICK_SECONDS * 1000);
        uint64_t count;

        if (ready > 0 && read(wake_fd, &count, sizeof(count)) < 0 && errno != EINTR)
                return false;
        return ready >= 0 || errno == EINTR;
}

static void run(service_t *service)
{
        while (!stop_wanted) {
                if (reload_wanted) {
                        reload_wanted = 0;
                        service_reload(service);
                }
                if (!wait_awhile())
                        break;
                service_tick(service);
        }
}

/* Without smfi_stop: that waits for libmilter's listener to look up from its poll, up to 5 s. */
static void stop(service_t *service, const char *socket, monitor_t *monitor)
{
        const struct timespec last_replies = {.tv_nsec = 100000000};

        daemon_notify("STOPPING=1");
        endpoint_unlink(socket);
        if (!service_drain(service, DRAIN_SECONDS))
                log_warning("messages still in flight after %d seconds: left to Postfix, which "
                            "tries again; "
                            "is the DNS resolver slow?",
                            DRAIN_SECONDS);
        /* a message ends in its callback; libmilter sends its reply right after that */
        nanosleep(&last_replies, NULL);
        monitor_stop(monitor);
        log_info("stopped");
}

int main(int argc, char **argv)
{
        daemon_options_t options = {0};
        const config_t *config;
        service_t *service;
        monitor_t *monitor = NULL;
        char *socket;
        int status = daemon_options(argc, argv, "truefrom-milter", CONFIG_MILTER, &options);

        if (status >= 0)
                return status;
        config = daemon_load(options.config_path, CONFIG_MILTER);
        if (config == NULL)
                return EX_CONFIG_ERROR;
        log_open("truefrom-milter", config->log_target);
        if (open_socket(config) != 0) {
                config_release(config);
                return EXIT_FAILURE;
        }
        socket = strdup(config->milter.socket);
        if (socket == NULL || open_monitor(config, &monitor) != 0 ||
            daemon_drop_privileges(config) != 0 || catch_signals() != 0) {
                endpoint_unlink(config->milter.socket);
                monitor_close(monitor);
                free(socket);
                return EXIT_FAILURE;
        }
        if (config->authserv_id_implicit)
                log_info("implicit authentication service: %s", config->authserv_id);
        service = service_create(options.config_path, config, monitor);
        if (service == NULL || monitor_start(monitor, collect, service) != 0 ||
            start_serving(service) != 0) {
                endpoint_unlink(socket);
                monitor_close(monitor);
                free(socket);
                return EXIT_FAILURE;
        }
        log_started();
        daemon_notify("READY=1");
        log_info("started, listening on %s", socket);
        run(service);
        stop(service, socket, monitor);
        free(socket);
        /* idle sessions still have threads in libmilter, which may count; the process' end is
         * theirs */
        return EXIT_SUCCESS;
}
