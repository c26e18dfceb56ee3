/*
 * spf_text.h - a text that grows as it is written
 */
#ifndef TRUEFROM_AUTH_SPF_TEXT_H
#define TRUEFROM_AUTH_SPF_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/** Begins as {0}; `text` is malloc's (free), NULL while nothing was written. */
typedef struct spf_text {
        char *text;
        size_t len, room;
        bool out_of_memory; /**< something is missing: not to be used */
} spf_text_t;

void spf_text_put(spf_text_t *writer, const char *text, size_t len);
void spf_text_puts(spf_text_t *writer, const char *text);

#endif
