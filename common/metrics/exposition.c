/* Prometheus' text format 0.0.4 */
#include <inttypes.h>
#include <stdbool.h>

#include "common/metrics/metrics_internal.h"

#define LABELS_SIZE 256

static const char *const type_names[] = {
    [METRIC_COUNTER] = "counter",
    [METRIC_GAUGE] = "gauge",
    [METRIC_HISTOGRAM] = "histogram",
};

/* A number of units in what is told, without the rounding of floating point. */
static void write_scaled(FILE *out, int64_t units, unsigned scale)
{
        uint64_t whole = units < 0 ? -(uint64_t)units : (uint64_t)units;
        uint64_t rest, step = scale > 1 ? (uint64_t)scale : 1;

        fprintf(out, "%s%" PRIu64, units < 0 ? "-" : "", whole / step);
        rest = whole % step;
        if (rest == 0)
                return;
        fputc('.', out);
        do {
                rest *= 10;
                fputc('0' + (int)(rest / step), out);
                rest %= step;
        } while (rest != 0);
}

static int64_t read_cell(const metric_cell_t *cell)
{
        return atomic_load_explicit(cell, memory_order_relaxed);
}

/* NAME="WORD",NAME="WORD" of a series. @return false when there is no such series */
static bool name_series(const metric_family_t *family, unsigned series, char text[LABELS_SIZE])
{
        const metric_label_t *labels = family->labels;
        const char *first, *second;

        text[0] = '\0';
        if (labels[0].name == NULL)
                return true;
        if (labels[1].name == NULL) {
                first = labels[0].word(series);
                if (first == NULL)
                        return false;
                snprintf(text, LABELS_SIZE, "%s=\"%s\"", labels[0].name, first);
                return true;
        }
        first = labels[0].word(series / labels[1].count);
        second = labels[1].word(series % labels[1].count);
        if (first == NULL || second == NULL)
                return false;
        snprintf(text, LABELS_SIZE, "%s=\"%s\",%s=\"%s\"", labels[0].name, first, labels[1].name,
                 second);
        return true;
}

static void write_braced(FILE *out, const char *labels)
{
        if (*labels != '\0')
                fprintf(out, "{%s}", labels);
}

/* The count is that of the buckets, so that it fits them even while others count. */
static void write_histogram(FILE *out, const metric_family_t *family, const metric_cell_t *cells,
                            const char *labels)
{
        const metric_bounds_t *bounds = family->bounds;
        const char *comma = *labels != '\0' ? "," : "";
        int64_t count = 0;

        for (unsigned i = 0; i <= bounds->count; i++) {
                count += read_cell(&cells[i]);
                fprintf(out, "%s_bucket{%s%sle=\"", family->name, labels, comma);
                if (i < bounds->count)
                        write_scaled(out, (int64_t)bounds->values[i], family->scale);
                else
                        fputs("+Inf", out);
                fprintf(out, "\"} %" PRId64 "\n", count);
        }
        fprintf(out, "%s_sum", family->name);
        write_braced(out, labels);
        fputc(' ', out);
        write_scaled(out, read_cell(&cells[bounds->count + 1]), family->scale);
        fprintf(out, "\n%s_count", family->name);
        write_braced(out, labels);
        fprintf(out, " %" PRId64 "\n", count);
}

static void write_family(FILE *out, const metrics_t *metrics, const placed_family_t *placed)
{
        const metric_family_t *family = placed->family;

        fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name,
                type_names[family->type]);
        for (unsigned i = 0; i < placed->series; i++) {
                const metric_cell_t *cells =
                    &metrics->cells[placed->first_cell + (size_t)i * placed->cells_of_series];
                char labels[LABELS_SIZE];

                if (!name_series(family, i, labels))
                        continue;
                if (family->type == METRIC_HISTOGRAM) {
                        write_histogram(out, family, cells, labels);
                        continue;
                }
                fputs(family->name, out);
                write_braced(out, labels);
                fputc(' ', out);
                write_scaled(out, read_cell(cells), family->scale);
                fputc('\n', out);
        }
}

void metrics_write(const metrics_t *metrics, FILE *out)
{
        for (unsigned i = 0; i < metrics->count; i++)
                write_family(out, metrics, &metrics->families[i]);
}
