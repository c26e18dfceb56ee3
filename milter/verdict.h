/*
 * verdict.h - what becomes of one message (contract section 5, steps 2 to 8)
 *
 * gather -> look up -> evaluate -> act -> log; knows nothing of libmilter.
 */
#ifndef TRUEFROM_MILTER_VERDICT_H
#define TRUEFROM_MILTER_VERDICT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/app/rules.h"
#include "milter/message.h"

/** What to tell Postfix. Strings are the message's arena's, or constant. */
typedef struct decision {
        enum decision_kind kind;
        const char *reply_code;    /**< REJECT, TEMPFAIL: "550" … */
        const char *reply_status;  /**< REJECT, TEMPFAIL: "5.7.1" … */
        const char *reply_text;    /**< REJECT, TEMPFAIL */
        const char *hold_reason;   /**< HOLD */
        const char *field;         /**< ACCEPT, HOLD: Authentication-Results body, or NULL */
        const char *add_recipient; /**< ACCEPT, HOLD: address, or NULL */
        const unsigned *remove;    /**< ACCEPT, HOLD: Authentication-Results fields to remove, by
                                        occurrence, ascending */
        size_t remove_count;
        const char *override; /**< the entry of Overrides that matched, by its name; or NULL */
} decision_t;

/**
 * True when mail of this session and envelope is not evaluated: ignored or authenticated client
 * (contract 5.1).
 * @param auth_authen {auth_authen}, or NULL
 */
bool verdict_skips(session_t *session, const char *auth_authen);

/**
 * Decide on a complete message, and log the decision.
 * @param queue_id NULL = unknown
 * @return 0, or -ENOMEM: the message must then be refused for now
 */
int verdict_decide(const session_t *session, const char *queue_id, decision_t *decision);

#endif
