/*
 * entry.h - what the state store holds of one message's envelope, and its encoding
 *
 * The encoding carries a version; bytes that are of another version, too short or inconsistent are
 * refused, never trusted. Pure.
 */
#ifndef TRUEFROM_STATE_ENTRY_H
#define TRUEFROM_STATE_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/address.h"
#include "common/base/arena.h"
#include "common/base/results.h"

/** One envelope and its SPF results. Strings: helo and sender in policy-service form. */
typedef struct entry {
        int64_t time; /**< seconds since the epoch, when it was evaluated */
        address_t client;
        uint16_t port; /**< client port; 0 = unknown */
        const char *instance;
        const char *helo;
        const char *sender;     /**< "" = null sender */
        enum auth_result spf;   /**< MAIL FROM identity, or HELO identity for the null sender */
        const char *spf_domain; /**< normalized; "" = none */
        enum auth_result helo_result; /**< the HELO identity's own result */
        bool received_spf;            /**< a Received-SPF field was already prepended */
} entry_t;

#define ENTRY_SIZE_MAX 4096

/** Encode. @return the number of octets written, or 0 when `size` is too small (strings of an SMTP
 * session always fit in ENTRY_SIZE_MAX; longer ones are not stored) */
size_t entry_encode(const entry_t *entry, uint8_t *buffer, size_t size);

/** Decode; strings are copied into the arena. @return 0, -EPROTO for bytes that are not an entry
 * of our version, -ENOMEM */
int entry_decode(arena_t *arena, const uint8_t *data, size_t len, entry_t *entry);

/** True when client address, helo and sender are the same: SPF is a function of these three.
 * (envelope_sender_equal for the sender, helo without regard to case) */
bool entry_matches(const entry_t *entry, const address_t *client, const char *helo,
                   const char *sender);

#endif
