/*
 * load: what many smtpd processes would say to a milter and a policy service; see usage().
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/engine.h"

static void usage(FILE *out)
{
        fputs("usage: load [-m MILTER-SOCKET] [-p POLICY-SOCKET] [option...]\n"
              "  -n COUNT   messages (1000)\n"
              "  -c COUNT   sessions at once (8)\n"
              "  -s COUNT   messages a session, which are of one domain (1)\n"
              "  -r RATE    messages begun a second (as fast as they go)\n"
              "  -d COUNT   sender domains (1000)\n"
              "  -S COUNT   one domain in COUNT has slow DNS\n"
              "  -f NUMBER  of the first message (0)\n"
              "  -i NUMBER  distinguishes the queue IDs of this run (now)\n"
              "  -a ID      authserv-id of the DKIM results (mx.bench.test)\n"
              "  -D         policy request at DATA only, not at RCPT\n"
              "One line of JSON tells the outcome.\n",
              out);
}

static int by_size(const void *a, const void *b)
{
        uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

        return (left > right) - (left < right);
}

static double percentile(const uint64_t *sorted, size_t count, double part)
{
        size_t at = (size_t)((double)count * part);

        if (count == 0)
                return 0;
        return (double)sorted[at < count ? at : count - 1] / 1000.0;
}

static void print_latencies(const char *name, uint64_t *latencies, size_t count)
{
        qsort(latencies, count, sizeof(*latencies), by_size);
        printf(", \"%s\": {\"count\": %zu, \"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, "
               "\"max\": %.1f}",
               name, count, percentile(latencies, count, 0.5), percentile(latencies, count, 0.9),
               percentile(latencies, count, 0.99), percentile(latencies, count, 1.0));
}

static bool parse(int argc, char **argv, plan_t *plan)
{
        int option;

        while ((option = getopt(argc, argv, "m:p:n:c:s:r:d:S:f:i:a:Dh")) != -1) {
                unsigned long number = optarg != NULL ? strtoul(optarg, NULL, 10) : 0;

                switch (option) {
                case 'm':
                        plan->milter = optarg;
                        break;
                case 'p':
                        plan->policy = optarg;
                        break;
                case 'n':
                        plan->messages = number;
                        break;
                case 'c':
                        plan->connections = (unsigned)number;
                        break;
                case 's':
                        plan->workload.per_session = number;
                        break;
                case 'r':
                        plan->rate = strtod(optarg, NULL);
                        break;
                case 'd':
                        plan->workload.domains = (unsigned)number;
                        break;
                case 'S':
                        plan->workload.slow_every = (unsigned)number;
                        break;
                case 'f':
                        plan->first = number;
                        break;
                case 'i':
                        plan->workload.instant = number;
                        break;
                case 'a':
                        plan->workload.authserv = optarg;
                        break;
                case 'D':
                        plan->recipient_request = false;
                        break;
                default:
                        return false;
                }
        }
        return optind == argc && (plan->milter != NULL || plan->policy != NULL) &&
               plan->connections > 0 && plan->messages > 0 && plan->workload.per_session > 0 &&
               plan->workload.domains > 0;
}

int main(int argc, char **argv)
{
        plan_t plan = {
            .workload = {.domains = 1000,
                         .per_session = 1,
                         .authserv = "mx.bench.test",
                         .instant = (unsigned long)time(NULL)},
            .recipient_request = true,
            .connections = 8,
            .messages = 1000,
        };
        measured_t measured;
        int error;

        if (!parse(argc, argv, &plan)) {
                usage(stderr);
                return 2;
        }
        error = engine_run(&plan, &measured);
        if (error == 0) {
                printf("{\"messages\": %lu, \"seconds\": %.6f, \"finals\": %lu, \"added\": %lu",
                       plan.messages, measured.seconds, measured.finals, measured.modifying);
                print_latencies("latency_us", measured.latencies[0], measured.counts[0]);
                print_latencies("slow_us", measured.latencies[1], measured.counts[1]);
                puts("}");
        }
        free(measured.latencies[0]);
        free(measured.latencies[1]);
        return error == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
