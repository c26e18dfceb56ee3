#include "tests/unit/support/yaml.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

void vectors_open(vectors_t *vectors, const char *name)
{
        yaml_parser_t parser;
        char path[1024];
        FILE *file;

        snprintf(path, sizeof(path), "%s/%s", TEST_DATA, name);
        file = fopen(path, "r");
        cr_assert_not_null(file, "cannot open %s", path);
        cr_assert(yaml_parser_initialize(&parser));
        yaml_parser_set_input_file(&parser, file);
        cr_assert(yaml_parser_load(&parser, &vectors->document), "%s: line %zu: %s", path,
                  parser.problem_mark.line + 1, parser.problem);
        yaml_parser_delete(&parser);
        fclose(file);
        vectors->root = yaml_document_get_root_node(&vectors->document);
        cr_assert_not_null(vectors->root);
}

void vectors_close(vectors_t *vectors)
{
        yaml_document_delete(&vectors->document);
}

yaml_node_t *vectors_get(vectors_t *vectors, yaml_node_t *mapping, const char *key)
{
        if (mapping == NULL)
                return NULL;
        cr_assert_eq(mapping->type, YAML_MAPPING_NODE);
        for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
             pair < mapping->data.mapping.pairs.top; pair++) {
                yaml_node_t *name = yaml_document_get_node(&vectors->document, pair->key);

                if (name->type == YAML_SCALAR_NODE &&
                    strcmp((const char *)name->data.scalar.value, key) == 0)
                        return yaml_document_get_node(&vectors->document, pair->value);
        }
        return NULL;
}

size_t vectors_count(yaml_node_t *node)
{
        if (node == NULL)
                return 0;
        if (node->type == YAML_SEQUENCE_NODE)
                return (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
        cr_assert_eq(node->type, YAML_MAPPING_NODE);
        return (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
}

yaml_node_t *vectors_at(vectors_t *vectors, yaml_node_t *sequence, size_t index)
{
        cr_assert(index < vectors_count(sequence));
        return yaml_document_get_node(&vectors->document,
                                      sequence->data.sequence.items.start[index]);
}

void vectors_pair(vectors_t *vectors, yaml_node_t *mapping, size_t index, yaml_node_t **key,
                  yaml_node_t **value)
{
        yaml_node_pair_t *pair;

        cr_assert(index < vectors_count(mapping));
        pair = &mapping->data.mapping.pairs.start[index];
        *key = yaml_document_get_node(&vectors->document, pair->key);
        *value = yaml_document_get_node(&vectors->document, pair->value);
}

const char *vectors_text(yaml_node_t *node, size_t *len)
{
        const char *text;

        if (node == NULL)
                return NULL;
        cr_assert_eq(node->type, YAML_SCALAR_NODE);
        text = (const char *)node->data.scalar.value;
        if (len != NULL)
                *len = node->data.scalar.length;
        if (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
            (strcmp(text, "null") == 0 || strcmp(text, "~") == 0 || *text == '\0'))
                return NULL;
        return text;
}

const char *vectors_get_text(vectors_t *vectors, yaml_node_t *mapping, const char *key)
{
        return vectors_text(vectors_get(vectors, mapping, key), NULL);
}

bool vectors_true(yaml_node_t *node)
{
        const char *text = vectors_text(node, NULL);

        return text != NULL && strcmp(text, "true") == 0;
}
