/*
 * parse.h - opendmarc.conf, as OpenDMARC 1.4.2 reads it
 *
 * A line is a name, white space and a value to the end of the line; "#" begins a comment, wherever
 * it stands; names are compared without regard to case; of a name that is given twice the last one
 * counts. OpenDMARC ends at the first line that it cannot read: here such lines are kept apart, and
 * the others count. Pure: no I/O.
 */
#ifndef TRUEFROM_CLI_MIGRATE_PARSE_H
#define TRUEFROM_CLI_MIGRATE_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/app/opendmarc.h"
#include "common/base/arena.h"

/** What one option is set to. */
typedef struct opendmarc_setting {
        const opendmarc_option_t *option;
        unsigned line;     /**< 0 = it is not set, and the rest is not to be looked at */
        const char *value; /**< as written, without the white space around it; never empty */
        bool truth;        /**< OPENDMARC_BOOL */
        long number;       /**< OPENDMARC_NUMBER */
} opendmarc_setting_t;

/** A line that does not count. */
typedef struct opendmarc_problem {
        unsigned line;
        const char *text;    /**< the line, without comment */
        const char *message; /**< what is wrong with it (a constant text) */
        bool refused;        /**< OpenDMARC would not start; false: a later line replaces it */
} opendmarc_problem_t;

typedef struct opendmarc_conf {
        opendmarc_setting_t *settings; /**< one for each of opendmarc_options, in its order */
        opendmarc_problem_t *problems; /**< as they were found */
        size_t problem_count, problem_room;
} opendmarc_conf_t;

/**
 * Read a file's text.
 * @param arena what the result lives in
 * @param text, len the bytes; need not be NUL-terminated; may hold anything
 * @return the configuration, or NULL when memory is out
 */
opendmarc_conf_t *opendmarc_conf_parse(arena_t *arena, const char *text, size_t len);

/** The setting of an option of opendmarc_options. NULL when it is not set. */
const opendmarc_setting_t *opendmarc_conf_get(const opendmarc_conf_t *conf, const char *name);

#endif
