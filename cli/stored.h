/*
 * stored.h - from a message as it is stored to what the milter saw of it
 *
 * The client stands in the topmost Received field that our own host's SMTP server wrote, whose
 * client is neither loopback (a content filter's hop) nor in IgnoreHosts (our own relays). Our own
 * host is one of those that the user names, else the one that wrote the topmost such field at all.
 * When there are only skipped ones, the topmost of them stands. The sender stands in Return-Path.
 */
#ifndef TRUEFROM_CLI_STORED_H
#define TRUEFROM_CLI_STORED_H

#include "cli/examine.h"

#define STORED_HEADER_MAX  ((size_t)4 << 20)  /**< octets; a longer header is not evaluated */
#define STORED_ARENA_LIMIT ((size_t)64 << 20) /**< what a message's arena needs at most */

/** How to read a message. */
typedef struct stored_rules {
        const examiner_t *examiner;
        const text_list_t *receivers; /**< our own hosts' names; may be empty */
} stored_rules_t;

/**
 * Read a message's header. What cannot be found is left unknown.
 * @param text the message, or its header; must outlive the subject, as must the arena
 * @param message_id set to the Message-ID, or NULL when there is none
 * @return 0 or -ENOMEM
 */
int stored_read(arena_t *arena, const char *text, size_t len, const stored_rules_t *rules,
                subject_t *subject, const char **message_id);

#endif
