#include "common/auth/gather.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/mail/authres.h"
#include "common/mail/domain.h"
#include "common/mail/envelope.h"

#define MISSING_MAX 8 /* signatures without a result that are looked at */

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

/* Some filters leave the angle brackets of the SMTP command in. */
static const char *mailfrom_domain(arena_t *arena, const char *value)
{
        size_t len = value != NULL ? strlen(value) : 0;

        if (len >= 2 && value[0] == '<' && value[len - 1] == '>')
                value = arena_strndup(arena, value + 1, len - 2);
        return value_domain(arena, value);
}

/* The MAIL FROM identity of the null sender is postmaster at the HELO name (RFC 7208 2.4). */
static const char *null_sender_domain(arena_t *arena, const authres_result_t *result)
{
        static const char postmaster[] = "postmaster@";
        const char *value = authres_property(result, AUTHRES_SMTP, "helo");
        const char *mailfrom;

        if (value != NULL)
                return value_domain(arena, value);
        mailfrom = authres_property(result, AUTHRES_SMTP, "mailfrom");
        if (mailfrom != NULL && *mailfrom == '<')
                mailfrom++;
        if (mailfrom == NULL || strncasecmp(mailfrom, postmaster, sizeof(postmaster) - 1) != 0)
                return NULL;
        return mailfrom_domain(arena, authres_property(result, AUTHRES_SMTP, "mailfrom"));
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
                domain = mailfrom_domain(arena, authres_property(result, AUTHRES_SMTP, "mailfrom"));
                if (!same_domain(arena, domain, envelope_sender_domain(sender)))
                        return;
        } else {
                domain = null_sender_domain(arena, result);
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
        out->has_dkim_result = true;
        if (value == NULL && result->result == AUTH_TEMPERROR)
                out->has_nameless_temperror = true;
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
                if (strcasecmp(authserv_id, input->trusted_ids[i]) == 0)
                        return true;
        return false;
}

static bool holds_separator(const char *text)
{
        return text != NULL && strchr(text, ';') != NULL;
}

/*
 * Filters copy what the sender chose into their fields, and not all of them quote it: behind a ";"
 * it reads as a result of theirs, and nothing in the field tells. No honest message has one there.
 */
static bool is_tainted(const gather_input_t *input)
{
        return input->signatures.forge_results || holds_separator(input->sender) ||
               holds_separator(input->helo);
}

static enum gather_belief judge(const gather_input_t *input, const authres_t *authres)
{
        if (authres->authserv_id == NULL)
                return GATHER_MALFORMED;
        if (!is_trusted(input, authres->authserv_id))
                return GATHER_UNTRUSTED;
        if (authres->status != AUTHRES_OK)
                return GATHER_MALFORMED;
        return is_tainted(input) ? GATHER_TAINTED : GATHER_BELIEVED;
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

/* Labels that both end in. */
static size_t common_labels(const char *a, const char *b)
{
        const char *at_a = a + strlen(a), *at_b = b + strlen(b);
        size_t labels = 0;

        while (at_a > a && at_b > b && at_a[-1] == at_b[-1]) {
                at_a--;
                at_b--;
                labels += *at_a == '.';
        }
        if ((at_a == a || at_a[-1] == '.') && (at_b == b || at_b[-1] == '.') && *at_a != '.')
                labels++;
        return labels;
}

/* How near a domain is to an author's: one and the same, else the labels that both end in. 0 = they
 * cannot align. */
static size_t nearness(const from_author_t *author, const char *domain)
{
        size_t most = 0;

        for (size_t i = 0; author != NULL && i < author->domain_count; i++) {
                size_t labels = strcmp(author->domains[i], domain) == 0
                                    ? DOMAIN_MAX
                                    : common_labels(author->domains[i], domain);

                most = labels > most ? labels : most;
        }
        return most;
}

struct missing {
        const char *domain;
        size_t nearness;
};

/* Keep the nearest, each domain once, in the order of nearness. @return how many there are now */
static size_t keep_nearest(struct missing *nearest, size_t count, struct missing candidate)
{
        size_t place = count;

        for (size_t i = 0; i < count; i++)
                if (strcmp(nearest[i].domain, candidate.domain) == 0)
                        return count;
        while (place > 0 && nearest[place - 1].nearness < candidate.nearness)
                place--;
        if (place == MISSING_MAX)
                return count;
        count += count < MISSING_MAX;
        memmove(&nearest[place + 1], &nearest[place], (count - 1 - place) * sizeof(*nearest));
        nearest[place] = candidate;
        return count;
}

/*
 * Contract 5.6: no believed field tells what became of the signatures, so the verifier timed out,
 * or was not there. Each could still pass, as one with temperror could. The nearest to an author
 * domain are looked at, so that others cannot crowd out one that is aligned.
 */
static int add_missing_signatures(struct gathering *gathering)
{
        const gather_signatures_t *signatures = &gathering->input->signatures;
        struct missing nearest[MISSING_MAX];
        gathered_t *out = gathering->out;
        size_t count = 0;

        for (size_t i = 0; i < signatures->count; i++) {
                const char *domain = signatures->domains[i];
                struct missing candidate = {domain, nearness(gathering->input->author, domain)};

                if (candidate.nearness > 0)
                        count = keep_nearest(nearest, count, candidate);
        }
        for (size_t i = 0; i < count; i++) {
                dmarc_identifier_t *grown = arena_grow(gathering->arena, out->dkim, out->dkim_count,
                                                       &out->dkim_room, sizeof(*grown));

                if (grown == NULL)
                        return -ENOMEM;
                out->dkim = grown;
                grown[out->dkim_count++] =
                    (dmarc_identifier_t){.result = AUTH_TEMPERROR, .domain = nearest[i].domain};
        }
        out->dkim_missing = count > 0 ? nearest[0].domain : NULL;
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
        if (out->has_dkim_result && !out->has_nameless_temperror)
                return 0;
        return add_missing_signatures(&gathering);
}
