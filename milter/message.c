#include "milter/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/mail/envelope.h"

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
        return 0;
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

void message_field(message_t *message, const char *name, const char *body)
{
        fields_add(&message->fields, name);
        if (strcasecmp(name, "From") == 0)
                add_from(message, body);
        else if (strcasecmp(name, "Authentication-Results") == 0)
                add_authres(message, body);
        message->field_index++;
}
