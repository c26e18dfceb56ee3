#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "common/app/monitor.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/app/endpoint.h"
#include "common/app/log.h"
#include "common/app/page_server.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unreleased"
#endif
#define BACKLOG      64
#define MICROSECONDS 1000000

struct monitor {
        const char *program;
        const char *option;
        char *socket;
        int listener; /* -1 when it is the page server's */
        metrics_t *metrics;
        page_server_t *server;
        monitor_collect_fn *collect;
        void *context;
};

static const char *dns_status_word(unsigned number)
{
        static const char *const words[] = {
            [DNS_OK] = "ok",
            [DNS_NODATA] = "nodata",
            [DNS_NXDOMAIN] = "nxdomain",
            [DNS_TEMPFAIL] = "tempfail",
            [DNS_TIMEOUT] = "timeout",
        };

        return words[number];
}

static const char *no_yes_word(unsigned number)
{
        return number == 0 ? "no" : "yes";
}

static const char *reload_word(unsigned number)
{
        return number == MONITOR_RELOAD_DONE ? "done" : "failed";
}

static const metric_family_t families[MONITOR_METRIC_COUNT] = {
    [MONITOR_DNS_QUESTIONS] = {.name = "truefrom_dns_questions_total",
                               .help = "DNS questions, by what came of them and whether the answer "
                                       "was cached.",
                               .type = METRIC_COUNTER,
                               .labels = {{"result", dns_status_word, DNS_TIMEOUT + 1},
                                          {"cached", no_yes_word, 2}}},
    [MONITOR_DNS_SECONDS] = {.name = "truefrom_dns_query_seconds",
                             .help = "Time to the answer of a DNS question that was not cached.",
                             .type = METRIC_HISTOGRAM,
                             .scale = MICROSECONDS,
                             .bounds = &metric_bounds_time},
    [MONITOR_RELOADS] = {.name = "truefrom_reloads_total",
                         .help = "Reloads (SIGHUP), by whether the configuration was taken.",
                         .type = METRIC_COUNTER,
                         .labels = {{"outcome", reload_word, 2}}},
    [MONITOR_CONFIG_LOADED] = {.name = "truefrom_config_loaded_timestamp_seconds",
                               .help = "When the file of the configuration in use was read, in "
                                       "seconds since 1970.",
                               .type = METRIC_GAUGE,
                               .scale = MICROSECONDS},
    [MONITOR_RELOAD_OK] = {.name = "truefrom_config_last_reload_successful",
                           .help = "1 when the last start or reload took the configuration, 0 when "
                                   "it was refused.",
                           .type = METRIC_GAUGE},
    [MONITOR_START_TIME] = {.name = "process_start_time_seconds",
                            .help = "When the process started, in seconds since 1970.",
                            .type = METRIC_GAUGE},
    [MONITOR_CPU] = {.name = "process_cpu_seconds_total",
                     .help = "CPU time of the process, user and system.",
                     .type = METRIC_COUNTER,
                     .scale = MICROSECONDS},
    [MONITOR_MEMORY] = {.name = "process_resident_memory_bytes",
                        .help = "Resident memory, with what was touched of the mapped store.",
                        .type = METRIC_GAUGE},
    [MONITOR_DESCRIPTORS] = {.name = "process_open_fds",
                             .help = "Open file descriptors.",
                             .type = METRIC_GAUGE},
    [MONITOR_DESCRIPTORS_MAX] = {.name = "process_max_fds",
                                 .help = "File descriptors that may be open.",
                                 .type = METRIC_GAUGE},
};

static int64_t cpu_us(void)
{
        struct timespec spent;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
        return (int64_t)spent.tv_sec * MICROSECONDS + spent.tv_nsec / 1000;
}

