/*
 * yaml.h - read the test vectors (libyaml), with accessors that fail the test on a wrong shape
 */
#ifndef TRUEFROM_TESTS_YAML_H
#define TRUEFROM_TESTS_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

/** A loaded document; nodes are pointers into it. */
typedef struct vectors {
        yaml_document_t document;
        yaml_node_t *root;
} vectors_t;

/** Load TEST_DATA/`name` (its first document); aborts the test when it cannot. */
void vectors_open(vectors_t *vectors, const char *name);
void vectors_close(vectors_t *vectors);

/** Member of a mapping, or NULL when it is absent. */
yaml_node_t *vectors_get(vectors_t *vectors, yaml_node_t *mapping, const char *key);

/** Number of members of a sequence or mapping; 0 for NULL. */
size_t vectors_count(yaml_node_t *node);

/** Member of a sequence. */
yaml_node_t *vectors_at(vectors_t *vectors, yaml_node_t *sequence, size_t index);

/** Pair of a mapping. */
void vectors_pair(vectors_t *vectors, yaml_node_t *mapping, size_t index, yaml_node_t **key,
                  yaml_node_t **value);

/** Text of a scalar (may hold NULs: see len); NULL for NULL and for a plain `null` or `~`. */
const char *vectors_text(yaml_node_t *node, size_t *len);

/** Text of a mapping's member, or NULL. */
const char *vectors_get_text(vectors_t *vectors, yaml_node_t *mapping, const char *key);

/** A plain `true`. */
bool vectors_true(yaml_node_t *node);

#endif
