/*
 * config_schema.h - one row an option: its place, type, bounds, default and where its value goes
 *
 * Internal to common/app, for truefrom migrate, which writes such a file, and for the tests that
 * hold the documentation against it.
 */
#ifndef TRUEFROM_APP_CONFIG_SCHEMA_H
#define TRUEFROM_APP_CONFIG_SCHEMA_H

#include <stddef.h>

#include "common/app/config.h"

enum option_type {
        OPTION_STRING,   /**< const char * */
        OPTION_LIST,     /**< config_strings_t: list, array, or one comma-separated string */
        OPTION_BOOL,     /**< bool */
        OPTION_SWITCH,   /**< an enum (int): false, true, or a further one of `choices` */
        OPTION_NUMBER,   /**< unsigned, within minimum and maximum */
        OPTION_CHOICE,   /**< an enum (int), one of `choices` in the order of its values */
        OPTION_OVERRIDES /**< override_list_t: list of groups */
};

/** Look at a value; returns NULL when it is fine, else what is wrong with it (a constant text). */
typedef const char *option_check_fn(const char *value);

typedef struct option_schema {
        const char *group; /**< NULL = top level */
        const char *name;
        enum option_type type;
        size_t offset;              /**< in config_t */
        const char *text_default;   /**< STRING, and CHOICE by its word; NULL = none */
        unsigned number_default;    /**< NUMBER, BOOL */
        unsigned minimum, maximum;  /**< NUMBER */
        const char *const *choices; /**< CHOICE, SWITCH: NULL-terminated */
        option_check_fn *check;     /**< STRING, and each member of a LIST; may be NULL */
} option_schema_t;

extern const option_schema_t option_schema[];
extern const size_t option_schema_count;

/** The row of an option, or NULL. */
const option_schema_t *option_find(const char *group, const char *name);

/** What to say of a name that we do not have: a hint, or NULL. */
const char *option_hint(const char *group, const char *name);

#endif
