/*
 * message.h - what the milter keeps of one SMTP session and of its current message
 */
#ifndef TRUEFROM_MILTER_MESSAGE_H
#define TRUEFROM_MILTER_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/auth/gather.h"
#include "common/base/address.h"
#include "common/base/arena.h"
#include "common/mail/fields.h"
#include "common/mail/from.h"
#include "milter/service.h"

/** One message. All memory is the arena's, but for the arena and the setup. */
typedef struct message {
        arena_t *arena;
        setup_t *setup;         /**< NULL = no message has begun */
        const char *sender;     /**< policy-service form; "" = null sender */
        const char *sender_alt; /**< the same as Postfix rewrote it ({mail_addr}), or NULL */
        fields_count_t fields;
        unsigned field_index; /**< fields seen so far */
        from_field_t *from;
        size_t from_count, from_room;
        authres_field_t *authres;
        size_t authres_count, authres_room;
        const char **signatures; /**< d= of the DKIM-Signature fields, normalized */
        size_t signature_count, signature_room;
        bool signatures_forge_results;         /**< dkim_signature_forges_results of any */
        struct override_input *override_input; /**< NULL = no Overrides */
        const char *message_id; /**< of the first such field, without `<` and `>`, for the log; or
                                     NULL */
        const char *recipient;  /**< the first one's address, for the log; NULL = none yet */
        bool failed;            /**< memory ran out while it was gathered */
} message_t;

/** One SMTP session, and so one libmilter connection and thread. */
typedef struct session {
        service_t *service;
        unsigned long no_replies; /**< SMFIP_NR_*: to which events we agreed not to reply */
        bool has_client;
        address_t client;
        uint16_t port;
        char *client_name; /**< verified host name, or NULL */
        char *helo;        /**< as the client wrote it, or NULL */
        bool skip_logged;  /**< that it is ignored stands in the log */
        bool failed;       /**< memory ran out where libmilter takes no reply */
        message_t message;
} session_t;

/** @return NULL when memory is out */
session_t *session_create(service_t *service);

/** Ends the message too. NULL is fine. */
void session_free(session_t *session);

/** Begin a message, ending one that is left over. @param mail_from, mail_addr libmilter's argv[0]
 * and {mail_addr} (NULL = unknown). @return 0, -ENOMEM, or -ESHUTDOWN while stopping */
int message_begin(session_t *session, const char *mail_from, const char *mail_addr);

/** Take note of one field; a failure is kept in message->failed. */
void message_field(message_t *message, const char *name, const char *body);

/** Take note of a recipient, libmilter's argv[0]; as message_field. */
void message_recipient(message_t *message, const char *recipient);

/** End the message: everything of it is given back. Does nothing when none has begun. */
void message_end(session_t *session);

#endif
