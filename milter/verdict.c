#include "milter/verdict.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/app/handling.h"
#include "common/app/log.h"
#include "common/auth/evaluate.h"
#include "common/mail/authres.h"
#include "common/policy/override_input.h"
#include "milter/gather.h"
#include "milter/join.h"
#include "milter/metrics.h"

#define EVALUATION_LIMIT_MS 20000 /* contract section 2, DNSTimeout */
#define WORD_SIZE           256   /* of a Message-ID or an address in the log */

/* One message on its way to a decision. */
struct state {
        const session_t *session;
        const config_t *config;
        arena_t *arena;
        const char *queue_id; /* for logs: never NULL */
        from_author_t author;
        gathered_t gathered;
        joined_t spf;
        evaluation_t evaluation;
        enum dmarc_policy disposition;
};

static void count(const session_t *session, enum milter_metric metric, unsigned first,
                  unsigned second)
{
        metrics_add(service_metrics(session->service), metric, first, second, 1);
}

/* Once a connection, however many messages it brings. */
static void log_skipped(session_t *session)
{
        char client[ADDRESS_TEXT_SIZE] = "unknown";

        if (session->skip_logged)
                return;
        session->skip_logged = true;
        if (session->has_client)
                address_format(&session->client, client);
        log_info("ignoring connection from %.255s [%s]",
                 session->client_name != NULL ? session->client_name : "unknown", client);
}

bool verdict_skips(session_t *session, const char *auth_authen)
{
        const setup_t *setup = session->message.setup;

        if (setup->config->ignore_authenticated_clients && auth_authen != NULL &&
            *auth_authen != '\0') {
                count(session, MILTER_IGNORED, IGNORED_AUTHENTICATED, 0);
                log_skipped(session);
                return true;
        }
        if (!ignore_file_match(setup->ignore, session->has_client ? &session->client : NULL,
                               session->client_name))
                return false;
        count(session, MILTER_IGNORED, IGNORED_HOST, 0);
        log_skipped(session);
        return true;
}

static int refuse(struct state *state, decision_t *decision, const char *text)
{
        decision->kind = DECISION_REJECT;
        decision->reply_code = "550";
        decision->reply_status = "5.7.1";
        decision->reply_text = text;
        state->disposition = DMARC_POLICY_REJECT;
        return text != NULL ? 0 : -ENOMEM;
}

static int refuse_nonconforming(struct state *state, decision_t *decision, const char *why)
{
        log_info("%s: RFC5322 requirement error: %s", state->queue_id, why);
        return refuse(state, decision, rules_nonconformance_text(state->arena, why));
}

static int refuse_required(struct state *state, decision_t *decision, const char *why)
{
        count(state->session, MILTER_REFUSED, REFUSED_NONCONFORMING, 0);
        return refuse_nonconforming(state, decision, why);
}

static int hold(struct state *state, decision_t *decision, const char *text)
{
        decision->kind = DECISION_HOLD;
        decision->hold_reason = text;
        state->disposition = DMARC_POLICY_QUARANTINE;
        return text != NULL ? 0 : -ENOMEM;
}

static int defer(decision_t *decision, const char *text)
{
        decision->kind = DECISION_TEMPFAIL;
        decision->reply_code = "451";
        decision->reply_status = "4.7.1";
        decision->reply_text = text;
        return text != NULL ? 0 : -ENOMEM;
}

/* The entry of Overrides that decides, or NULL. */
static const override_t *find_override(const struct state *state)
{
        const session_t *session = state->session;
        const override_facts_t facts = {
            .author_domains = state->author.domains,
            .author_count = state->author.domain_count,
            .authors_incomplete = state->author.domains_incomplete,
            .client = session->has_client ? &session->client : NULL,
            .client_name = session->client_name,
        };

        return override_input_find(session->message.override_input, &state->gathered.arc, &facts);
}

/* Whether DMARC can refuse the message, which then is what the sender is told, and not how it
 * breaks RFC 5322. Without that, nothing needs to be evaluated. */
static bool may_refuse(const struct state *state)
{
        const handling_t handling = handling_of(state->config, find_override(state));

        return handling.enforce && !rules_ignore_author(state->config, &state->author) &&
               (handling.on_reject == ACTION_REJECT || handling.on_quarantine == ACTION_REJECT);
}

