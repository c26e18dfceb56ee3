#include "common/auth/gather.h"

#include <errno.h>
#include <string.h>

#include "common/mail/authres.h"
#include "common/mail/domain.h"
#include "common/mail/envelope.h"

/* One message's fields while they are read. */
struct gathering {
        arena_t *arena;
        const gather_input_t *input;
        gathered_t *out;
};

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
static void take_spf(struct gathering *gathering, const authres_result_t *result)
{
        arena_t *arena = gathering->arena;
        const char *sender = gathering->input->sender;
        gathered_t *out = gathering->out;
        const char *domain;

        if (out->has_spf)
                return;
        if (*sender != '\0') {
                domain = value_domain(arena, authres_property(result, AUTHRES_SMTP, "mailfrom"));
                if (!same_domain(arena, domain, envelope_sender_domain(sender)))
                        return;
        } else {
                domain = value_domain(arena, authres_property(result, AUTHRES_SMTP, "helo"));
                if (!same_domain(arena, domain, gathering->input->helo))
                        return;
        }
        out->has_spf = true;
        out->spf.result = result->result;
        out->spf.domain = domain;
}

static int take_dkim(struct gathering *gathering, const authres_result_t *result)
{
        arena_t *arena = gathering->arena;
        gathered_t *out = gathering->out;
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

static int take_results(struct gathering *gathering, const authres_t *authres)
{
        for (size_t i = 0; i < authres->result_count; i++) {
                const authres_result_t *result = &authres->results[i];
                int error = 0;

                if (strcmp(result->method, "dkim") == 0)
                        error = take_dkim(gathering, result);
                else if (strcmp(result->method, "spf") == 0 && !gathering->input->ignore_spf)
                        take_spf(gathering, result);
                else if (strcmp(result->method, "arc") == 0)
                        arc_results_add(&gathering->out->arc, result);
                if (error != 0)
                        return error;
        }
        return 0;
}

static bool is_trusted(const gather_input_t *input, const char *authserv_id)
{
        for (size_t i = 0; i < input->trusted_count; i++)
                if (authres_id_equal(authserv_id, input->trusted_ids[i]))
                        return true;
        return false;
}

static enum gather_belief judge(const gather_input_t *input, const authres_t *authres)
{
        if (authres->authserv_id == NULL)
                return GATHER_MALFORMED;
        if (!is_trusted(input, authres->authserv_id))
                return GATHER_UNTRUSTED;
        return authres->status == AUTHRES_OK ? GATHER_BELIEVED : GATHER_MALFORMED;
}

static int gather_field(struct gathering *gathering, const authres_field_t *field)
{
        const gather_input_t *input = gathering->input;
        gathered_t *out = gathering->out;
        enum gather_belief belief;
        authres_t authres;
        int error = authres_parse(gathering->arena, field->body, field->len, &authres);

        if (error != 0)
                return error;
        belief = judge(input, &authres);
        if (input->observer != NULL)
                input->observer(input->observer_context, field, belief, authres.authserv_id);
        if (belief == GATHER_BELIEVED)
                return take_results(gathering, &authres);
        out->ignored++;
        if (belief == GATHER_UNTRUSTED && authres_id_equal(authres.authserv_id, input->authserv_id))
                out->remove[out->remove_count++] = field->occurrence;
        return 0;
}

int gather_results(arena_t *arena, const gather_input_t *input, gathered_t *out)
{
        struct gathering gathering = {.arena = arena, .input = input, .out = out};

        memset(out, 0, sizeof(*out));
        out->remove = arena_calloc(arena, input->field_count, sizeof(*out->remove));
        if (out->remove == NULL)
                return -ENOMEM;
        for (size_t i = 0; i < input->field_count; i++) {
                int error = gather_field(&gathering, &input->fields[i]);

                if (error != 0)
                        return error;
        }
        return 0;
}
