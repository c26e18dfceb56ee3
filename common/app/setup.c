#include "common/app/setup.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/app/log.h"
#include "common/app/monitor.h"

static void ignore_error(void *context, unsigned line, const char *message)
{
        const char *path = context;

        if (line == 0)
                log_warning("%s: %s; the list in use stays until the file can be read", path,
                            message);
        else
                log_warning("%s:%u: %s; line skipped until it is corrected", path, line, message);
}

static int open_parts(setup_t *setup, metrics_t *metrics)
{
        const config_t *config = setup->config;
        const dns_config_t dns = {
            .nameservers = config->nameservers.items,
            .nameserver_count = config->nameservers.count,
            .timeout_ms = config->dns_timeout * 1000,
            .observer = metrics != NULL ? monitor_observe_dns : NULL,
            .observer_context = metrics,
        };
        int error;

        /* the path lives as long as the configuration, which outlives the ignore file */
        error = ignore_file_open(config->ignore_hosts, ignore_error,
                                 (void *)(uintptr_t)config->ignore_hosts, &setup->ignore);
        if (error != 0) {
                log_error("IgnoreHosts %s: %s; make it readable, or change IgnoreHosts",
                          config->ignore_hosts ? config->ignore_hosts : "(built in)",
                          strerror(-error));
                return error;
        }
        error = resolver_create(&dns, &setup->resolver);
        if (error != 0)
                log_error("DNS resolver: %s; look at Nameservers and /etc/resolv.conf",
                          strerror(-error));
        return error;
}

setup_t *setup_create(const config_t *config, metrics_t *metrics)
{
        setup_t *setup = calloc(1, sizeof(*setup));

        if (!setup) {
                log_error("out of memory: look at the memory that the host has left");
                config_release(config);
                return NULL;
        }
        setup->config = config;
        atomic_init(&setup->references, 1);
        if (open_parts(setup, metrics) == 0) {
                monitor_config_loaded(metrics, config);
                return setup;
        }
        setup_release(setup);
        return NULL;
}

void setup_tick(setup_t *setup)
{
        ignore_file_reload(setup->ignore);
}

setup_t *setup_retain(setup_t *setup)
{
        atomic_fetch_add(&setup->references, 1);
        return setup;
}

void setup_release(setup_t *setup)
{
        if (!setup || atomic_fetch_sub(&setup->references, 1) != 1)
                return;
        resolver_free(setup->resolver);
        ignore_file_free(setup->ignore);
        config_release(setup->config);
        free(setup);
}