static bool refuses(const struct state *state)
{
        const handling_t handling = handling_of(state->config, find_override(state));

        return state->evaluation.author_domain != NULL &&
               rules_decide(&handling, state->evaluation.verdict) == DECISION_REJECT;
}

static int act(struct state *state, decision_t *decision)
{
        const override_t *override = find_override(state);
        const handling_t handling = handling_of(state->config, override);
        const char *domain = state->evaluation.author_domain;
        enum decision_kind kind = rules_decide(&handling, state->evaluation.verdict);
        const char *text = rules_text(state->arena, state->config, kind, domain);

        decision->override = override != NULL ? override->name : NULL;
        switch (kind) {
        case DECISION_REJECT:
                if (domain == NULL)
                        return refuse_nonconforming(state, decision, "malformed From field");
                return refuse(state, decision, text);
        case DECISION_HOLD:
                return hold(state, decision, text);
        case DECISION_TEMPFAIL:
                return defer(decision, text);
        case DECISION_ACCEPT:
                break;
        }
        return 0;
}

static int annotate(const struct state *state, decision_t *decision)
{
        const dmarc_outcome_t *outcome = state->evaluation.outcome;
        const char *sender = state->session->message.sender;
        authres_report_t report = {
            .authserv_id = state->config->authserv_id,
            .has_spf = state->spf.source != JOIN_NONE && state->spf.source != JOIN_HEADER,
            .spf = state->spf.result,
            .spf_mailfrom = *sender != '\0' ? sender : NULL,
            .spf_helo = state->session->helo,
            .dmarc = outcome->result,
            .policy = outcome->has_policy ? outcome->policy : DMARC_POLICY_NONE,
            .disposition = state->disposition,
            .header_from = state->evaluation.author_domain,
            .has_evaluated = outcome->has_policy,
            .evaluated = outcome->evaluated,
        };

        if (decision->override != NULL) {
                report.comment = arena_printf(state->arena, "override=%s", decision->override);
                if (report.comment == NULL)
                        return -ENOMEM;
        }
        decision->field = authres_format(state->arena, &report);
        decision->remove = state->gathered.remove;
        decision->remove_count = state->gathered.remove_count;
        if (state->config->milter.copy_failures_to != NULL && outcome->result == AUTH_FAIL &&
            outcome->has_policy && outcome->evaluated != DMARC_POLICY_NONE)
                decision->add_recipient = state->config->milter.copy_failures_to;
        return decision->field != NULL ? 0 : -ENOMEM;
}

/* The signature that tells most: one that aligns, else one that passed, else the first. */
static const dmarc_identifier_t *dkim_for_log(const struct state *state)
{
        const gathered_t *gathered = &state->gathered;
        const dmarc_outcome_t *outcome = state->evaluation.outcome;
        const dmarc_identifier_t *passed = NULL;

        for (size_t i = 0; i < gathered->dkim_count; i++) {
                if (outcome->dkim_aligned != NULL && outcome->dkim_aligned[i])
                        return &gathered->dkim[i];
                if (passed == NULL && gathered->dkim[i].result == AUTH_PASS)
                        passed = &gathered->dkim[i];
        }
        if (passed != NULL)
                return passed;
        return gathered->dkim_count > 0 ? &gathered->dkim[0] : NULL;
}

static const char *or_dash(const char *text)
{
        return text != NULL ? text : "-";
}

