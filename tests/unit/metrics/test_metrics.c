/* The registry of metrics: what is counted where, buckets, and the text for Prometheus */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/metrics/metrics.h"

enum { PLAIN, LABELLED, GAUGE, TIME, SIZE, FAMILY_COUNT };
enum { LATER = FAMILY_COUNT };

#define THREADS 4
#define ROUNDS  10000

static const char *colour(unsigned number)
{
        static const char *const words[] = {"red", NULL, "blue"};

        return words[number];
}

static const char *taste(unsigned number)
{
        return number == 0 ? "sweet" : "sour";
}

static const metric_family_t families[FAMILY_COUNT] = {
    [PLAIN] = {.name = "plain_total", .help = "Plain.", .type = METRIC_COUNTER},
    [LABELLED] = {.name = "labelled_total",
                  .help = "Labelled.",
                  .type = METRIC_COUNTER,
                  .labels = {{"colour", colour, 3}, {"taste", taste, 2}}},
    [GAUGE] = {.name = "gauge_seconds", .help = "Gauge.", .type = METRIC_GAUGE, .scale = 1000000},
    [TIME] = {.name = "time_seconds",
              .help = "Time.",
              .type = METRIC_HISTOGRAM,
              .scale = 1000000,
              .labels = {{"taste", taste, 2}},
              .bounds = &metric_bounds_time},
    [SIZE] = {.name = "size",
              .help = "Size.",
              .type = METRIC_HISTOGRAM,
              .bounds = &metric_bounds_number},
};

static const metric_family_t more[] = {
    {.name = "later_total", .help = "Later.", .type = METRIC_COUNTER},
};

static const metric_table_t tables[] = {{families, FAMILY_COUNT}, {more, 1}};

static metrics_t *metrics;
static char *text;

static void begin(void)
{
        metrics = metrics_create(tables, 2);
        cr_assert_not_null(metrics);
}

static void end(void)
{
        free(text);
        metrics_free(metrics);
}

TestSuite(metrics, .init = begin, .fini = end);

static void expect_line(const char *line)
{
        char whole[256];
        size_t len;
        FILE *out;

        free(text);
        text = NULL;
        out = open_memstream(&text, &len);
        metrics_write(metrics, out);
        fclose(out);
        snprintf(whole, sizeof(whole), "\n%s\n", line);
        cr_expect_not_null(strstr(text, whole), "no %s in %s", line, text);
}

Test(metrics, all_begin_at_zero)
{
        expect_line("# TYPE plain_total counter\nplain_total 0");
        expect_line("# HELP gauge_seconds Gauge.\n# TYPE gauge_seconds gauge\ngauge_seconds 0");
        expect_line("# TYPE size histogram\nsize_bucket{le=\"1\"} 0");
        expect_line("size_sum 0\nsize_count 0");
}

Test(metrics, each_series_has_its_own_count)
{
        metrics_add(metrics, PLAIN, 0, 0, 3);
        metrics_add(metrics, LABELLED, 0, 1, 5);
        metrics_add(metrics, LABELLED, 2, 0, 7);
        metrics_add(metrics, LATER, 0, 0, 11);
        expect_line("plain_total 3");
        expect_line("labelled_total{colour=\"red\",taste=\"sweet\"} 0\n"
                    "labelled_total{colour=\"red\",taste=\"sour\"} 5\n"
                    "labelled_total{colour=\"blue\",taste=\"sweet\"} 7\n"
                    "labelled_total{colour=\"blue\",taste=\"sour\"} 0");
        expect_line("later_total 11");
}

Test(metrics, a_label_value_without_a_word_has_no_series)
{
        metrics_add(metrics, LABELLED, 1, 0, 13);
        expect_line("later_total 0");
        cr_expect_null(strstr(text, "13"));
        cr_expect_null(strstr(text, "null"));
}

Test(metrics, what_is_out_of_range_is_not_counted)
{
        metrics_add(metrics, LABELLED, 3, 0, 17);
        metrics_add(metrics, LABELLED, 0, 2, 17);
        metrics_add(metrics, LABELLED, 0x80000000U, 0, 17);
        metrics_add(metrics, PLAIN, 1, 0, 17);
        metrics_add(metrics, LATER + 1, 0, 0, 17);
        metrics_observe(metrics, TIME, 2, 17);
        expect_line("later_total 0");
        cr_expect_null(strstr(text, "17"));
}