/* proc(5): the second number of statm is the resident pages. */
static int64_t resident_bytes(void)
{
        FILE *file = fopen("/proc/self/statm", "re");
        long pages = 0;

        if (file == NULL)
                return 0;
        if (fscanf(file, "%*d %ld", &pages) != 1)
                pages = 0;
        fclose(file);
        return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static int64_t open_descriptors(void)
{
        DIR *directory = opendir("/proc/self/fd");
        int64_t count = -1; /* the directory's own */

        if (directory == NULL)
                return 0;
        for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
                count += *entry->d_name != '.';
        closedir(directory);
        return count;
}

static void collect_process(metrics_t *metrics)
{
        struct rlimit limit = {0};

        getrlimit(RLIMIT_NOFILE, &limit);
        metrics_set(metrics, MONITOR_CPU, cpu_us());
        metrics_set(metrics, MONITOR_MEMORY, resident_bytes());
        metrics_set(metrics, MONITOR_DESCRIPTORS, open_descriptors());
        metrics_set(metrics, MONITOR_DESCRIPTORS_MAX, (int64_t)limit.rlim_cur);
}

static void write_page(void *context, FILE *out)
{
        monitor_t *monitor = context;

        collect_process(monitor->metrics);
        monitor->collect(monitor->context, monitor->metrics);
        fprintf(out,
                "# HELP truefrom_build_info The program and its version, always 1.\n"
                "# TYPE truefrom_build_info gauge\n"
                "truefrom_build_info{program=\"%s\",version=\"%s\"} 1\n",
                monitor->program, PACKAGE_VERSION);
        metrics_write(monitor->metrics, out);
}

static int listen_there(monitor_t *monitor, const monitor_config_t *config)
{
        monitor->listener = endpoint_listen(config->socket, config->umask_bits, BACKLOG);
        if (monitor->listener >= 0)
                return 0;
        log_fatal("%s %s: %s", config->option, config->socket,
                  endpoint_error_text(monitor->listener));
        return monitor->listener;
}

int monitor_open(const monitor_config_t *config, monitor_t **monitor)
{
        const metric_table_t tables[] = {{families, MONITOR_METRIC_COUNT}, config->table};
        monitor_t *made;
        int error;

        *monitor = NULL;
        if (config->socket == NULL)
                return 0;
        made = calloc(1, sizeof(*made));
        if (made == NULL)
                return -ENOMEM;
        made->program = config->program;
        made->option = config->option;
        made->listener = -1;
        made->metrics = metrics_create(tables, sizeof(tables) / sizeof(*tables));
        error = made->metrics != NULL ? listen_there(made, config) : -ENOMEM;
        if (error != 0)
                goto fail;
        made->socket = strdup(config->socket);
        if (made->socket == NULL) {
                error = -ENOMEM;
                endpoint_unlink(config->socket);
                goto fail;
        }
        metrics_set(made->metrics, MONITOR_START_TIME, time(NULL));
        *monitor = made;
        return 0;
fail:
        monitor_close(made);
        return error;
}

metrics_t *monitor_metrics(const monitor_t *monitor)
{
        return monitor != NULL ? monitor->metrics : NULL;
}

int monitor_start(monitor_t *monitor, monitor_collect_fn *collect, void *context)
{
        int error;

        if (monitor == NULL)
                return 0;
        monitor->collect = collect;
        monitor->context = context;
        error = page_server_start(monitor->listener, "text/plain; version=0.0.4; charset=utf-8",
                                  write_page, monitor, &monitor->server);
        monitor->listener = -1;
        if (error != 0)
                log_fatal("%s %s: cannot serve metrics: %s; look at the limits of the unit",
                          monitor->option, monitor->socket, strerror(-error));
        else
                log_info("metrics on %s", monitor->socket);
        return error;
}

void monitor_stop(monitor_t *monitor)
{
        if (monitor == NULL)
                return;
        page_server_stop(monitor->server);
        monitor->server = NULL;
        if (monitor->listener >= 0)
                close(monitor->listener);
        monitor->listener = -1;
        if (monitor->socket != NULL)
                endpoint_unlink(monitor->socket);
        free(monitor->socket);
        monitor->socket = NULL;
}

void monitor_close(monitor_t *monitor)
{
        if (monitor == NULL)
                return;
        monitor_stop(monitor);
        metrics_free(monitor->metrics);
        free(monitor);
}

void monitor_config_loaded(metrics_t *metrics, const config_t *config)
{
        metrics_set(metrics, MONITOR_CONFIG_LOADED, config->read_us);
        metrics_set(metrics, MONITOR_RELOAD_OK, 1);
}

void monitor_reloaded(metrics_t *metrics, bool done)
{
        metrics_add(metrics, MONITOR_RELOADS, done ? MONITOR_RELOAD_DONE : MONITOR_RELOAD_FAILED, 0,
                    1);
        if (!done)
                metrics_set(metrics, MONITOR_RELOAD_OK, 0);
}

void monitor_observe_dns(void *metrics, const dns_event_t *event)
{
        metrics_add(metrics, MONITOR_DNS_QUESTIONS, event->answer->status, event->cached, 1);
        if (!event->cached)
                metrics_observe(metrics, MONITOR_DNS_SECONDS, 0, event->microseconds);
}

void monitor_warn_changed(const char *option, const char *old, const char *new)
{
        if ((old == NULL) != (new == NULL) || (old != NULL && strcmp(old, new) != 0))
                log_warning("%s has changed: restart to serve metrics there", option);
}