static void log_decision(const struct state *state, const decision_t *decision)
{
        static const dmarc_identifier_t no_dkim = {.result = AUTH_NONE};
        const dmarc_outcome_t *outcome = state->evaluation.outcome;
        const dmarc_identifier_t *dkim = dkim_for_log(state);
        char client[ADDRESS_TEXT_SIZE] = "unknown";
        char message_id[WORD_SIZE], recipient[WORD_SIZE];
        const bool held = decision->kind == DECISION_HOLD;

        if (dkim == NULL)
                dkim = &no_dkim;
        if (state->session->has_client)
                address_format(&state->session->client, client);
        if (state->gathered.dkim_missing != NULL && outcome->result == AUTH_TEMPERROR)
                log_warning(
                    "%s: no trusted Authentication-Results field tells of the DKIM signature "
                    "of %s; see that the milter that verifies DKIM answers",
                    state->queue_id, state->gathered.dkim_missing);
        log_info("%s: %s %s policy=%s disposition=%s spf=%s/%s dkim=%s/%s client=%s join=%s%s%s"
                 "%s%s%s msgid=<%s> to=<%s>",
                 state->queue_id, or_dash(state->evaluation.author_domain),
                 auth_result_name(outcome->result),
                 outcome->has_policy ? dmarc_policy_name(outcome->policy) : "none",
                 decision->kind == DECISION_TEMPFAIL ? "tempfail"
                                                     : dmarc_policy_name(state->disposition),
                 auth_result_name(state->spf.result), or_dash(state->spf.domain),
                 auth_result_name(dkim->result), or_dash(dkim->domain), client,
                 join_source_name(state->spf.source),
                 decision->override != NULL ? " override=" : "",
                 decision->override != NULL ? decision->override : "", held ? " hold=\"" : "",
                 held ? decision->hold_reason : "", held ? "\"" : "",
                 log_word(state->session->message.message_id, message_id, sizeof(message_id)),
                 log_word(state->session->message.recipient, recipient, sizeof(recipient)));
}

static void count_decision(const struct state *state, const decision_t *decision)
{
        const unsigned disposition = decision->kind == DECISION_TEMPFAIL
                                         ? DISPOSITION_TEMPFAIL
                                         : (unsigned)state->disposition;

        count(state->session, MILTER_MESSAGES, state->evaluation.outcome->result, disposition);
        count(state->session, MILTER_JOINS, state->spf.source, 0);
}

static int evaluate(struct state *state, const char *queue_id)
{
        const int64_t deadline_ms = dns_clock_ms() + EVALUATION_LIMIT_MS;
        evaluation_input_t input = {.author = &state->author};
        int error = join(state->session, queue_id, &state->gathered, deadline_ms, &state->spf);

        if (error != 0)
                return error;
        input.spf.result = state->spf.result;
        input.spf.domain = state->spf.domain;
        input.dkim = state->gathered.dkim;
        input.dkim_count = state->gathered.dkim_count;
        return evaluate_message(state->arena, state->session->message.setup->resolver, &input,
                                deadline_ms, &state->evaluation);
}

int verdict_decide(const session_t *session, const char *queue_id, decision_t *decision)
{
        const message_t *message = &session->message;
        struct state state = {
            .session = session,
            .config = message->setup->config,
            .arena = message->arena,
            .queue_id = queue_id != NULL ? queue_id : "NOQUEUE",
        };
        const char *why;
        int error;

        memset(decision, 0, sizeof(*decision));
        if (message->failed)
                return -ENOMEM;
        error = from_parse(state.arena, message->from, message->from_count, &state.author);
        if (error == 0)
                error = gather(session, state.queue_id, &state.author, &state.gathered);
        if (error != 0)
                return error;
        why = state.config->milter.required_headers != REQUIRED_NONE
                  ? rules_nonconformance(state.config, &message->fields, &state.author)
                  : NULL;
        if (why != NULL && (!rules_dmarc_goes_first(why) || !may_refuse(&state)))
                return refuse_required(&state, decision, why);
        if (why == NULL && rules_ignore_author(state.config, &state.author)) {
                log_info("%s: %s ignored", state.queue_id, state.author.domains[0]);
                count(session, MILTER_IGNORED, IGNORED_MAIL_FROM, 0);
                decision->remove = state.gathered.remove;
                decision->remove_count = state.gathered.remove_count;
                return 0;
        }
        error = evaluate(&state, queue_id);
        if (error == 0 && why != NULL && !refuses(&state))
                return refuse_required(&state, decision, why);
        if (error == 0)
                error = act(&state, decision);
        if (error == 0 && (decision->kind == DECISION_ACCEPT || decision->kind == DECISION_HOLD))
                error = annotate(&state, decision);
        if (error != 0)
                return error;
        log_decision(&state, decision);
        count_decision(&state, decision);
        return 0;
}
