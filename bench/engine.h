#ifndef BENCH_ENGINE_H
#define BENCH_ENGINE_H

/* Many SMTP sessions at once, in one thread: each says its message's script to the milter and the
 * policy service, and waits for every reply, as one smtpd process does. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/workload.h"

typedef struct plan {
        workload_t workload;
        const char *milter; /* path of a unix socket; NULL = none */
        const char *policy; /* likewise */
        /* a session ends after workload.per_session messages; its policy connection stays */
        bool recipient_request; /* policy requests at RCPT and DATA, else at DATA only */
        unsigned connections;   /* sessions at once */
        unsigned long messages; /* in all */
        unsigned long first;    /* number of the first message */
        double rate;            /* messages begun a second; 0 = as fast as they go */
} plan_t;

typedef struct measured {
        uint64_t *latencies[2]; /* ns, of messages whose DNS is fast, and slow; caller frees */
        size_t counts[2];
        unsigned long finals;    /* messages that a milter ended with accept, reject or tempfail */
        unsigned long modifying; /* header fields that it added */
        double seconds;
} measured_t;

/* 0 or a negative errno value, after a message on stderr. */
int engine_run(const plan_t *plan, measured_t *measured);

#endif