Test(metrics, a_gauge_goes_up_and_down_and_is_told_in_its_unit)
{
        metrics_set(metrics, GAUGE, 1500000);
        expect_line("gauge_seconds 1.5");
        metrics_add(metrics, GAUGE, 0, 0, -1500001);
        expect_line("gauge_seconds -0.000001");
        metrics_set(metrics, GAUGE, 123000000);
        expect_line("gauge_seconds 123");
}

/* Whatever the value, the search must give the first bound that it is not above. */
Test(metrics, a_bucket_has_the_values_up_to_its_bound)
{
        for (unsigned i = 0; i < metric_bounds_time.count; i++) {
                int64_t bound = (int64_t)metric_bounds_time.values[i];
                char line[128];

                end();
                text = NULL;
                begin();
                metrics_observe(metrics, TIME, 1, bound);
                metrics_observe(metrics, TIME, 1, bound + 1);
                snprintf(line, sizeof(line), "time_seconds_count{taste=\"sour\"} 2");
                expect_line(line);
                for (unsigned j = 0; j < metric_bounds_time.count; j++) {
                        uint64_t other = metric_bounds_time.values[j];
                        char seconds[32];

                        snprintf(seconds, sizeof(seconds), "%.6f", (double)other / 1e6);
                        for (size_t len = strlen(seconds); strchr("0.", seconds[len - 1]); len--) {
                                bool point = seconds[len - 1] == '.';

                                seconds[len - 1] = '\0';
                                if (point)
                                        break;
                        }
                        snprintf(line, sizeof(line),
                                 "time_seconds_bucket{taste=\"sour\",le=\"%s\"} %d", seconds,
                                 j < i ? 0 : (j == i ? 1 : 2));
                        expect_line(line);
                }
        }
}

Test(metrics, bounds_at_least_double)
{
        const metric_bounds_t *all[] = {&metric_bounds_time, &metric_bounds_number};

        for (size_t i = 0; i < 2; i++)
                for (unsigned j = 1; j < all[i]->count; j++)
                        cr_expect_geq(all[i]->values[j], 2 * all[i]->values[j - 1]);
}

Test(metrics, extremes_have_a_bucket)
{
        metrics_observe(metrics, SIZE, 0, 0);
        metrics_observe(metrics, SIZE, 0, -5);
        metrics_observe(metrics, SIZE, 0, INT64_MAX);
        expect_line("size_bucket{le=\"1\"} 2");
        expect_line("size_bucket{le=\"512\"} 2\nsize_bucket{le=\"+Inf\"} 3");
        expect_line("size_sum 9223372036854775807\nsize_count 3");
}

Test(metrics, off_is_null)
{
        metrics_add(NULL, PLAIN, 0, 0, 1);
        metrics_set(NULL, GAUGE, 1);
        metrics_observe(NULL, TIME, 0, 1);
        cr_expect_eq(metrics_clock_us(NULL), 0);
        cr_expect_gt(metrics_clock_us(metrics), 0);
        metrics_free(NULL);
}

static void *count_much(void *argument)
{
        (void)argument;
        for (int i = 0; i < ROUNDS; i++) {
                metrics_add(metrics, PLAIN, 0, 0, 1);
                metrics_observe(metrics, SIZE, 0, 3);
        }
        return NULL;
}

Test(metrics, threads_count_exactly_while_others_read)
{
        pthread_t threads[THREADS];

        for (size_t i = 0; i < THREADS; i++)
                cr_assert_eq(pthread_create(&threads[i], NULL, count_much, NULL), 0);
        expect_line("later_total 0");
        for (size_t i = 0; i < THREADS; i++)
                pthread_join(threads[i], NULL);
        expect_line("plain_total 40000");
        expect_line("size_bucket{le=\"2\"} 0\nsize_bucket{le=\"4\"} 40000");
        expect_line("size_sum 120000\nsize_count 40000");
}
