#include "milter/join.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/app/log.h"
#include "common/auth/spf.h"
#include "common/mail/envelope.h"
#include "common/state/store.h"

static const char *const source_names[] = {
    [JOIN_NONE] = "none",     [JOIN_QUEUE_ID] = "queueid", [JOIN_ENVELOPE] = "envelope",
    [JOIN_HEADER] = "header", [JOIN_SELF] = "self",
};

const char *join_source_name(enum join_source source)
{
        return source_names[source];
}

/* Postfix rewrites some spellings of a sender before the policy service sees them; the milter then
 * has Postfix's own form only in lower case (postfix.md section 2). */
static bool is_ours(const session_t *session, const char *helo, const entry_t *entry)
{
        const message_t *message = &session->message;

        if (entry_matches(entry, &session->client, helo, message->sender))
                return true;
        return message->sender_alt != NULL && strcasecmp(entry->sender, message->sender_alt) == 0 &&
               entry_matches(entry, &session->client, helo, entry->sender);
}

static int look_up(const session_t *session, enum store_key kind, const char *key, const char *helo,
                   joined_t *out)
{
        arena_t *arena = session->message.arena;
        entry_t entry;
        int error =
            store_get(service_store(session->service), kind, key, time(NULL), arena, &entry);

        if (error == -ENOMEM)
                return error;
        if (error != 0 && error != -ENOENT && error != -EINVAL)
                log_warning("state store: %s; evaluating SPF anew, see that this user can read "
                            "StateDirectory",
                            strerror(-error));
        if (error != 0 || !is_ours(session, helo, &entry))
                return -ENOENT;
        out->source = kind == STORE_QUEUE_ID ? JOIN_QUEUE_ID : JOIN_ENVELOPE;
        out->result = entry.spf;
        out->domain = *entry.spf_domain != '\0' ? entry.spf_domain : NULL;
        return 0;
}

static int look_up_envelope(const session_t *session, const char *helo, joined_t *out)
{
        const message_t *message = &session->message;
        char key[STORE_KEY_SIZE];
        int error;

        store_envelope_key(&session->client, session->port, helo, message->sender, key);
        error = look_up(session, STORE_ENVELOPE, key, helo, out);
        if (error != -ENOENT || message->sender_alt == NULL)
                return error;
        store_envelope_key(&session->client, session->port, helo, message->sender_alt, key);
        return look_up(session, STORE_ENVELOPE, key, helo, out);
}

static int evaluate_self(const session_t *session, const char *helo, int64_t deadline_ms,
                         joined_t *out)
{
        const message_t *message = &session->message;
        spf_evaluator_t *evaluator = spf_evaluator_create(message->setup->resolver);
        spf_outcome_t outcome;

        if (evaluator == NULL)
                return -ENOMEM;
        spf_evaluate(evaluator, &session->client, helo, message->sender, deadline_ms, &outcome);
        spf_evaluator_free(evaluator);
        out->source = JOIN_SELF;
        out->result = outcome.result;
        if (*outcome.domain == '\0')
                return 0;
        out->domain = arena_strdup(message->arena, outcome.domain);
        return out->domain != NULL ? 0 : -ENOMEM;
}

int join(const session_t *session, const char *queue_id, const gathered_t *gathered,
         int64_t deadline_ms, joined_t *out)
{
        const message_t *message = &session->message;
        const char *helo = envelope_helo(message->arena, session->helo);
        int error = -ENOENT;

        memset(out, 0, sizeof(*out));
        if (helo == NULL)
                return -ENOMEM;
        if (session->has_client && queue_id != NULL)
                error = look_up(session, STORE_QUEUE_ID, queue_id, helo, out);
        if (session->has_client && error == -ENOENT)
                error = look_up_envelope(session, helo, out);
        if (error != -ENOENT)
                return error;
        if (gathered->has_spf) {
                out->source = JOIN_HEADER;
                out->result = gathered->spf.result;
                out->domain = gathered->spf.domain;
                return 0;
        }
        if (session->has_client && message->setup->config->milter.spf_self_validate)
                return evaluate_self(session, helo, deadline_ms, out);
        return 0;
}
