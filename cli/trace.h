/*
 * trace.h - every DNS question of a check and its answer, in order
 *
 * One thread at a time: it is for one message. What the DNS said is kept in printable form.
 */
#ifndef TRUEFROM_CLI_TRACE_H
#define TRUEFROM_CLI_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/dns/resolver.h"

/** What the question was asked for. */
enum trace_phase { TRACE_SPF, TRACE_DMARC };

typedef struct trace_event {
        enum trace_phase phase;
        const char *name;
        enum dns_type type;
        enum dns_status status;
        bool cname;
        const char *const *data; /**< each record as text; TXT without quotes */
        size_t count;
        bool cached;
        int64_t microseconds;
} trace_event_t;

typedef struct trace {
        arena_t *arena;
        enum trace_phase phase; /**< of what comes next: set by the caller */
        trace_event_t *events;
        size_t count, room;
        bool failed; /**< memory ran out: events are missing */
} trace_t;

/** A dns_observer_fn with a trace as its context. */
void trace_observe(void *context, const dns_event_t *event);

/** "A", "TXT", … */
const char *trace_type_name(enum dns_type type);

/** "ok", "nodata", "nxdomain", "tempfail", "timeout". */
const char *trace_status_name(enum dns_status status);

#endif
