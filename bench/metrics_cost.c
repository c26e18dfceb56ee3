/*
 * metrics_cost: what counting costs, with one thread and with several that count the same.
 *
 * Prints "THREADS ADD OBSERVE CLOCK" a line: nanoseconds of CPU for one metrics_add, one
 * metrics_observe and one reading of the clock.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/metrics/metrics.h"

#define ROUNDS      2000000
#define THREADS_MAX 8

enum { COUNTER, HISTOGRAM, FAMILY_COUNT };

static const char *word(unsigned number)
{
        return number == 0 ? "zero" : "one";
}

static const metric_family_t families[FAMILY_COUNT] = {
    [COUNTER] = {.name = "counter_total",
                 .help = "Counter.",
                 .type = METRIC_COUNTER,
                 .labels = {{"first", word, 2}, {"second", word, 2}}},
    [HISTOGRAM] = {.name = "histogram_seconds",
                   .help = "Histogram.",
                   .type = METRIC_HISTOGRAM,
                   .scale = 1000000,
                   .bounds = &metric_bounds_time},
};

static void add(metrics_t *metrics, int i)
{
        metrics_add(metrics, COUNTER, (unsigned)i & 1, 1, 1);
}

static void observe(metrics_t *metrics, int i)
{
        metrics_observe(metrics, HISTOGRAM, 0, i & 0xffff);
}

static void read_clock(metrics_t *metrics, int i)
{
        (void)i;
        metrics_clock_us(metrics);
}

typedef struct work {
        void (*step)(metrics_t *metrics, int i);
        metrics_t *metrics;
} work_t;

static void *repeat(void *argument)
{
        const work_t *work = argument;

        for (int i = 0; i < ROUNDS; i++)
                work->step(work->metrics, i);
        return NULL;
}

static double cpu_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Nanoseconds of CPU a step. */
static double measure(work_t *work, unsigned threads)
{
        pthread_t thread[THREADS_MAX];
        double begun = cpu_ns();

        for (unsigned i = 0; i < threads; i++)
                if (pthread_create(&thread[i], NULL, repeat, work) != 0)
                        exit(EXIT_FAILURE);
        for (unsigned i = 0; i < threads; i++)
                pthread_join(thread[i], NULL);
        return (cpu_ns() - begun) / ROUNDS / threads;
}

int main(void)
{
        const metric_table_t table = {families, FAMILY_COUNT};
        metrics_t *metrics = metrics_create(&table, 1);
        work_t steps[] = {{add, metrics}, {observe, metrics}, {read_clock, metrics}};

        if (metrics == NULL)
                return EXIT_FAILURE;
        for (unsigned threads = 1; threads <= THREADS_MAX; threads *= 2) {
                printf("%u", threads);
                for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
                        printf(" %.1f", measure(&steps[i], threads));
                putchar('\n');
        }
        metrics_free(metrics);
        return EXIT_SUCCESS;
}
