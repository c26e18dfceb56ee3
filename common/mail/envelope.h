/*
 * envelope.h - HELO and MAIL FROM in the form that Postfix gives to policy servers
 *
 * The policy service and the milter see the same envelope in different spellings (postfix.md
 * section 2). Both are brought to the policy service's spelling before they are compared. Pure.
 */
#ifndef TRUEFROM_MAIL_ENVELOPE_H
#define TRUEFROM_MAIL_ENVELOPE_H

#include <stdbool.h>

#include "common/base/arena.h"

/**
 * The sender as the policy service sees it, from libmilter's argv[0]: without angle brackets,
 * without source route, local part unquoted; "" for the null sender. Case is kept.
 * @return a string in the arena, or NULL when memory is out
 */
char *envelope_sender(arena_t *arena, const char *mail_from);

/** The HELO name as Postfix gives it to policy servers: any of ` <>()\";@` and bytes that are not
 * printable ASCII become "?"; NULL becomes "". @return as envelope_sender */
char *envelope_helo(arena_t *arena, const char *helo);

/**
 * The domain of a sender in policy-service form: the text after its last "@".
 * @return a pointer into `sender`, or NULL when there is none (null sender, no "@", nothing after)
 */
const char *envelope_sender_domain(const char *sender);

/** True when both are the same sender: local part to the letter, domain without regard to case. */
bool envelope_sender_equal(const char *a, const char *b);

#endif
