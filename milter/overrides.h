/*
 * overrides.h - what the option Overrides looks at in a message, and which entry decides
 *
 * Collected only when some entry asks for it: without Overrides a message costs nothing here.
 */
#ifndef TRUEFROM_MILTER_OVERRIDES_H
#define TRUEFROM_MILTER_OVERRIDES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/mail/arc_seal.h"
#include "common/mail/from.h"
#include "common/mail/list_id.h"
#include "common/policy/override.h"
#include "milter/gather.h"
#include "milter/message.h"

/** What was seen of one message. All memory is the message's arena. */
struct override_input {
        const override_list_t *list; /**< the configuration's, which outlives the message */
        arena_t *arena;
        const char **recipient_domains; /**< normalized, each once */
        size_t recipient_count, recipient_room;
        bool recipients_incomplete; /**< some recipient has no domain */
        char list_id[LIST_ID_SIZE]; /**< of the one List-Id field; "" = none that can be read */
        unsigned list_id_fields;
        arc_chain_t arc;
};

/** @return the input, or NULL when memory is out */
struct override_input *override_input_begin(arena_t *arena, const override_list_t *list);

/** Take note of a recipient, libmilter's argv[0]. @return false when memory is out */
bool override_input_recipient(struct override_input *input, const char *recipient);

/** Take note of a header field, if it is one of those that entries look at. */
void override_input_field(struct override_input *input, const char *name, const char *body);

/** The entry that decides on a complete message, or NULL: also without Overrides. */
const override_t *overrides_match(const session_t *session, const from_author_t *author,
                                  const gathered_t *gathered);

#endif
