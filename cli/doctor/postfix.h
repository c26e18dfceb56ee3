/*
 * postfix.h - Postfix's configuration as postconf(1) prints it, and the lists in it
 *
 * Pure: the texts come from the caller. Everything is copied into an arena. What cannot be read is
 * skipped: postconf has the last word on what is valid.
 */
#ifndef TRUEFROM_CLI_DOCTOR_POSTFIX_H
#define TRUEFROM_CLI_DOCTOR_POSTFIX_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"

/** One parameter. */
typedef struct postfix_setting {
        const char *name;
        const char *value;    /**< as it was written */
        const char *expanded; /**< with $name replaced ("postconf -x") */
} postfix_setting_t;

typedef struct postfix_settings {
        postfix_setting_t *items;
        size_t count, room;
} postfix_settings_t;

/** One line of master.cf. */
typedef struct postfix_service {
        const char *label; /**< "smtp/inet", as postconf names it */
        const char *name;  /**< "smtp", "127.0.0.1:10025" */
        const char *type;  /**< "inet", "pass", "unix" */
        const char *program;
        char chroot; /**< 'y', 'n' or '-' */
        postfix_settings_t overrides;
} postfix_service_t;

typedef struct postfix {
        postfix_settings_t main;
        postfix_service_t *services;
        size_t service_count, service_room;
} postfix_t;

/** Which of postconf's outputs a text is. */
enum postfix_text {
        POSTFIX_MAIN,              /**< "postconf" */
        POSTFIX_MAIN_EXPANDED,     /**< "postconf -x", after POSTFIX_MAIN */
        POSTFIX_SERVICES,          /**< "postconf -F" */
        POSTFIX_OVERRIDES,         /**< "postconf -P", after POSTFIX_SERVICES */
        POSTFIX_OVERRIDES_EXPANDED /**< "postconf -P -x", after POSTFIX_OVERRIDES */
};

/** Read one output. A zeroed postfix_t has nothing. @return 0 or -ENOMEM */
int postfix_read(arena_t *arena, postfix_t *postfix, enum postfix_text what, const char *text);

/** The setting that holds for a service (NULL: for all), or NULL.
 * @param overridden set when it stands in master.cf; may be NULL */
const postfix_setting_t *postfix_find(const postfix_t *postfix, const postfix_service_t *service,
                                      const char *name, bool *overridden);

/** As postfix_find, its expanded value; "" when there is none. */
const char *postfix_value(const postfix_t *postfix, const postfix_service_t *service,
                          const char *name);

/** Does the service run in a chroot? */
bool postfix_chroots(const postfix_t *postfix, const postfix_service_t *service);

/** Seconds of a time such as "100s", "5m", "1h" (a number alone is seconds), or -1. */
long postfix_seconds(const char *value);

/** A list, by blanks and commas; what stands in { } is one member, with its braces. */
typedef struct postfix_list {
        const char **items;
        size_t count, room;
} postfix_list_t;

/** Split a list. @return 0 or -ENOMEM */
int postfix_split(arena_t *arena, const char *value, postfix_list_t *list);

/** Split a list of restrictions: a member is "name" or "name argument". @return 0 or -ENOMEM */
int postfix_split_restrictions(arena_t *arena, const char *value, postfix_list_t *list);

/** The list's text, with `insert` (NULL = nothing) in front of member `at`, and without member
 * `without` (its count or more = none is left out). NULL when memory is out. */
const char *postfix_join(arena_t *arena, const postfix_list_t *list, size_t at, const char *insert,
                         size_t without);

/** The socket of a milter or policy service: of "unix:x", or of "{ unix:x, name=value … }".
 * @return its text, "" for nonsense, NULL when memory is out */
const char *postfix_socket(arena_t *arena, const char *item);

/** An attribute of "{ unix:x, name=value … }", or NULL (there is none, or memory is out). */
const char *postfix_attribute(arena_t *arena, const char *item, const char *name);

/** The item with that attribute, added or replaced. NULL when memory is out. */
const char *postfix_with_attribute(arena_t *arena, const char *item, const char *name,
                                   const char *value);

/** The item with another socket, its attributes kept. NULL when memory is out. */
const char *postfix_with_socket(arena_t *arena, const char *item, const char *socket);

/** A restriction's argument when its name is `name` (any case), else NULL. Pointer into it. */
const char *postfix_argument(const char *restriction, const char *name);

#endif
