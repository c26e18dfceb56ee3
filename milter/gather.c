#include "milter/gather.h"

#include <errno.h>
#include <string.h>

#include "common/app/log.h"
#include "common/mail/authres.h"
#include "common/mail/domain.h"
#include "common/mail/envelope.h"

#define IGNORED_LOGGED_MAX 20

/* A domain as a property's value gives it: "example.org", "user@example.org" or "@example.org".
 * NULL when it is none. */
static const char *value_domain(arena_t *arena, const char *value)
{
        const char *at = value != NULL ? strrchr(value, '@') : NULL;
        char domain[DOMAIN_SIZE];

        if (at != NULL)
                value = at + 1;
        if (value == NULL || domain_normalize(value, strlen(value), domain) != 0)
                return NULL;
        return arena_strdup(arena, domain);
}

static bool same_domain(arena_t *arena, const char *domain, const char *value)
{
        const char *wanted = value_domain(arena, value);

        return domain != NULL && wanted != NULL && strcmp(domain, wanted) == 0;
}

/* CVE-2019-20790: a result of the HELO identity says nothing of MAIL FROM. And a result of another
 * envelope, such as that of an earlier hop, says nothing of ours. */
static void take_spf(const session_t *session, const authres_result_t *result, gathered_t *out)
{
        arena_t *arena = session->message.arena;
        const char *sender = session->message.sender;
        const char *domain;

        if (out->has_spf)
                return;
        if (*sender != '\0') {
                domain = value_domain(arena, authres_property(result, AUTHRES_SMTP, "mailfrom"));
                if (!same_domain(arena, domain, envelope_sender_domain(sender)))
                        return;
        } else {
                domain = value_domain(arena, authres_property(result, AUTHRES_SMTP, "helo"));
                if (!same_domain(arena, domain, session->helo))
                        return;
        }
        out->has_spf = true;
        out->spf.result = result->result;
        out->spf.domain = domain;
}

static int take_dkim(const session_t *session, const authres_result_t *result, gathered_t *out)
{
        arena_t *arena = session->message.arena;
        const char *value = authres_property(result, AUTHRES_HEADER, "d");
        dmarc_identifier_t *dkim;

        if (value == NULL)
                value = authres_property(result, AUTHRES_HEADER, "i");
        if (result->result == AUTH_NONE && value == NULL)
                return 0; /* "dkim=none": there was no signature */
        dkim = arena_grow(arena, out->dkim, out->dkim_count, &out->dkim_room, sizeof(*dkim));
        if (dkim == NULL)
                return -ENOMEM;
        out->dkim = dkim;
        dkim += out->dkim_count++;
        dkim->result = result->result;
        dkim->domain = value_domain(arena, value);
        return 0;
}

static int take_results(const session_t *session, const authres_t *authres, gathered_t *out)
{
        const config_t *config = session->message.setup->config;

        for (size_t i = 0; i < authres->result_count; i++) {
                const authres_result_t *result = &authres->results[i];
                int error = 0;

                if (strcmp(result->method, "dkim") == 0)
                        error = take_dkim(session, result, out);
                else if (strcmp(result->method, "spf") == 0 && !config->milter.spf_ignore_results)
                        take_spf(session, result, out);
                else if (strcmp(result->method, "arc") == 0)
                        arc_results_add(&out->arc, result);
                if (error != 0)
                        return error;
        }
        return 0;
}

static bool is_trusted(const config_t *config, const char *authserv_id)
{
        for (size_t i = 0; i < config->trusted_authserv_ids.count; i++)
                if (authres_id_equal(authserv_id, config->trusted_authserv_ids.items[i]))
                        return true;
        return false;
}

/* A field that is not believed. A message with very many gets no line for each: whoever sent it
 * does not decide how long our log is. */
static void log_ignored(const gathered_t *gathered, const char *queue_id, const char *what,
                        const authres_field_t *field, const char *authserv_id)
{
        const char *from = authserv_id != NULL ? " from " : "";

        if (gathered->ignored > IGNORED_LOGGED_MAX)
                return;
        if (gathered->ignored == IGNORED_LOGGED_MAX)
                log_info("%s ignoring further Authentication-Results", queue_id);
        else
                log_info("%s ignoring %sAuthentication-Results at %u%s%s", queue_id, what,
                         field->index, from, authserv_id != NULL ? authserv_id : "");
}

static int gather_field(const session_t *session, const char *queue_id,
                        const authres_field_t *field, gathered_t *out)
{
        const config_t *config = session->message.setup->config;
        authres_t authres;
        int error = authres_parse(session->message.arena, field->body, field->len, &authres);

        if (error != 0)
                return error;
        if (authres.authserv_id == NULL) {
                log_ignored(out, queue_id, "malformed ", field, NULL);
                out->ignored++;
                return 0;
        }
        if (is_trusted(config, authres.authserv_id)) {
                if (authres.status == AUTHRES_OK)
                        return take_results(session, &authres, out);
                log_ignored(out, queue_id, "malformed ", field, authres.authserv_id);
                out->ignored++;
                return 0;
        }
        log_ignored(out, queue_id, "", field, authres.authserv_id);
        out->ignored++;
        if (authres_id_equal(authres.authserv_id, config->authserv_id))
                out->remove[out->remove_count++] = field->occurrence;
        return 0;
}

int gather(const session_t *session, const char *queue_id, gathered_t *out)
{
        const message_t *message = &session->message;

        memset(out, 0, sizeof(*out));
        out->remove = arena_calloc(message->arena, message->authres_count, sizeof(*out->remove));
        if (out->remove == NULL)
                return -ENOMEM;
        for (size_t i = 0; i < message->authres_count; i++) {
                int error = gather_field(session, queue_id, &message->authres[i], out);

                if (error != 0)
                        return error;
        }
        return 0;
}
