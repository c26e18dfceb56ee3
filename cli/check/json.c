/*
 * A check for programs: doc/truefrom-check.schema.json describes this object.
 *
 * json_pack refuses a NULL value ("o"), and gives back what it had: so that running out of memory
 * anywhere makes the whole NULL.
 */
#include "cli/json.h"
#include "cli/check/check.h"

static json_t *dkim_results(const check_t *check)
{
        const examination_t *examination = &check->examination;
        json_t *list = json_array();

        for (size_t i = 0; i < examination->dkim_count; i++)
                list = json_added(list, json_pack("{s:o, s:s}", "domain",
                                                  json_word(examination->dkim[i].domain), "result",
                                                  auth_result_name(examination->dkim[i].result)));
        return list;
}

static json_t *author_domains(const from_author_t *author)
{
        json_t *list = json_array();

        for (size_t i = 0; i < author->domain_count; i++)
                list = json_added(list, json_string(author->domains[i]));
        return list;
}

static json_t *message(const check_t *check)
{
        const subject_t *subject = &check->subject;
        const from_author_t *author = &check->examination.author;
        char client[ADDRESS_TEXT_SIZE];

        if (subject->has_client)
                address_format(&subject->client, client);
        return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:s, s:b, s:o, s:s}", "file",
                         json_text(check->arena, check->options->message), "message_id",
                         json_text(check->arena, check->message_id), "client",
                         json_word(subject->has_client ? client : NULL), "client_name",
                         json_text(check->arena, subject->client_name), "helo",
                         json_text(check->arena, subject->helo), "sender",
                         json_text(check->arena, subject->sender), "authenticated",
                         subject->authenticated, "author_domains", author_domains(author), "from",
                         from_verdict_name(author->verdict), "author_domains_incomplete",
                         author->domains_incomplete, "dkim", dkim_results(check), "dkim_source",
                         subject->dkim_given ? "given" : "field");
}

static json_t *beliefs(const check_t *check)
{
        static const char *const words[] = {
            [GATHER_BELIEVED] = "believed",
            [GATHER_UNTRUSTED] = "untrusted",
            [GATHER_MALFORMED] = "malformed",
            [GATHER_TAINTED] = "tainted",
        };
        json_t *list = json_array();

        for (size_t i = 0; i < check->belief_count; i++) {
                const check_belief_t *belief = &check->beliefs[i];

                list = json_added(list, json_pack("{s:i, s:o, s:s}", "index", (int)belief->index,
                                                  "authserv_id", json_word(belief->authserv_id),
                                                  "belief", words[belief->belief]));
        }
        return list;
}

static json_t *dns_event(const trace_event_t *event)
{
        json_t *data = json_array();

        for (size_t i = 0; i < event->count; i++)
                data = json_added(data, json_string(event->data[i]));
        return json_pack("{s:s, s:s, s:s, s:s, s:o, s:b, s:I}", "phase",
                         event->phase == TRACE_SPF ? "spf" : "dmarc", "name", event->name, "type",
                         trace_type_name(event->type), "status", trace_status_name(event->status),
                         "data", data, "cached", event->cached, "microseconds",
                         (json_int_t)event->microseconds);
}

static json_t *dns(const trace_t *trace)
{
        json_t *list = json_array();

        for (size_t i = 0; i < trace->count; i++)
                list = json_added(list, dns_event(&trace->events[i]));
        return list;
}

static json_t *spf(const examination_t *examination)
{
        static const char *const sources[] = {
            [SPF_FROM_NOWHERE] = "none",
            [SPF_FROM_DNS] = "dns",
            [SPF_FROM_FIELD] = "field",
        };
        const spf_outcome_t *outcome = &examination->spf;

        return json_pack("{s:s, s:s, s:o, s:s, s:s}", "result", auth_result_name(outcome->result),
                         "identity", outcome->identity == SPF_HELO ? "helo" : "mailfrom", "domain",
                         json_word(*outcome->domain != '\0' ? outcome->domain : NULL), "source",
                         sources[examination->spf_source], "reason", outcome->reason);
}

