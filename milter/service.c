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
        pthread_mutex_t lock; /* guards the rest, and every setup's references */
        pthread_cond_t idle;
        setup_t *setup;
        unsigned in_flight;
};

static void ignore_error(void *context, unsigned line, const char *message)
{
        const char *path = context;

        if (line == 0)
                log_warning("%s: %s; the list in use stays as it was", path, message);
        else
                log_warning("%s:%u: %s; line skipped", path, line, message);
}

static void setup_free(setup_t *setup)
{
        if (setup == NULL)
                return;
        resolver_free(setup->resolver);
        ignore_file_free(setup->ignore);
        config_release(setup->config);
        free(setup);
}

static setup_t *setup_create(const config_t *config)
{
        const dns_config_t dns = {
            .nameservers = config->nameservers.items,
            .nameserver_count = config->nameservers.count,
            .timeout_ms = config->dns_timeout * 1000,
        };
        setup_t *setup = calloc(1, sizeof(*setup));
        int error;

        if (setup == NULL) {
                log_error("out of memory");
                config_release(config);
                return NULL;
        }
        setup->config = config;
        setup->references = 1;
        /* the path lives as long as the configuration, which outlives the ignore file */
        error = ignore_file_open(config->ignore_hosts, ignore_error, (void *)config->ignore_hosts,
                                 &setup->ignore);
        if (error != 0) {
                log_error("IgnoreHosts %s: %s", config->ignore_hosts, strerror(-error));
                goto failed;
        }
        error = resolver_create(&dns, &setup->resolver);
        if (error != 0) {
                log_error("cannot set up the DNS resolver: %s", strerror(-error));
                goto failed;
        }
        return setup;
failed:
        setup_free(setup);
        return NULL;
}

service_t *service_create(const char *config_path, const config_t *config)
{
        const store_config_t store = {
            .directory = config->state_directory,
            .size_bytes = (size_t)config->state_size << 20,
            .lifetime = config->state_lifetime,
        };
        service_t *service = calloc(1, sizeof(*service));
        int error;

        if (service == NULL) {
                log_error("out of memory");
                config_release(config);
                return NULL;
        }
        pthread_mutex_init(&service->lock, NULL);
        pthread_cond_init(&service->idle, NULL);
        service->config_path = config_path;
        error = store_open_reader(&store, &service->store);
        if (error != 0) {
                log_error("state store %s: %s", config->state_directory, strerror(-error));
                config_release(config);
                service_free(service);
                return NULL;
        }
        service->setup = setup_create(config);
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
        setup_free(service->setup);
        store_close(service->store);
        pthread_cond_destroy(&service->idle);
        pthread_mutex_destroy(&service->lock);
        free(service);
}

store_t *service_store(service_t *service)
{
        return service->store;
}

setup_t *service_begin(service_t *service)
{
        setup_t *setup;

        pthread_mutex_lock(&service->lock);
        setup = service->setup;
        setup->references++;
        service->in_flight++;
        pthread_mutex_unlock(&service->lock);
        return setup;
}

void service_end(service_t *service, setup_t *setup)
{
        bool last;

        pthread_mutex_lock(&service->lock);
        last = --setup->references == 0;
        if (--service->in_flight == 0)
                pthread_cond_broadcast(&service->idle);
        pthread_mutex_unlock(&service->lock);
        if (last)
                setup_free(setup);
}

/* Sockets, users and the store are set up once, before privileges are dropped. */
static void warn_unchangeable(const config_t *old, const config_t *new)
{
        if (strcmp(old->milter.socket, new->milter.socket) != 0)
                log_warning("milter.Socket has changed: restart to listen there");
        if (strcmp(old->state_directory, new->state_directory) != 0)
                log_warning("StateDirectory has changed: restart to use it");
}

void service_reload(service_t *service)
{
        const config_t *config = daemon_reload(service->config_path, CONFIG_MILTER);
        setup_t *fresh = config != NULL ? setup_create(config) : NULL;
        setup_t *old;
        bool last;

        if (fresh == NULL) {
                log_error("%s: not reloaded; the configuration in use stays", service->config_path);
                return;
        }
        store_set_lifetime(service->store, fresh->config->state_lifetime);
        pthread_mutex_lock(&service->lock);
        old = service->setup;
        warn_unchangeable(old->config, fresh->config);
        service->setup = fresh;
        last = --old->references == 0;
        pthread_mutex_unlock(&service->lock);
        if (last)
                setup_free(old);
        log_info("reloaded %s", service->config_path);
}

bool service_drain(service_t *service, unsigned seconds)
{
        struct timespec until;
        bool drained;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += seconds;
        pthread_mutex_lock(&service->lock);
        while (service->in_flight > 0)
                if (pthread_cond_timedwait(&service->idle, &service->lock, &until) == ETIMEDOUT)
                        break;
        drained = service->in_flight == 0;
        pthread_mutex_unlock(&service->lock);
        return drained;
}
