/*
 * fetch.h - gets the page of a MetricsSocket
 *
 * A GET of HTTP/1.0 on a socket of our own is all that is needed: less than what a library for it
 * would bring along. Bounded in time and size.
 */
#ifndef TRUEFROM_CLI_STATS_FETCH_H
#define TRUEFROM_CLI_STATS_FETCH_H

#include <stddef.h>

#include "common/base/arena.h"

/**
 * @param endpoint in the forms of endpoint.h
 * @param page, len set to the body; the arena's
 * @return 0, -EPROTO when it is no HTTP server with our page, -E2BIG, -ETIMEDOUT, -ENOMEM, or the
 * negative errno of a connection that failed
 */
int stats_fetch(arena_t *arena, const char *endpoint, const char **page, size_t *len);

#endif
