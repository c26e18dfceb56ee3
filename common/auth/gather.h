/*
 * gather.h - what earlier filters found out: the Authentication-Results fields that we believe
 *
 * Contract 5.2, 5.5 and 5.6. Pure: works on the fields of a message and what is known of its
 * envelope.
 */
#ifndef TRUEFROM_AUTH_GATHER_H
#define TRUEFROM_AUTH_GATHER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/dmarc/dmarc.h"
#include "common/mail/arc_seal.h"
#include "common/mail/from.h"

/** An Authentication-Results field of the message. */
typedef struct authres_field {
        const char *body;
        size_t len;
        unsigned index;      /**< among all fields as we see them, from 0 */
        unsigned occurrence; /**< among the Authentication-Results fields, from 1 */
} authres_field_t;

/** What became of a field. */
enum gather_belief {
        GATHER_BELIEVED,
        GATHER_UNTRUSTED, /**< from an authserv-id that is not trusted */
        GATHER_MALFORMED,
        GATHER_TAINTED /**< trusted, but the message holds what, copied into it, reads as a result
                        */
};

/** Told of each field in turn. @param authserv_id as written; NULL when it cannot be read */
typedef void gather_observer_fn(void *context, const authres_field_t *field,
                                enum gather_belief belief, const char *authserv_id);

/** What is known of the DKIM-Signature fields, which are not verified here. */
typedef struct gather_signatures {
        const char *const *domains; /**< their d=, normalized, in the order of the fields */
        size_t count;
        bool forge_results; /**< dkim_signature_forges_results of any of them */
} gather_signatures_t;

typedef struct gather_input {
        const authres_field_t *fields;
        size_t field_count;
        gather_signatures_t signatures;
        const from_author_t *author;    /**< with whose domains a signature could align */
        const char *sender;             /**< policy-service form (envelope.h); "" = null sender */
        const char *helo;               /**< or NULL */
        const char *authserv_id;        /**< our own */
        const char *const *trusted_ids; /**< whom we believe */
        size_t trusted_count;
        bool ignore_spf;              /**< take no SPF result */
        gather_observer_fn *observer; /**< NULL = nobody */
        void *observer_context;
} gather_input_t;

/** Memory is the arena's. */
typedef struct gathered {
        dmarc_identifier_t *dkim; /**< every dkim= of a believed field */
        size_t dkim_count, dkim_room;
        bool has_dkim_result;        /**< some believed field has a dkim= */
        bool has_nameless_temperror; /**< and one with temperror, which tells no domain */
        const char *dkim_missing; /**< the d= of a signature that the verifier should have told of;
                                       NULL = none. It stands among `dkim` as a temperror */
        bool has_spf;             /**< a believed spf= for this message's own envelope */
        dmarc_identifier_t spf;
        arc_results_t arc; /**< every arc= of a believed field */
        unsigned *remove;  /**< occurrences of fields that forge our authserv-id, ascending */
        size_t remove_count;
        unsigned ignored; /**< fields that are not believed */
} gathered_t;

/** Read the fields of a complete message. @return 0 or -ENOMEM */
int gather_results(arena_t *arena, const gather_input_t *input, gathered_t *out);

#endif
