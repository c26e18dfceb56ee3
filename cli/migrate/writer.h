/*
 * writer.h - what a truefrom.conf is made of: options, comments, groups
 *
 * Whatever stands in a value or a comment, the file stays well-formed and is printable ASCII.
 * Errors of the stream are for who closes it.
 */
#ifndef TRUEFROM_CLI_MIGRATE_WRITER_H
#define TRUEFROM_CLI_MIGRATE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct writer {
        FILE *out;
        unsigned indent; /**< columns before each line: within a group */
        bool gap;        /**< an empty line comes before the next one */
} writer_t;

/** A comment, broken into lines at its spaces. */
void writer_comment(writer_t *writer, const char *text);

/** A line of opendmarc.conf as a comment, and below it, set in, what is to be said of it. */
void writer_explain(writer_t *writer, const char *original, const char *text);

/** "NAME = VALUE;" */
void writer_string(writer_t *writer, const char *name, const char *value);
void writer_list(writer_t *writer, const char *name, const char *const *items, size_t count);
void writer_bool(writer_t *writer, const char *name, bool value);
void writer_number(writer_t *writer, const char *name, long value);

/** '#NAME = "VALUE";': an option that is not set, for the reader to set. */
void writer_suggest(writer_t *writer, const char *name, const char *value);

/** An empty line before what comes next, unless that is a group's end. */
void writer_gap(writer_t *writer);

/** "NAME:", "{" and "};": what is written between the two is set in. */
void writer_begin_group(writer_t *writer, const char *name);
void writer_end_group(writer_t *writer);

/** Write text from a file of somebody else: what is not printable ASCII as \ooo, a backslash as \\.
 */
void writer_put_escaped(FILE *out, const char *text);

#endif
