#include "milter/service.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/app/daemon.h"
#include "common/app/log.h"

struct service {
        const char *config_path;
        store_t *store;
        monitor_t *monitor;
        pthread_mutex_t lock; /* guards the rest */
        pthread_cond_t idle;
        setup_t *setup;
        unsigned in_flight;
        bool stopping;
};

service_t *service_create(const char *config_path, const config_t *config, monitor_t *monitor)
{
        const store_config_t store = {
            .directory = config->state_directory,
            .size_bytes = (size_t)config->state_size << 20,
            .lifetime = config->state_lifetime,
        };
        service_t *service = calloc(1, sizeof(*service));
        int error;

        if (service == NULL) {
                log_error("out of memory: look at the memory that the host has left");
                config_release(config);
                return NULL;
        }
        pthread_mutex_init(&service->lock, NULL);
        pthread_cond_init(&service->idle, NULL);
        service->config_path = config_path;
        service->monitor = monitor;
        error = store_open_reader(&store, &service->store);
        if (error != 0) {
                log_error("StateDirectory %s: %s; make it a directory that this user can read",
                          config->state_directory, strerror(-error));
                config_release(config);
                service_free(service);
                return NULL;
        }
        service->setup = setup_create(config, monitor_metrics(monitor));
        if (service->setup == NULL) {
                service_free(service);
                return NULL;
        }
        return service;
}

void service_free(service_t *service)
{
        if (service == NULL)
                return;
        setup_release(service->setup);
        store_close(service->store);
        pthread_cond_destroy(&service->idle);
        pthread_mutex_destroy(&service->lock);
        free(service);
}

store_t *service_store(service_t *service)
{
        return service->store;
}

metrics_t *service_metrics(const service_t *service)
{
        return monitor_metrics(service->monitor);
}

unsigned service_in_flight(service_t *service)
{
        unsigned in_flight;

        pthread_mutex_lock(&service->lock);
        in_flight = service->in_flight;
        pthread_mutex_unlock(&service->lock);
        return in_flight;
}

setup_t *service_begin(service_t *service)
{
        setup_t *setup = NULL;

        pthread_mutex_lock(&service->lock);
        if (!service->stopping) {
                setup = setup_retain(service->setup);
                service->in_flight++;
        }
        pthread_mutex_unlock(&service->lock);
        return setup;
}

void service_end(service_t *service, setup_t *setup)
{
        pthread_mutex_lock(&service->lock);
        if (--service->in_flight == 0)
                pthread_cond_broadcast(&service->idle);
        pthread_mutex_unlock(&service->lock);
        setup_release(setup);
}

/* Sockets, users and the store are set up once, before privileges are dropped. */
static void warn_unchangeable(const config_t *old, const config_t *new)
{
        if (strcmp(old->milter.socket, new->milter.socket) != 0)
                log_warning("milter.Socket has changed: restart to listen there");
        monitor_warn_changed("milter.MetricsSocket", old->milter.metrics_socket,
                             new->milter.metrics_socket);
        if (strcmp(old->state_directory, new->state_directory) != 0)
                log_warning("StateDirectory has changed: restart to use it");
}

void service_reload(service_t *service)
{
        const config_t *config = daemon_reload(service->config_path, CONFIG_MILTER);
        setup_t *fresh = config != NULL ? setup_create(config, service_metrics(service)) : NULL;
        setup_t *old;

        monitor_reloaded(service_metrics(service), fresh != NULL);
        if (fresh == NULL) {
                log_error("%s: not reloaded; correct it and reload, the configuration in use stays",
                          service->config_path);
                return;
        }
        store_set_lifetime(service->store, fresh->config->state_lifetime);
        pthread_mutex_lock(&service->lock);
        old = service->setup;
        warn_unchangeable(old->config, fresh->config);
        service->setup = fresh;
        pthread_mutex_unlock(&service->lock);
        setup_release(old);
        log_info("reloaded %s", service->config_path);
}

/* The setup is replaced by the thread that calls this one only. */
void service_tick(service_t *service)
{
        setup_tick(service->setup);
}

bool service_drain(service_t *service, unsigned seconds)
{
        struct timespec until;
        bool drained;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += seconds;
        pthread_mutex_lock(&service->lock);
        service->stopping = true;
        while (service->in_flight > 0)
                if (pthread_cond_timedwait(&service->idle, &service->lock, &until) == ETIMEDOUT)
                        break;
        drained = service->in_flight == 0;
        pthread_mutex_unlock(&service->lock);
        return drained;
}
