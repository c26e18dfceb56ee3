#include "cli/stored.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/mail/dkim_signature.h"
#include "common/mail/envelope.h"
#include "common/mail/header.h"
#include "common/mail/received.h"

/* One message while its header is read. */
struct reading {
        arena_t *arena;
        const stored_rules_t *rules;
        subject_t *subject;
        const char *message_id;
        from_field_t *from;
        authres_field_t *authres;
        const char **signatures;
        size_t from_room, authres_room, signature_count, signature_room;
        unsigned field_index;
        const char *receiver; /* who wrote the topmost Received field */
        bool client_settled;  /* not one of those to be skipped */
};

static bool is_receiver(struct reading *reading, const char *host)
{
        const text_list_t *receivers = reading->rules->receivers;

        for (size_t i = 0; i < receivers->count; i++)
                if (strcasecmp(receivers->items[i], host) == 0)
                        return true;
        if (receivers->count > 0)
                return false;
        if (reading->receiver == NULL)
                reading->receiver = host;
        return strcasecmp(reading->receiver, host) == 0;
}

static int take_received(struct reading *reading, const header_field_t *field)
{
        subject_t *subject = reading->subject;
        received_t received;
        bool skipped;
        int found;

        if (reading->client_settled)
                return 0;
        found = received_parse(reading->arena, field->body, field->len, &received);
        if (found <= 0 || !is_receiver(reading, received.by))
                return found < 0 ? found : 0;
        skipped =
            address_is_loopback(&received.client) ||
            ignore_file_match(reading->rules->examiner->ignore, &received.client, received.name);
        if (skipped && subject->has_client)
                return 0;
        reading->client_settled = !skipped;
        subject->has_client = true;
        subject->client = received.client;
        subject->client_name = received.name;
        subject->authenticated = received.authenticated;
        subject->helo = envelope_helo(reading->arena, received.helo);
        return subject->helo != NULL ? 0 : -ENOMEM;
}

/* The body without white space at its ends. */
static char *trimmed(arena_t *arena, const header_field_t *field)
{
        const char *at = field->body, *end = field->body + field->len;

        while (at < end && isspace((unsigned char)*at))
                at++;
        while (at < end && isspace((unsigned char)end[-1]))
                end--;
        return arena_strndup(arena, at, (size_t)(end - at));
}

static int take_return_path(struct reading *reading, const header_field_t *field)
{
        const char *path;

        if (reading->subject->sender != NULL)
                return 0;
        path = trimmed(reading->arena, field);
        if (path == NULL)
                return -ENOMEM;
        reading->subject->sender = envelope_sender(reading->arena, path);
        return reading->subject->sender != NULL ? 0 : -ENOMEM;
}

static int take_from(struct reading *reading, const header_field_t *field)
{
        subject_t *subject = reading->subject;
        from_field_t *from = arena_grow(reading->arena, reading->from, subject->from_count,
                                        &reading->from_room, sizeof(*from));

        if (from == NULL)
                return -ENOMEM;
        reading->from = from;
        from[subject->from_count++] = (from_field_t){.body = field->body, .len = field->len};
        return 0;
}

static int take_authres(struct reading *reading, const header_field_t *field)
{
        subject_t *subject = reading->subject;
        authres_field_t *authres =
            arena_grow(reading->arena, reading->authres, subject->authres_count,
                       &reading->authres_room, sizeof(*authres));

        if (authres == NULL)
                return -ENOMEM;
        reading->authres = authres;
        authres += subject->authres_count++;
        *authres = (authres_field_t){
            .body = field->body,
            .len = field->len,
            .index = reading->field_index,
            .occurrence = (unsigned)subject->authres_count,
        };
        return 0;
}

static int take_signature(struct reading *reading, const header_field_t *field)
{
        char domain[DOMAIN_SIZE];
        int error = dkim_signature_domain(field->body, field->len, domain);
        gather_signatures_t *signatures = &reading->subject->signatures;
        const char **grown, *copy;

        signatures->forge_results =
            signatures->forge_results || dkim_signature_forges_results(field->body, field->len);
        if (error != 0)
                return error == -ENOMEM ? error : 0;
        grown = arena_grow(reading->arena, reading->signatures, reading->signature_count,
                           &reading->signature_room, sizeof(*grown));
        copy = arena_strdup(reading->arena, domain);
        if (grown == NULL || copy == NULL)
                return -ENOMEM;
        reading->signatures = grown;
        grown[reading->signature_count++] = copy;
        return 0;
}

static int take_message_id(struct reading *reading, const header_field_t *field)
{
        if (reading->message_id == NULL)
                reading->message_id = trimmed(reading->arena, field);
        return reading->message_id != NULL ? 0 : -ENOMEM;
}

/* What Postfix adds at delivery: the recipient as the client gave it, else after aliases. */
static int take_recipient(struct reading *reading, const header_field_t *field)
{
        struct override_input *input = reading->subject->override_input;
        const char *recipient;

        if (input == NULL || input->recipient_count > 0)
                return 0;
        recipient = trimmed(reading->arena, field);
        return recipient != NULL && override_input_recipient(input, recipient) ? 0 : -ENOMEM;
}

static int take_field(struct reading *reading, const header_field_t *field)
{
        static const struct {
                const char *name;
                int (*take)(struct reading *reading, const header_field_t *field);
        } fields[] = {
            {"From", take_from},
            {"Authentication-Results", take_authres},
            {"DKIM-Signature", take_signature},
            {"Received", take_received},
            {"Return-Path", take_return_path},
            {"Message-ID", take_message_id},
            {"X-Original-To", take_recipient},
            {"Delivered-To", take_recipient},
        };

        for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
                if (strcasecmp(field->name, fields[i].name) == 0)
                        return fields[i].take(reading, field);
        return 0;
}

int stored_read(arena_t *arena, const char *text, size_t len, const stored_rules_t *rules,
                subject_t *subject, const char **message_id)
{
        struct reading reading = {.arena = arena, .rules = rules, .subject = subject};
        header_field_t field;
        header_t header;
        int found = subject_init(rules->examiner, arena, subject);

        if (found != 0)
                return found;
        header_begin(&header, text, len);
        while ((found = header_next(arena, &header, &field)) == 1) {
                int error = take_field(&reading, &field);

                if (error != 0)
                        return error;
                if (subject->override_input != NULL)
                        override_input_field(subject->override_input, field.name, field.body,
                                             field.len);
                fields_add(&subject->fields, field.name);
                reading.field_index++;
        }
        subject->from = reading.from;
        subject->authres = reading.authres;
        subject->signatures.domains = reading.signatures;
        subject->signatures.count = reading.signature_count;
        *message_id = reading.message_id;
        return found;
}
