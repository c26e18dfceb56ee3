/*
 * override_input.h - what the option Overrides looks at in a message, and which entry decides
 *
 * Collected only when some entry asks for it: without Overrides a message costs nothing here. Pure.
 */
#ifndef TRUEFROM_POLICY_OVERRIDE_INPUT_H
#define TRUEFROM_POLICY_OVERRIDE_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/mail/arc_seal.h"
#include "common/mail/list_id.h"
#include "common/policy/override.h"

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
void override_input_field(struct override_input *input, const char *name, const char *body,
                          size_t len);

/**
 * The entry that decides on a complete message, or NULL.
 * @param input NULL = there are no Overrides
 * @param arc what believed fields say of ARC
 * @param known authors and client; the rest is what the input has
 */
const override_t *override_input_find(const struct override_input *input, const arc_results_t *arc,
                                      const override_facts_t *known);

#endif
