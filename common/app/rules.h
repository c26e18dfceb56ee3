/*
 * rules.h - what the operator's settings make of a message and of its verdict
 *
 * The milter acts by these rules, and the operator's tool tells what it would do. Pure.
 */
#ifndef TRUEFROM_APP_RULES_H
#define TRUEFROM_APP_RULES_H

#include <stdbool.h>

#include "common/app/config.h"
#include "common/app/handling.h"
#include "common/auth/evaluate.h"
#include "common/base/arena.h"
#include "common/mail/fields.h"
#include "common/mail/from.h"

/** What becomes of a message. */
enum decision_kind { DECISION_ACCEPT, DECISION_HOLD, DECISION_REJECT, DECISION_TEMPFAIL };

/** True when IgnoreMailFrom spares the message: all of its author domains are listed, so that no
 * other one hides behind a spared one. */
bool rules_ignore_author(const config_t *config, const from_author_t *author);

/** Why RequiredHeaders rejects the message, or would if it were set: a constant text, or NULL when
 * it conforms. */
const char *rules_nonconformance(const config_t *config, const fields_count_t *fields,
                                 const from_author_t *author);

/** Whether a refusal by DMARC goes before that of RequiredHeaders for this reason: where the
 * message breaks RFC 5322, and not where it has several authors. @param why as rules_nonconformance
 */
bool rules_dmarc_goes_first(const char *why);

/** What a verdict comes to. */
enum decision_kind rules_decide(const handling_t *handling, enum verdict verdict);

/** The text of a reply, or of a hold reason. @param domain the author domain; NULL = there is none
 * @return a text in the arena, or NULL when memory is out */
const char *rules_text(arena_t *arena, const config_t *config, enum decision_kind kind,
                       const char *domain);

/** The text of the reply to a message that RequiredHeaders rejects; as rules_text. A list of
 * several authors is good by RFC 5322, so that its text says nothing of that. */
const char *rules_nonconformance_text(arena_t *arena, const char *why);

#endif
