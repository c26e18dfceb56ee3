#include "cli/stats/summary.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BOUNDS_MAX 64
#define SHARES_MAX 200 /* far more than a daemon has */

static const stats_row_t policyd_rows[] = {
    {"requests", "requests", STATS_SHARES, "truefrom_policyd_requests_total", "outcome", NULL,
     NULL},
    {"requests_by_state", "requests by state", STATS_SHARES, "truefrom_policyd_requests_total",
     "state", NULL, NULL},
    {"spf", "SPF evaluations", STATS_SHARES, "truefrom_policyd_spf_results_total", NULL, NULL,
     NULL},
    {"replies", "replies", STATS_SHARES, "truefrom_policyd_replies_total", NULL, NULL, NULL},
    {"evaluation_cached", "evaluation, DNS cached", STATS_TIME,
     "truefrom_policyd_evaluation_seconds", "dns", "cached", NULL},
    {"evaluation_asked", "evaluation, DNS asked", STATS_TIME, "truefrom_policyd_evaluation_seconds",
     "dns", "asked", NULL},
    {"evaluations_waiting", "evaluations waiting", STATS_NUMBER,
     "truefrom_policyd_evaluations_waiting", NULL, NULL, NULL},
    {"evaluations_running", "evaluations running", STATS_NUMBER,
     "truefrom_policyd_evaluations_running", NULL, NULL, NULL},
    {"dns_by_result", "DNS questions", STATS_SHARES, "truefrom_dns_questions_total", "result", NULL,
     NULL},
    {"dns_by_cached", "DNS cache", STATS_SHARES, "truefrom_dns_questions_total", "cached", NULL,
     NULL},
    {"dns_time", "DNS answers", STATS_TIME, "truefrom_dns_query_seconds", NULL, NULL, NULL},
    {"store", "store", STATS_FILL, "truefrom_policyd_store_used_bytes", NULL, NULL,
     "truefrom_policyd_store_max_bytes"},
    {"store_entries", "store entries", STATS_NUMBER, "truefrom_policyd_store_entries", NULL, NULL,
     NULL},
    {"store_dropped", "dropped, store full", STATS_NUMBER, "truefrom_policyd_store_dropped_total",
     NULL, NULL, NULL},
    {"store_recreated", "store made anew", STATS_NUMBER, "truefrom_policyd_store_recreated_total",
     NULL, NULL, NULL},
    {"commits", "store commits", STATS_SHARES, "truefrom_policyd_store_commits_total", NULL, NULL,
     NULL},
    {"connections", "connections", STATS_NUMBER, "truefrom_policyd_connections", NULL, NULL, NULL},
    {NULL, NULL, STATS_NUMBER, NULL, NULL, NULL, NULL},
};

static const stats_row_t milter_rows[] = {
    {"messages", "messages", STATS_SHARES, "truefrom_milter_messages_total", NULL, NULL, NULL},
    {"ignored", "ignored", STATS_SHARES, "truefrom_milter_ignored_total", NULL, NULL, NULL},
    {"refused", "refused without verdict", STATS_SHARES, "truefrom_milter_refused_total", NULL,
     NULL, NULL},
    {"joins", "SPF results from", STATS_SHARES, "truefrom_milter_joins_total", NULL, NULL, NULL},
    {"evaluation", "evaluation", STATS_TIME, "truefrom_milter_evaluation_seconds", NULL, NULL,
     NULL},
    {"dns_by_result", "DNS questions", STATS_SHARES, "truefrom_dns_questions_total", "result", NULL,
     NULL},
    {"dns_by_cached", "DNS cache", STATS_SHARES, "truefrom_dns_questions_total", "cached", NULL,
     NULL},
    {"dns_time", "DNS answers", STATS_TIME, "truefrom_dns_query_seconds", NULL, NULL, NULL},
    {"fields_removed", "fields removed", STATS_NUMBER, "truefrom_milter_fields_removed_total", NULL,
     NULL, NULL},
    {"in_flight", "messages in flight", STATS_NUMBER, "truefrom_milter_messages_in_flight", NULL,
     NULL, NULL},
    {"connections", "connections", STATS_NUMBER, "truefrom_milter_connections", NULL, NULL, NULL},
    {NULL, NULL, STATS_NUMBER, NULL, NULL, NULL, NULL},
};

const stats_row_t *stats_rows(const char *program)
{
        if (strcmp(program, "truefrom-policyd") == 0)
                return policyd_rows;
        return strcmp(program, "truefrom-milter") == 0 ? milter_rows : NULL;
}

static double sum_of(const exposition_t *page, const char *metric)
{
        double sum = 0;

        for (size_t i = 0; i < page->count; i++)
                if (strcmp(page->samples[i].name, metric) == 0)
                        sum += page->samples[i].value;
        return sum;
}

/* A count without a fraction when it has none. */
static json_t *number(double value)
{
        if (value == floor(value) && fabs(value) < 1e15)
                return json_integer((json_int_t)value);
        return isfinite(value) ? json_real(value) : json_null();
}

static bool is_wanted_label(const stats_row_t *row, const sample_label_t *label)
{
        return row->label == NULL || strcmp(row->label, label->name) == 0;
}

/* Does the share stand for this sample too: is it the same in the wanted labels? */
static bool share_has(const json_t *share, const stats_row_t *row, const sample_t *sample)
{
        for (unsigned i = 0; i < sample->label_count; i++) {
                const sample_label_t *label = &sample->labels[i];
                const char *value = json_string_value(json_object_get(share, label->name));

                if (is_wanted_label(row, label) &&
                    (value == NULL || strcmp(value, label->value) != 0))
                        return false;
        }
        return true;
}

