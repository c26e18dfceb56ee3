/*
 * arena.h - memory of one message, freed all at once
 *
 * An arena hands out memory that lives until the arena is reset or freed, so that no error path
 * can leak it. One arena belongs to one thread at a time; there is no locking.
 */
#ifndef TRUEFROM_BASE_ARENA_H
#define TRUEFROM_BASE_ARENA_H

#include <stddef.h>

typedef struct arena arena_t;

/**
 * Make an arena.
 * @param limit the most bytes that it may hold at once; 0 = ARENA_LIMIT_DEFAULT
 * @return the arena, owned by the caller (arena_free), or NULL when memory is out
 */
#define ARENA_LIMIT_DEFAULT ((size_t)8 << 20)
arena_t *arena_create(size_t limit);

/** Memory of `size` bytes, zeroed, aligned for any type; NULL when memory or the limit is out. */
void *arena_alloc(arena_t *arena, size_t size);

/** Memory for `count` members of `size` bytes, zeroed; NULL as arena_alloc, or on overflow. */
void *arena_calloc(arena_t *arena, size_t count, size_t size);

/** A NUL-terminated copy of `len` bytes; NULL as arena_alloc. */
char *arena_strndup(arena_t *arena, const char *text, size_t len);

/** A copy of a string; NULL as arena_alloc. */
char *arena_strdup(arena_t *arena, const char *text);

/** As printf, into the arena; NULL as arena_alloc. */
char *arena_printf(arena_t *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/**
 * Make room for one more member of a growing array, by doubling.
 * @param array, count its members so far (NULL, 0 to start); @param room its size, updated
 * @param size of a member
 * @return the array with room for member `count`, or NULL as arena_alloc: the old one stays good
 */
void *arena_grow(arena_t *arena, void *array, size_t count, size_t *room, size_t size);

/** Forget all that was handed out; the arena stays usable. */
void arena_reset(arena_t *arena);

/** Free the arena and all that it handed out. NULL is fine. */
void arena_free(arena_t *arena);

#endif