/* Alignment is looked at where a policy applies, and of what passed. */
static json_t *alignment(enum auth_result result, bool aligned, bool open)
{
        if (result != AUTH_PASS)
                return json_null();
        return json_string(aligned ? "aligned" : open ? "unknown" : "not aligned");
}

static json_t *dkim_alignment(const check_t *check, const dmarc_outcome_t *outcome)
{
        const examination_t *examination = &check->examination;
        json_t *list = json_array();

        for (size_t i = 0; i < examination->dkim_count && outcome->dkim_aligned != NULL; i++)
                list = json_added(list, alignment(examination->dkim[i].result,
                                                  outcome->dkim_aligned[i], outcome->dkim_open[i]));
        return list;
}

static json_t *spf_alignment(const check_t *check, const dmarc_outcome_t *outcome)
{
        if (outcome->dkim_aligned == NULL)
                return json_null();
        return alignment(check->examination.spf.result, outcome->spf_aligned, outcome->spf_open);
}

static json_t *record(const dmarc_outcome_t *outcome)
{
        const dmarc_record_t *record = outcome->record;

        if (record == NULL)
                return json_null();
        return json_pack("{s:s, s:s, s:s, s:b}", "domain", outcome->policy_domain, "adkim",
                         record->strict_dkim ? "strict" : "relaxed", "aspf",
                         record->strict_spf ? "strict" : "relaxed", "testing", record->testing);
}

static json_t *policy_word(const dmarc_outcome_t *outcome, enum dmarc_policy policy)
{
        return json_word(outcome->has_policy ? dmarc_policy_name(policy) : NULL);
}

static json_t *domain(const check_t *check, const evaluated_domain_t *evaluated)
{
        const dmarc_outcome_t *outcome = evaluated->outcome;

        return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o}", "domain",
                         evaluated->domain, "result", auth_result_name(outcome->result), "reason",
                         outcome->reason, "verdict", verdict_name(evaluated->verdict),
                         "organizational_domain", json_word(outcome->org_domain), "record",
                         record(outcome), "policy", policy_word(outcome, outcome->policy),
                         "policy_tag", json_word(outcome->has_policy ? outcome->policy_tag : NULL),
                         "evaluated", policy_word(outcome, outcome->evaluated), "exists",
                         outcome->author_exists, "spf_alignment", spf_alignment(check, outcome),
                         "dkim_alignment", dkim_alignment(check, outcome));
}

static json_t *domains(const check_t *check)
{
        const evaluation_t *evaluation = &check->examination.evaluation;
        json_t *list = json_array();

        for (size_t i = 0; i < evaluation->domain_count; i++)
                list = json_added(list, domain(check, &evaluation->domains[i]));
        return list;
}

static json_t *decision(const check_t *check, bool enforce)
{
        enum decision_kind decision =
            examine_decide(&check->examiner, &check->examination, enforce);
        const char *reply =
            examine_reply(&check->examiner, check->arena, &check->examination, enforce);

        if (reply == NULL)
                return NULL;
        return json_pack("{s:s, s:o}", "action", decision_name(decision), "text",
                         json_text(check->arena, *reply != '\0' ? reply : NULL));
}

int check_print_json(const check_t *check)
{
        const examination_t *examination = &check->examination;
        const evaluation_t *evaluation = &examination->evaluation;

        return json_print(json_pack(
            "{s:i, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:s, s:s, s:o, s:o, s:b, s:o, s:o, s:o}",
            "version", 1, "message", message(check), "authentication_results", beliefs(check),
            "dns", dns(&check->trace), "spf", spf(examination), "domains", domains(check), "result",
            auth_result_name(check_result(check)), "author_domain",
            json_word(evaluation->author_domain), "reason", evaluation->outcome->reason, "verdict",
            verdict_name(evaluation->verdict), "ignored",
            json_word(spared_name(examination->spared)), "nonconformance",
            json_word(examination->nonconformance), "reject_failures",
            check->examiner.config->milter.reject_failures, "override",
            json_word(examination->override != NULL ? examination->override->name : NULL),
            "configured", decision(check, check->examiner.config->milter.reject_failures),
            "enforced", decision(check, true)));
}
