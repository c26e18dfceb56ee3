#include "cli/stats/exposition.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_SIZE 40

/* What is left of one line. */
typedef struct cursor {
        arena_t *arena;
        const char *at, *end;
} cursor_t;

static bool take(cursor_t *cursor, char wanted)
{
        if (cursor->at == cursor->end || *cursor->at != wanted)
                return false;
        cursor->at++;
        return true;
}

static bool is_letter(char octet)
{
        return (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z') || octet == '_';
}

static bool is_digit(char octet)
{
        return octet >= '0' && octet <= '9';
}

/* @return 0, -EBADMSG or -ENOMEM, like all below */
static int keep(cursor_t *cursor, const char *begun, const char **out)
{
        *out = arena_strndup(cursor->arena, begun, (size_t)(cursor->at - begun));
        return *out != NULL ? 0 : -ENOMEM;
}

static int read_name(cursor_t *cursor, const char **out)
{
        const char *begun = cursor->at;

        if (cursor->at == cursor->end || !is_letter(*cursor->at))
                return -EBADMSG;
        while (cursor->at < cursor->end && (is_letter(*cursor->at) || is_digit(*cursor->at)))
                cursor->at++;
        return keep(cursor, begun, out);
}

static int read_quoted(cursor_t *cursor, const char **out)
{
        const char *begun;
        int error;

        if (!take(cursor, '"'))
                return -EBADMSG;
        begun = cursor->at;
        while (cursor->at < cursor->end && *cursor->at != '"') {
                if (*cursor->at < 0x20 || *cursor->at > 0x7e || *cursor->at == '\\')
                        return -EBADMSG;
                cursor->at++;
        }
        error = keep(cursor, begun, out);
        if (error != 0)
                return error;
        return take(cursor, '"') ? 0 : -EBADMSG;
}

static int read_labels(cursor_t *cursor, sample_t *sample)
{
        if (!take(cursor, '{'))
                return 0;
        do {
                sample_label_t *label = &sample->labels[sample->label_count];
                int error;

                if (sample->label_count == SAMPLE_LABELS_MAX)
                        return -EBADMSG;
                error = read_name(cursor, &label->name);
                if (error == 0)
                        error = take(cursor, '=') ? read_quoted(cursor, &label->value) : -EBADMSG;
                if (error != 0)
                        return error;
                sample->label_count++;
        } while (take(cursor, ','));
        return take(cursor, '}') ? 0 : -EBADMSG;
}

/* To the end of the line. */
static int read_number(cursor_t *cursor, double *out)
{
        size_t len = (size_t)(cursor->end - cursor->at);
        char text[NUMBER_SIZE], *end;

        if (len == 0 || len >= sizeof(text))
                return -EBADMSG;
        memcpy(text, cursor->at, len);
        text[len] = '\0';
        if (strspn(text, "+-.0123456789eE") != len)
                return -EBADMSG;
        *out = strtod(text, &end);
        return *end == '\0' && isfinite(*out) ? 0 : -EBADMSG;
}

static int read_sample(cursor_t *cursor, sample_t *sample)
{
        int error = read_name(cursor, &sample->name);

        if (error == 0)
                error = read_labels(cursor, sample);
        if (error == 0)
                error = take(cursor, ' ') ? read_number(cursor, &sample->value) : -EBADMSG;
        return error;
}

struct samples {
        sample_t *list;
        size_t count, room;
};

static int add_line(arena_t *arena, struct samples *samples, const char *line, const char *end)
{
        cursor_t cursor = {.arena = arena, .at = line, .end = end};
        sample_t sample = {.name = NULL};
        sample_t *grown;
        int error;

        if (line == end || *line == '#')
                return 0;
        if (samples->count == SAMPLES_MAX)
                return -E2BIG;
        error = read_sample(&cursor, &sample);
        if (error != 0)
                return error;
        grown = arena_grow(arena, samples->list, samples->count, &samples->room, sizeof(*grown));
        if (grown == NULL)
                return -ENOMEM;
        samples->list = grown;
        samples->list[samples->count++] = sample;
        return 0;
}

int exposition_parse(arena_t *arena, const char *text, size_t len, exposition_t *out,
                     unsigned *line)
{
        struct samples samples = {.list = NULL};
        const char *end = text + len;

        *line = 0;
        while (text < end) {
                const char *newline = memchr(text, '\n', (size_t)(end - text));
                int error;

                ++*line;
                if (newline == NULL)
                        return -EBADMSG; /* cut short */
                error = add_line(arena, &samples, text, newline);
                if (error != 0)
                        return error;
                text = newline + 1;
        }
        *out = (exposition_t){.samples = samples.list, .count = samples.count};
        return 0;
}

const char *sample_label(const sample_t *sample, const char *name)
{
        for (unsigned i = 0; i < sample->label_count; i++)
                if (strcmp(sample->labels[i].name, name) == 0)
                        return sample->labels[i].value;
        return NULL;
}
