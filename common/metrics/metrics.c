#include "common/metrics/metrics.h"

#include <stdlib.h>
#include <time.h>

#include "common/metrics/metrics_internal.h"

#define CELLS_A_CACHE_LINE 8

const metric_bounds_t metric_bounds_time = {
    .values = {10,    25,    50,     100,    250,    500,     1000,    2500,    5000,     10000,
               25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 20000000},
    .count = 20,
};

const metric_bounds_t metric_bounds_number = {
    .values = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512},
    .count = 10,
};

static unsigned series_count(const metric_family_t *family)
{
        unsigned count = 1;

        for (unsigned i = 0; i < METRIC_LABELS_MAX && family->labels[i].name != NULL; i++)
                count *= family->labels[i].count;
        return count;
}

static unsigned cells_of_series(const metric_family_t *family)
{
        return family->type == METRIC_HISTOGRAM ? family->bounds->count + 2 : 1;
}

/* Where the search for a value's bucket begins: at the first bound that is not below the smallest
 * value of as many bits. As bounds double at least, the bucket is this one or one of the next two.
 */
static void prepare_search(placed_family_t *placed)
{
        const metric_bounds_t *bounds = placed->family->bounds;

        for (unsigned bits = 0; bits <= 64; bits++) {
                uint64_t smallest = bits == 0 ? 0 : (uint64_t)1 << (bits - 1);
                unsigned first = 0;

                while (first < bounds->count && bounds->values[first] < smallest)
                        first++;
                placed->first_bucket[bits] = (uint8_t)first;
        }
}

/* Families that different threads count in should not share a cache line. */
static size_t place(placed_family_t *placed, const metric_family_t *family, size_t first_cell)
{
        size_t end;

        placed->family = family;
        placed->first_cell = first_cell;
        placed->series = series_count(family);
        placed->cells_of_series = cells_of_series(family);
        if (family->type == METRIC_HISTOGRAM)
                prepare_search(placed);
        end = first_cell + (size_t)placed->series * placed->cells_of_series;
        return (end + CELLS_A_CACHE_LINE - 1) / CELLS_A_CACHE_LINE * CELLS_A_CACHE_LINE;
}

static metric_cell_t *create_cells(size_t count)
{
        metric_cell_t *cells =
            aligned_alloc(CELLS_A_CACHE_LINE * sizeof(*cells), count * sizeof(*cells));

        for (size_t i = 0; cells != NULL && i < count; i++)
                atomic_init(&cells[i], 0);
        return cells;
}

metrics_t *metrics_create(const metric_table_t *tables, unsigned count)
{
        metrics_t *metrics = calloc(1, sizeof(*metrics));
        unsigned families = 0;
        size_t cells = 0;

        if (metrics == NULL)
                return NULL;
        for (unsigned i = 0; i < count; i++)
                families += tables[i].count;
        metrics->families = calloc(families, sizeof(*metrics->families));
        if (metrics->families == NULL)
                goto fail;
        for (unsigned i = 0; i < count; i++)
                for (unsigned j = 0; j < tables[i].count; j++)
                        cells = place(&metrics->families[metrics->count++], &tables[i].families[j],
                                      cells);
        metrics->cells = create_cells(cells);
        if (metrics->cells != NULL)
                return metrics;
fail:
        metrics_free(metrics);
        return NULL;
}

void metrics_free(metrics_t *metrics)
{
        if (metrics == NULL)
                return;
        free(metrics->cells);
        free(metrics->families);
        free(metrics);
}

static metric_cell_t *find_series(metrics_t *metrics, unsigned family, unsigned first,
                                  unsigned second)
{
        const placed_family_t *placed;
        unsigned seconds, series;

        if (metrics == NULL || family >= metrics->count)
                return NULL;
        placed = &metrics->families[family];
        seconds = placed->family->labels[1].name != NULL ? placed->family->labels[1].count : 1;
        series = first * seconds + second;
        if (first >= placed->series || second >= seconds || series >= placed->series)
                return NULL;
        return &metrics->cells[placed->first_cell + (size_t)series * placed->cells_of_series];
}

void metrics_add(metrics_t *metrics, unsigned family, unsigned first, unsigned second,
                 int64_t units)
{
        metric_cell_t *cell = find_series(metrics, family, first, second);

        if (cell != NULL)
                atomic_fetch_add_explicit(cell, units, memory_order_relaxed);
}

void metrics_set(metrics_t *metrics, unsigned family, int64_t units)
{
        metric_cell_t *cell = find_series(metrics, family, 0, 0);

        if (cell != NULL)
                atomic_store_explicit(cell, units, memory_order_relaxed);
}

void metrics_observe(metrics_t *metrics, unsigned family, unsigned first, int64_t units)
{
        metric_cell_t *cells = find_series(metrics, family, first, 0);
        const placed_family_t *placed;
        const metric_bounds_t *bounds;
        uint64_t value = units > 0 ? (uint64_t)units : 0;
        unsigned bucket;

        if (cells == NULL)
                return;
        placed = &metrics->families[family];
        bounds = placed->family->bounds;
        bucket = placed->first_bucket[value == 0 ? 0 : 64 - __builtin_clzll(value)];
        while (bucket < bounds->count && value > bounds->values[bucket])
                bucket++;
        atomic_fetch_add_explicit(&cells[bucket], 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&cells[bounds->count + 1], (int64_t)value, memory_order_relaxed);
}

int64_t metrics_clock_us(const metrics_t *metrics)
{
        struct timespec now;

        if (metrics == NULL)
                return 0;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
