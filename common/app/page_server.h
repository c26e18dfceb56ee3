/*
 * page_server.h - an HTTP server of one page, /metrics (libmicrohttpd)
 *
 * Read-only: GET and HEAD. It has a thread of its own, which blocks all signals. Bounded: a few
 * connections at a time, each with little memory and ten idle seconds; so whoever misuses the
 * socket disturbs other readers of the page at most.
 */
#ifndef TRUEFROM_APP_PAGE_SERVER_H
#define TRUEFROM_APP_PAGE_SERVER_H

#include <stdio.h>

typedef struct page_server page_server_t;

/** Write the page as it is now. Called in the server's thread. */
typedef void page_write_fn(void *context, FILE *out);

/**
 * @param listener from endpoint_listen; the server's from now on, also on failure
 * @param type the page's Content-Type; a constant
 * @return 0 and *server (page_server_stop), or a negative errno
 */
int page_server_start(int listener, const char *type, page_write_fn *write, void *context,
                      page_server_t **server);

/** Close all connections and end the thread. NULL is fine. */
void page_server_stop(page_server_t *server);

#endif
