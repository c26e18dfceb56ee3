/*
 * connection.h - one connection of Postfix: bytes in, requests out, replies back in their order
 *
 * While a request is being answered nothing more is read from its connection: so replies keep their
 * order, and what a client can make us hold is bounded by one read. Runs in the event loop's
 * thread.
 */
#ifndef TRUEFROM_POLICYD_CONNECTION_H
#define TRUEFROM_POLICYD_CONNECTION_H

#include <stdbool.h>

#include <ev.h>

#include "policyd/request.h"

typedef struct connection connection_t;

/** What happens on connections; one table for all of them. */
typedef struct connection_events {
        /** A request was read. It is the callee's now (policy_request_clear), who calls
         * connection_reply exactly once for it, in here or later. */
        void (*request)(void *context, connection_t *connection, const policy_request_t *request);
        /** The connection is being closed, and freed after this call. */
        void (*closed)(void *context, connection_t *connection);
        void *context;
} connection_events_t;

/**
 * @param fd non-blocking; the connection's from now on, also on failure
 * @return the connection, which frees itself when its client has gone, or NULL when memory is out
 */
connection_t *connection_create(struct ev_loop *loop, int fd, const connection_events_t *events);

/** Send the reply to the request at hand, then go on with what was read behind it. Copies `reply`.
 * The connection may be closed and freed in here. */
void connection_reply(connection_t *connection, const char *reply);

/** Close at once, or after the reply that is owed. */
void connection_finish(connection_t *connection);

/** For a list of all connections, which the owner keeps. */
connection_t *connection_next(const connection_t *connection);
void connection_link(connection_t **head, connection_t *connection);
void connection_unlink(connection_t **head, connection_t *connection);

#endif