static json_t *new_share(const stats_row_t *row, const sample_t *sample)
{
        json_t *share = json_object();

        for (unsigned i = 0; i < sample->label_count; i++)
                if (is_wanted_label(row, &sample->labels[i]))
                        json_object_set_new(share, sample->labels[i].name,
                                            json_string(sample->labels[i].value));
        return share;
}

static void add_to_shares(json_t *shares, const stats_row_t *row, const sample_t *sample)
{
        json_t *share = NULL, *each;
        size_t index;

        json_array_foreach(shares, index, each) if (share_has(each, row, sample)) share = each;
        if (share == NULL) {
                if (json_array_size(shares) == SHARES_MAX)
                        return;
                share = new_share(row, sample);
                if (json_array_append_new(shares, share) != 0)
                        return;
        }
        json_object_set_new(
            share, "count",
            number(json_number_value(json_object_get(share, "count")) + sample->value));
}

static json_t *shares_of(const exposition_t *page, const stats_row_t *row)
{
        json_t *shares = json_array();

        for (size_t i = 0; i < page->count; i++)
                if (strcmp(page->samples[i].name, row->metric) == 0)
                        add_to_shares(shares, row, &page->samples[i]);
        return shares;
}

/* A histogram: how many observations there are up to each bound, which is in seconds. */
typedef struct distribution {
        double bounds[BOUNDS_MAX], counts[BOUNDS_MAX];
        size_t size;
        double count, sum;
} distribution_t;

static bool is_part(const stats_row_t *row, const sample_t *sample, const char *suffix)
{
        const size_t len = strlen(row->metric);
        const char *value = row->label != NULL ? sample_label(sample, row->label) : NULL;

        return strncmp(sample->name, row->metric, len) == 0 &&
               strcmp(sample->name + len, suffix) == 0 &&
               (row->label == NULL || (value != NULL && strcmp(value, row->value) == 0));
}

static distribution_t distribution_of(const exposition_t *page, const stats_row_t *row)
{
        distribution_t made = {.size = 0};

        for (size_t i = 0; i < page->count; i++) {
                const sample_t *sample = &page->samples[i];
                const char *bound = sample_label(sample, "le");

                if (is_part(row, sample, "_count"))
                        made.count += sample->value;
                else if (is_part(row, sample, "_sum"))
                        made.sum += sample->value;
                else if (is_part(row, sample, "_bucket") && bound != NULL &&
                         strcmp(bound, "+Inf") != 0 && made.size < BOUNDS_MAX) {
                        made.bounds[made.size] = strtod(bound, NULL);
                        made.counts[made.size++] = sample->value;
                }
        }
        return made;
}

/* As Prometheus' histogram_quantile: observations are taken to be spread evenly in their bucket. */
static json_t *quantile(const distribution_t *of, double part)
{
        const double wanted = part * of->count;
        double below = 0, low = 0;

        if (!(of->count > 0))
                return json_null();
        for (size_t i = 0; i < of->size; i++) {
                if (of->counts[i] >= wanted && of->counts[i] > below)
                        return json_real(low + (of->bounds[i] - low) * (wanted - below) /
                                                   (of->counts[i] - below));
                below = of->counts[i];
                low = of->bounds[i];
        }
        return json_null();
}

static json_t *time_of(const exposition_t *page, const stats_row_t *row)
{
        const distribution_t distribution = distribution_of(page, row);
        json_t *time = json_object();

        json_object_set_new(time, "count", number(distribution.count));
        json_object_set_new(time, "mean",
                            distribution.count > 0
                                ? json_real(distribution.sum / distribution.count)
                                : json_null());
        json_object_set_new(time, "p50", quantile(&distribution, 0.5));
        json_object_set_new(time, "p99", quantile(&distribution, 0.99));
        return time;
}

static json_t *value_of(const exposition_t *page, const stats_row_t *row)
{
        json_t *fill;

        switch (row->kind) {
        case STATS_SHARES:
                return shares_of(page, row);
        case STATS_TIME:
                return time_of(page, row);
        case STATS_FILL:
                fill = json_object();
                json_object_set_new(fill, "used", number(sum_of(page, row->metric)));
                json_object_set_new(fill, "max", number(sum_of(page, row->of)));
                return fill;
        case STATS_NUMBER:
                break;
        }
        return number(sum_of(page, row->metric));
}

json_t *stats_summary(const exposition_t *page, int64_t now)
{
        const char *program = NULL, *version = NULL;
        const stats_row_t *row = NULL;
        json_t *summary;

        for (size_t i = 0; i < page->count; i++) {
                if (strcmp(page->samples[i].name, "truefrom_build_info") != 0)
                        continue;
                program = sample_label(&page->samples[i], "program");
                version = sample_label(&page->samples[i], "version");
        }
        if (program != NULL && version != NULL)
                row = stats_rows(program);
        summary = row != NULL ? json_object() : NULL;
        if (summary == NULL)
                return NULL;
        json_object_set_new(summary, "program", json_string(program));
        json_object_set_new(summary, "version", json_string(version));
        json_object_set_new(summary, "uptime",
                            number((double)now - sum_of(page, "process_start_time_seconds")));
        json_object_set_new(summary, "config_loaded",
                            number(sum_of(page, "truefrom_config_loaded_timestamp_seconds")));
        json_object_set_new(
            summary, "last_reload_successful",
            json_boolean(sum_of(page, "truefrom_config_last_reload_successful") > 0));
        for (; row->key != NULL; row++)
                json_object_set_new(summary, row->key, value_of(page, row));
        return summary;
}
