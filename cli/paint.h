/*
 * paint.h - text for people: colour where it belongs, and nothing that a terminal would obey
 */
#ifndef TRUEFROM_CLI_PAINT_H
#define TRUEFROM_CLI_PAINT_H

#include <stdbool.h>
#include <stdio.h>

#include "common/base/arena.h"

enum paint_style { PAINT_PLAIN, PAINT_HEADING, PAINT_DIM, PAINT_GOOD, PAINT_BAD, PAINT_DOUBT };

/** Where the text goes. */
typedef struct paint {
        FILE *out;
        bool colour;
} paint_t;

/** Colour only on a terminal that is not "dumb", and without NO_COLOR in the environment. */
void paint_init(paint_t *paint, FILE *out);

/** Print as printf in this style. What came from outside must have been through paint_escape. */
void paint_print(const paint_t *paint, enum paint_style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/**
 * Text from outside in printable ASCII: other bytes as \DDD (decimal), and \ as \\, as in a zone
 * file (RFC 1035 5.1).
 * @return a string in the arena, or NULL when memory is out
 */
char *paint_escape(arena_t *arena, const char *text, size_t len);

/** The same of a string. NULL becomes "-". */
const char *paint_text(arena_t *arena, const char *text);

#endif
