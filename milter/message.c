#include "milter/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/mail/dkim_signature.h"
#include "common/mail/envelope.h"
#include "common/policy/override_input.h"

#define LOGGED_MAX 1000 /* octets kept of what only the log is told */

session_t *session_create(service_t *service)
{
        session_t *session = calloc(1, sizeof(*session));

        if (session == NULL)
                return NULL;
        session->service = service;
        session->message.arena = arena_create(0);
        if (session->message.arena == NULL) {
                free(session);
                return NULL;
        }
        return session;
}

void session_free(session_t *session)
{
        if (session == NULL)
                return;
        message_end(session);
        arena_free(session->message.arena);
        free(session->client_name);
        free(session->helo);
        free(session);
}

static int begin_overrides(message_t *message)
{
        const override_list_t *list = &message->setup->config->milter.overrides;

        if (list->count == 0)
                return 0;
        message->override_input = override_input_begin(message->arena, list);
        return message->override_input != NULL ? 0 : -ENOMEM;
}

int message_begin(session_t *session, const char *mail_from, const char *mail_addr)
{
        message_t *message = &session->message;

        message_end(session);
        message->setup = service_begin(session->service);
        if (message->setup == NULL)
                return -ESHUTDOWN;
        message->sender = envelope_sender(message->arena, mail_from);
        if (mail_addr != NULL)
                message->sender_alt = envelope_sender(message->arena, mail_addr);
        if (message->sender == NULL || (mail_addr != NULL && message->sender_alt == NULL))
                return -ENOMEM;
        return begin_overrides(message);
}

void message_end(session_t *session)
{
        message_t *message = &session->message;
        arena_t *arena = message->arena;

        if (message->setup == NULL)
                return;
        service_end(session->service, message->setup);
        arena_reset(arena);
        memset(message, 0, sizeof(*message));
        message->arena = arena;
}

static void add_from(message_t *message, const char *body)
{
        from_field_t *grown = arena_grow(message->arena, message->from, message->from_count,
                                         &message->from_room, sizeof(*grown));
        from_field_t field = {.len = strlen(body)};

        field.body = arena_strndup(message->arena, body, field.len);
        if (grown == NULL || field.body == NULL) {
                message->failed = true;
                return;
        }
        message->from = grown;
        message->from[message->from_count++] = field;
}

static void add_authres(message_t *message, const char *body)
{
        authres_field_t *grown =
            arena_grow(message->arena, message->authres, message->authres_count,
                       &message->authres_room, sizeof(*grown));
        authres_field_t field = {.len = strlen(body), .index = message->field_index};

        field.body = arena_strndup(message->arena, body, field.len);
        if (grown == NULL || field.body == NULL) {
                message->failed = true;
                return;
        }
        message->authres = grown;
        field.occurrence = (unsigned)message->authres_count + 1;
        message->authres[message->authres_count++] = field;
}

static void add_signature(message_t *message, const char *body)
{
        char domain[DOMAIN_SIZE];
        size_t len = strlen(body);
        int error = dkim_signature_domain(body, len, domain);
        const char **grown, *copy;

        message->signatures_forge_results =
            message->signatures_forge_results || dkim_signature_forges_results(body, len);
        message->failed = message->failed || error == -ENOMEM;
        if (error != 0)
                return;
        grown = arena_grow(message->arena, message->signatures, message->signature_count,
                           &message->signature_room, sizeof(*grown));
        copy = arena_strdup(message->arena, domain);
        if (grown == NULL || copy == NULL) {
                message->failed = true;
                return;
        }
        message->signatures = grown;
        message->signatures[message->signature_count++] = copy;
}

/* For the log: a part will do, so a failure is none of the message's. */
static const char *keep_address(message_t *message, const char *text)
{
        const char *bracket = strchr(text, '<');
        size_t len;

        text = bracket != NULL ? bracket + 1 : text + strspn(text, " \t\r\n");
        len = strcspn(text, ">");
        while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
                len--;
        return arena_strndup(message->arena, text, len < LOGGED_MAX ? len : LOGGED_MAX);
}

void message_field(message_t *message, const char *name, const char *body)
{
        fields_add(&message->fields, name);
        if (strcasecmp(name, "From") == 0)
                add_from(message, body);
        else if (strcasecmp(name, "Authentication-Results") == 0)
                add_authres(message, body);
        else if (strcasecmp(name, "DKIM-Signature") == 0)
                add_signature(message, body);
        else if (message->override_input != NULL)
                override_input_field(message->override_input, name, body, strlen(body));
        if (message->message_id == NULL && strcasecmp(name, "Message-ID") == 0)
                message->message_id = keep_address(message, body);
        message->field_index++;
}

void message_recipient(message_t *message, const char *recipient)
{
        if (message->recipient == NULL)
                message->recipient = keep_address(message, recipient);
        if (message->override_input != NULL &&
            !override_input_recipient(message->override_input, recipient))
                message->failed = true;
}
