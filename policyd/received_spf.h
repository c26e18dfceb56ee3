/*
 * received_spf.h - the Received-SPF field (RFC 7208 9.1)
 */
#ifndef TRUEFROM_POLICYD_RECEIVED_SPF_H
#define TRUEFROM_POLICYD_RECEIVED_SPF_H

#include "common/base/arena.h"
#include "common/state/entry.h"

/** Longest value of a key-value pair, without its quoting. A longer one is left out as a whole. */
#define RECEIVED_SPF_VALUE_MAX 320

/**
 * Write the field, name included, in one line of printable ASCII; bytes of sender and HELO that are
 * none become "?".
 * @param receiver our name
 * @return a string in the arena, or NULL when memory is out
 */
char *received_spf_write(arena_t *arena, const char *receiver, const entry_t *entry);

#endif
