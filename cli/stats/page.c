/* A summary for people: one line a figure, shares indented below their sum */
#include <math.h>
#include <string.h>
#include <time.h>

#include "cli/stats/summary.h"
#include "common/metrics/metrics.h"

#define COLUMN 36

static double member(const json_t *object, const char *key)
{
        return json_number_value(json_object_get(object, key));
}

static void write_uptime(double seconds, FILE *out)
{
        const long minutes = seconds > 0 && seconds < 1e12 ? (long)(seconds / 60) : 0;

        if (minutes >= 24 * 60)
                fprintf(out, "%ld day%s ", minutes / (24 * 60), minutes >= 2 * 24 * 60 ? "s" : "");
        fprintf(out, "%ld:%02ld", minutes / 60 % 24, minutes % 60);
}

static void write_seconds(const json_t *seconds, FILE *out)
{
        const double value = json_number_value(seconds);

        if (!json_is_number(seconds))
                fprintf(out, "over %.0f s",
                        (double)metric_bounds_time.values[metric_bounds_time.count - 1] / 1e6);
        else if (value < 0.001)
                fprintf(out, "%.0f us", value * 1e6);
        else if (value < 1)
                fprintf(out, "%.1f ms", value * 1e3);
        else
                fprintf(out, "%.1f s", value);
}

/* LABEL=VALUE … of a share, padded to the column. */
static void write_labels(const json_t *share, FILE *out)
{
        const char *key;
        json_t *value;
        int len = 0;

        json_object_foreach((json_t *)(uintptr_t)share, key, value) if (json_is_string(value))
            len += fprintf(out, " %s=%s", key, json_string_value(value));
        fprintf(out, "%*s", len < COLUMN - 1 ? COLUMN - 1 - len : 1, "");
}

static void write_shares(const json_t *shares, FILE *out)
{
        double sum = 0;
        size_t index;
        json_t *share;

        json_array_foreach(shares, index, share) sum += member(share, "count");
        fprintf(out, "%12.0f\n", sum);
        json_array_foreach(shares, index, share)
        {
                double count = member(share, "count");

                if (!(count > 0))
                        continue;
                fputc(' ', out);
                write_labels(share, out);
                fprintf(out, "%12.0f %6.1f %%\n", count, 100 * count / sum);
        }
}

static void write_time(const json_t *time, FILE *out)
{
        fprintf(out, "%12.0f", member(time, "count"));
        if (member(time, "count") > 0) {
                fputs("  mean ", out);
                write_seconds(json_object_get(time, "mean"), out);
                fputs(", p50 ", out);
                write_seconds(json_object_get(time, "p50"), out);
                fputs(", p99 ", out);
                write_seconds(json_object_get(time, "p99"), out);
        }
        fputc('\n', out);
}

static void write_fill(const json_t *fill, FILE *out)
{
        const double used = member(fill, "used"), max = member(fill, "max");

        fprintf(out, "%8.1f MiB of %.0f MiB", used / 1048576, max / 1048576);
        if (max > 0)
                fprintf(out, ", %.1f %%", 100 * used / max);
        fputc('\n', out);
}

static void write_config(const json_t *summary, FILE *out)
{
        const time_t loaded = (time_t)member(summary, "config_loaded");
        char text[64];
        struct tm utc;

        if (gmtime_r(&loaded, &utc) == NULL ||
            strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &utc) == 0)
                return;
        fprintf(out, "configuration read %s%s\n", text,
                json_is_true(json_object_get(summary, "last_reload_successful"))
                    ? ""
                    : "; the last reload was refused: look at the log");
}

void stats_page(const json_t *summary, const char *endpoint, FILE *out)
{
        const char *program = json_string_value(json_object_get(summary, "program"));
        const char *version = json_string_value(json_object_get(summary, "version"));

        fprintf(out, "%s %s on %s, running for ", program, version, endpoint);
        write_uptime(member(summary, "uptime"), out);
        fputc('\n', out);
        write_config(summary, out);
        fputc('\n', out);
        for (const stats_row_t *row = stats_rows(program); row->key != NULL; row++) {
                const json_t *value = json_object_get(summary, row->key);

                fprintf(out, "%-*s", COLUMN, row->title);
                switch (row->kind) {
                case STATS_SHARES:
                        write_shares(value, out);
                        break;
                case STATS_TIME:
                        write_time(value, out);
                        break;
                case STATS_FILL:
                        write_fill(value, out);
                        break;
                case STATS_NUMBER:
                        fprintf(out, "%12.0f\n", json_number_value(value));
                        break;
                }
        }
}
