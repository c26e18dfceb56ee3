#include "common/base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE 4096
#define USUAL_TEXT 512 /* octets that are formatted only once */

struct block {
        struct block *next;
        size_t size;
        size_t used;
        max_align_t data[];
};

struct arena {
        struct block *head;
        size_t limit;
        size_t held; /* bytes of all blocks */
};

arena_t *arena_create(size_t limit)
{
        arena_t *arena = calloc(1, sizeof(*arena));

        if (arena != NULL)
                arena->limit = limit != 0 ? limit : ARENA_LIMIT_DEFAULT;
        return arena;
}

static struct block *block_add(arena_t *arena, size_t need)
{
        size_t size = need > BLOCK_SIZE ? need : BLOCK_SIZE;
        struct block *block;

        if (size > arena->limit || arena->held > arena->limit - size)
                return NULL;
        block = malloc(sizeof(*block) + size);
        if (block == NULL)
                return NULL;
        block->size = size;
        block->used = 0;
        block->next = arena->head;
        arena->head = block;
        arena->held += size;
        return block;
}

void *arena_alloc(arena_t *arena, size_t size)
{
        const size_t align = sizeof(max_align_t);
        struct block *block = arena->head;
        void *memory;

        if (size > SIZE_MAX - align)
                return NULL;
        size = (size + align - 1) / align * align;
        if (block == NULL || block->size - block->used < size)
                block = block_add(arena, size);
        if (block == NULL)
                return NULL;
        memory = (char *)block->data + block->used;
        block->used += size;
        return memset(memory, 0, size);
}

void *arena_calloc(arena_t *arena, size_t count, size_t size)
{
        if (size != 0 && count > SIZE_MAX / size)
                return NULL;
        return arena_alloc(arena, count * size);
}

void *arena_grow(arena_t *arena, void *array, size_t count, size_t *room, size_t size)
{
        size_t more = *room > 0 ? *room * 2 : 4;
        void *grown;

        if (count < *room)
                return array;
        grown = arena_calloc(arena, more, size);
        if (grown == NULL)
                return NULL;
        if (count > 0)
                memcpy(grown, array, count * size);
        *room = more;
        return grown;
}

char *arena_strndup(arena_t *arena, const char *text, size_t len)
{
        char *copy = len < SIZE_MAX ? arena_alloc(arena, len + 1) : NULL;

        if (copy != NULL && len > 0)
                memcpy(copy, text, len);
        return copy;
}

char *arena_strdup(arena_t *arena, const char *text)
{
        return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(arena_t *arena, const char *format, ...)
{
        char usual[USUAL_TEXT];
        va_list args;
        char *text;
        int len;

        va_start(args, format);
        len = vsnprintf(usual, sizeof(usual), format, args);
        va_end(args);
        if (len < 0)
                return NULL;
        if ((size_t)len < sizeof(usual))
                return arena_strndup(arena, usual, (size_t)len);
        text = arena_alloc(arena, (size_t)len + 1);
        if (text == NULL)
                return NULL;
        va_start(args, format);
        vsnprintf(text, (size_t)len + 1, format, args);
        va_end(args);
        return text;
}

void arena_reset(arena_t *arena)
{
        struct block *block = arena->head;

        /* keep one ordinary block: most messages need no more, and malloc is then never called */
        while (block != NULL && (block->next != NULL || block->size > BLOCK_SIZE)) {
                struct block *next = block->next;

                arena->held -= block->size;
                free(block);
                block = next;
        }
        arena->head = block;
        if (block != NULL)
                block->used = 0;
}

void arena_free(arena_t *arena)
{
        struct block *block;

        if (arena == NULL)
                return;
        block = arena->head;
        while (block != NULL) {
                struct block *next = block->next;

                free(block);
                block = next;
        }
        free(arena);
}
