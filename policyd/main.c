/*
 * truefrom-policyd: evaluates SPF at envelope time, and keeps the result for the milter
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "common/app/daemon.h"
#include "common/app/endpoint.h"
#include "common/app/log.h"
#include "policyd/metrics.h"
#include "policyd/server.h"

/* As many connections as we may have: Postfix opens one for each smtpd process. */
static void raise_descriptor_limit(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
                limit.rlim_cur = limit.rlim_max;
                setrlimit(RLIMIT_NOFILE, &limit);
        }
}

static int open_listener(const config_t *config)
{
        int listener = endpoint_listen(config->policyd.socket, config->umask_bits, SOMAXCONN);

        if (listener < 0)
                log_fatal("policyd.Socket %s: %s", config->policyd.socket,
                          endpoint_error_text(listener));
        return listener;
}

static int open_monitor(const config_t *config, monitor_t **monitor)
{
        const monitor_config_t wanted = {
            .program = "truefrom-policyd",
            .option = "policyd.MetricsSocket",
            .socket = config->policyd.metrics_socket,
            .umask_bits = config->umask_bits,
            .table = policyd_metrics,
        };

        return monitor_open(&wanted, monitor);
}

static store_t *open_store(const config_t *config)
{
        const store_config_t wanted = {
            .directory = config->state_directory,
            .size_bytes = (size_t)config->state_size << 20,
            .lifetime = config->state_lifetime,
        };
        store_t *store = NULL;
        int error = store_open_writer(&wanted, &store);

        if (error != 0)
                log_fatal("StateDirectory %s: %s; make it a directory that this user can write to",
                          config->state_directory, strerror(-error));
        return store;
}

/* Takes config and monitor over. */
static int serve(const char *config_path, const config_t *config, int listener, monitor_t *monitor)
{
        store_t *store = open_store(config);
        setup_t *setup;
        int error = -EIO;

        if (store == NULL) {
                config_release(config);
                monitor_close(monitor);
                return error;
        }
        setup = setup_create(config, monitor_metrics(monitor));
        if (setup != NULL)
                error = server_run(config_path, listener, store, setup, monitor);
        else
                monitor_close(monitor);
        store_close(store);
        return error;
}

int main(int argc, char **argv)
{
        daemon_options_t options = {0};
        const config_t *config;
        monitor_t *monitor = NULL;
        char *socket;
        int listener, error;
        int status = daemon_options(argc, argv, "truefrom-policyd", CONFIG_POLICYD, &options);

        if (status >= 0)
                return status;
        config = daemon_load(options.config_path, CONFIG_POLICYD);
        if (config == NULL)
                return EX_CONFIG_ERROR;
        log_open("truefrom-policyd", config->log_target);
        signal(SIGPIPE, SIG_IGN);
        raise_descriptor_limit();
        socket = strdup(config->policyd.socket);
        listener = open_listener(config);
        if (socket == NULL || listener < 0) {
                free(socket);
                return EXIT_FAILURE;
        }
        error = open_monitor(config, &monitor);
        if (error == 0)
                error = daemon_drop_privileges(config);
        if (error == 0)
                error = serve(options.config_path, config, listener, monitor);
        else
                monitor_close(monitor);
        if (error != 0)
                endpoint_unlink(socket);
        else
                log_info("stopped");
        free(socket);
        return error == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
