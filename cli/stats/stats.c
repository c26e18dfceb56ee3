/*
 * truefrom stats: what both daemons have counted, for people
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/stats/exposition.h"
#include "cli/stats/fetch.h"
#include "cli/stats/summary.h"
#include "common/app/daemon.h"
#include "common/app/endpoint.h"

#define EX_NOT_AVAILABLE 69 /* sysexits.h EX_UNAVAILABLE */
#define MEMORY_MAX       ((size_t)16 << 20)

static void usage(FILE *out)
{
        fputs("usage: truefrom stats [--json] [ENDPOINT...]\n"
              "  --json    one object for programs\n"
              "  ENDPOINT  the MetricsSocket of a daemon, such as inet:9854@127.0.0.1;\n"
              "            without, those of the configuration\n",
              out);
}

/* A run of the command. */
struct run {
        bool json;
        json_t *daemons; /* with json: their summaries */
        size_t shown;
        bool failed;
};

static const char *advice(int error)
{
        switch (error) {
        case -ENOENT:
        case -ECONNREFUSED:
                return "is the daemon running, and was it restarted since MetricsSocket was set?";
        case -EACCES:
                return "run it as root, or as a member of the socket's group";
        case -EPROTO:
        case -EBADMSG:
        case -E2BIG:
        case -ECONNRESET:
                return "it is not the MetricsSocket of a Truefrom daemon";
        case -ETIMEDOUT:
                return "the daemon does not answer: look at its log";
        default:
                return "see truefrom-stats(1)";
        }
}

static const char *reason(int error)
{
        switch (error) {
        case -EPROTO:
        case -EBADMSG:
                return "unexpected answer";
        case -E2BIG:
                return "the answer is too large";
        default:
                return strerror(-error);
        }
}

/* @return the summary (json_decref), or NULL and *error */
static json_t *summarize(const char *endpoint, int *error)
{
        arena_t *arena = arena_create(MEMORY_MAX);
        json_t *summary = NULL;
        exposition_t page;
        const char *text;
        unsigned line;
        size_t len;

        *error = arena != NULL ? stats_fetch(arena, endpoint, &text, &len) : -ENOMEM;
        if (*error == 0)
                *error = exposition_parse(arena, text, len, &page, &line);
        if (*error == 0) {
                summary = stats_summary(&page, time(NULL));
                *error = summary != NULL ? 0 : -EBADMSG;
        }
        arena_free(arena);
        return summary;
}

/* @param name of the option that has the endpoint, or NULL */
static void show(struct run *run, const char *name, const char *endpoint)
{
        int error;
        json_t *summary = summarize(endpoint, &error);

        if (summary == NULL) {
                run->failed = true;
                fprintf(stderr, "truefrom: %s%s%s: %s: %s\n", name != NULL ? name : "",
                        name != NULL ? " " : "", endpoint, reason(error), advice(error));
                return;
        }
        if (run->json) {
                json_object_set_new(summary, "endpoint", json_string(endpoint));
                json_array_append(run->daemons, summary);
        } else {
                if (run->shown > 0)
                        putchar('\n');
                stats_page(summary, endpoint, stdout);
        }
        run->shown++;
        json_decref(summary);
}

static void show_configured(struct run *run, const char *name, const char *endpoint)
{
        if (endpoint != NULL)
                show(run, name, endpoint);
        else
                fprintf(stderr,
                        "truefrom: %s is not set: to see its metrics, set it and restart the "
                        "daemon\n",
                        name);
}

static int show_both(struct run *run, const char *config_path)
{
        const config_t *config = daemon_load(config_path, CONFIG_TOOL);
        int status = 0;

        if (config == NULL)
                return EX_CONFIG_ERROR;
        show_configured(run, "policyd.MetricsSocket", config->policyd.metrics_socket);
        show_configured(run, "milter.MetricsSocket", config->milter.metrics_socket);
        if (config->policyd.metrics_socket == NULL && config->milter.metrics_socket == NULL)
                status = EX_CONFIG_ERROR;
        config_release(config);
        return status;
}

/* @return -1 to go on, else the exit status */
static int read_options(int argc, char **argv, struct run *run)
{
        static const struct option options[] = {
            {"json", no_argument, NULL, 'j'},
            {"help", no_argument, NULL, 'h'},
            {NULL, 0, NULL, 0},
        };
        const char *why;
        int option;

        while ((option = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
                if (option == 'h') {
                        usage(stdout);
                        return 0;
                }
                if (option != 'j') {
                        usage(stderr);
                        return EX_USAGE_ERROR;
                }
                run->json = true;
        }
        for (int i = optind; i < argc; i++) {
                if (endpoint_valid(argv[i], &why))
                        continue;
                fprintf(stderr, "truefrom: %s: %s\n", argv[i], why);
                return EX_USAGE_ERROR;
        }
        return -1;
}

static void print_json(struct run *run)
{
        json_t *whole = json_pack("{s:O}", "daemons", run->daemons);

        if (whole == NULL || json_dumpf(whole, stdout, JSON_INDENT(2)) != 0)
                run->failed = true;
        putchar('\n');
        json_decref(whole);
}

int stats_command(const command_options_t *given, int argc, char **argv)
{
        struct run run = {.daemons = json_array()};
        int status = read_options(argc, argv, &run);

        if (status < 0 && optind == argc)
                status = show_both(&run, given->config_path);
        else if (status < 0)
                for (status = 0; optind < argc; optind++)
                        show(&run, NULL, argv[optind]);
        else
                goto out;
        if (run.json && run.shown > 0)
                print_json(&run);
        if (status == 0 && run.failed)
                status = EX_NOT_AVAILABLE;
out:
        json_decref(run.daemons);
        return status;
}
