/*
 * parts.h - inputs of the vectors that are not plain text: base64, and repeated parts
 */
#ifndef TRUEFROM_TESTS_PARTS_H
#define TRUEFROM_TESTS_PARTS_H

#include <stddef.h>

#include "common/base/arena.h"
#include "tests/unit/support/yaml.h"

/** Decode base64. */
char *parts_base64(arena_t *arena, const char *text, size_t *len);

/** Join a sequence of [count, text] pairs. */
char *parts_join(arena_t *arena, vectors_t *vectors, yaml_node_t *parts, size_t *len);

#endif
