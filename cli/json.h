/*
 * json.h - what the JSON of several sub-commands has in common (libjansson)
 */
#ifndef TRUEFROM_CLI_JSON_H
#define TRUEFROM_CLI_JSON_H

#include <jansson.h>

#include "common/base/arena.h"

/** Text from outside as a JSON string, escaped as paint_escape does it; null for NULL. */
json_t *json_text(arena_t *arena, const char *text);

/** A constant or a normalized domain as a JSON string; null for NULL. */
json_t *json_word(const char *word);

/** Append. @param list, item taken over; NULL = memory ran out
 * @return the list, or NULL when memory is or was out */
json_t *json_added(json_t *list, json_t *item);

/** Print to standard output with a newline. @param root taken over; NULL = memory ran out
 * @return 0 or -ENOMEM */
int json_print(json_t *root);

#endif
