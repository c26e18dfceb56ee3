/*
 * endpoint.h - sockets: "local:PATH", "unix:PATH", "inet:PORT@HOST", "inet6:PORT@HOST"
 */
#ifndef TRUEFROM_APP_ENDPOINT_H
#define TRUEFROM_APP_ENDPOINT_H

#include <stdbool.h>
#include <sys/types.h>

/** True when `text` is one of the four forms; else *why is a constant text. */
bool endpoint_valid(const char *text, const char **why);

/** The path of a "local:" or "unix:" endpoint, a pointer into `text`; else NULL. */
const char *endpoint_path(const char *text);

/**
 * Make a listening, non-blocking, close-on-exec socket. A stale socket file of a dead daemon is
 * replaced; a live one (someone accepts on it), or a file that is no socket, is an error.
 * @param umask_bits for the socket file
 * @return the descriptor or a negative errno (-EADDRINUSE: someone is listening there)
 */
int endpoint_listen(const char *text, mode_t umask_bits, int backlog);

/**
 * Connect to a listening socket.
 * @param timeout_ms the longest to wait for it
 * @return a non-blocking, close-on-exec descriptor, or a negative errno (-ECONNREFUSED: nobody
 * listens, -ENOENT: no such socket file, -ETIMEDOUT, -EADDRNOTAVAIL: no such host)
 */
int endpoint_connect(const char *text, int timeout_ms);

/** Do both name the same socket? Hosts are looked up. */
bool endpoint_same(const char *one, const char *other);

/** Can this host listen at an inet endpoint: is the host known, and an address of ours? Whether the
 * port is free is not looked at. @return 0 (also for a path), or a negative errno as
 * endpoint_listen
 */
int endpoint_check(const char *text);

/** Remove the socket file of a unix endpoint at exit. Nothing for inet. */
void endpoint_unlink(const char *text);

/** What is wrong, and what to do, for an error of endpoint_listen or endpoint_clear_stale, or an
 * errno of a server of its own (negative): a constant text, or strerror's. */
const char *endpoint_error_text(int error);

/** As endpoint_listen's first half, for libmilter, which makes its own socket: removes a stale
 * socket file. @return 0, or -EADDRINUSE when it is alive, -EEXIST when it is no socket */
int endpoint_clear_stale(const char *text);

#endif
