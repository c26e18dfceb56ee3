/*
 * join.h - the SPF result of a message: where the policy service and the milter meet
 *
 * Contract 5.5. SPF is a function of client address, helo and sender, so an entry that has these
 * three is right whichever key found it, and one that differs is never used: queue IDs are reused
 * within seconds.
 */
#ifndef TRUEFROM_MILTER_JOIN_H
#define TRUEFROM_MILTER_JOIN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/results.h"
#include "milter/gather.h"
#include "milter/message.h"

/** Where a message's SPF result came from. */
enum join_source {
        JOIN_NONE,     /**< there is none */
        JOIN_QUEUE_ID, /**< stored by the policy service under this queue ID */
        JOIN_ENVELOPE, /**< stored by the policy service for this envelope */
        JOIN_HEADER,   /**< a believed Authentication-Results field */
        JOIN_SELF,     /**< evaluated by the milter now */
        JOIN_SOURCE_COUNT
};

/** "none", "queueid", "envelope", "header", "self": for the log. */
const char *join_source_name(enum join_source source);

typedef struct joined {
        enum join_source source;
        enum auth_result result; /**< AUTH_NONE with JOIN_NONE */
        const char *domain;      /**< the SPF Domain, normalized, or NULL; in the arena */
} joined_t;

/**
 * Find or make the result.
 * @param queue_id NULL = unknown
 * @param deadline_ms as dns_query, for an evaluation of our own
 * @return 0 or -ENOMEM
 */
int join(const session_t *session, const char *queue_id, const gathered_t *gathered,
         int64_t deadline_ms, joined_t *out);

#endif
