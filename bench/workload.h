#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

/* The messages of a measurement: message `i` is always the same one, so that several runs, and
 * several servers, see the same mail. */

#include <stdbool.h>
#include <stddef.h>

typedef struct workload {
        unsigned domains;          /* how many sender domains take turns */
        unsigned long per_session; /* that many messages one after the other are of one domain */
        unsigned slow_every;       /* one domain in this many is of slow.test; 0 = none */
        const char *authserv;      /* of the trusted Authentication-Results field */
        unsigned long instant; /* makes queue IDs and instances of one run differ from another's */
} workload_t;

typedef struct message {
        bool slow; /* its domain's DNS answers late */
        char domain[64];
        char helo[80];
        char sender[80];
        char client[16]; /* IPv4, text */
        unsigned short port;
        char queue_id[24];
        char instance[48];
} message_t;

typedef struct header {
        const char *name;
        char body[640];
} header_t;

#define HEADERS_MAX 16

void workload_message(const workload_t *workload, unsigned long i, message_t *message);

/* The message's twelve fields; the count. */
size_t workload_headers(const workload_t *workload, const message_t *message,
                        header_t headers[HEADERS_MAX]);

#endif
