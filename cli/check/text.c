/*
 * A check for people: what was asked, every DNS question, every decision and its reason.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/check/check.h"
#include "cli/paint.h"

#define NAME_WIDTH_MAX 50 /* a longer DNS name pushes its own answer to the right */

/* A check while it is told. */
struct telling {
        const check_t *check;
        arena_t *arena;
        paint_t paint;
};

static enum paint_style result_style(enum auth_result result)
{
        switch (result) {
        case AUTH_PASS:
                return PAINT_GOOD;
        case AUTH_FAIL:
        case AUTH_SOFTFAIL:
                return PAINT_BAD;
        case AUTH_TEMPERROR:
        case AUTH_PERMERROR:
                return PAINT_DOUBT;
        default:
                return PAINT_PLAIN;
        }
}

static void heading(const struct telling *telling, const char *text)
{
        paint_print(&telling->paint, PAINT_HEADING, "%s\n", text);
}

static void label(const struct telling *telling, const char *text)
{
        paint_print(&telling->paint, PAINT_DIM, "  %-14s ", text);
}

/* A line of text from outside. */
static void line(const struct telling *telling, const char *name, const char *text)
{
        label(telling, name);
        fprintf(telling->paint.out, "%s\n", paint_text(telling->arena, text));
}

static void result_word(const struct telling *telling, enum auth_result result)
{
        paint_print(&telling->paint, result_style(result), "%s", auth_result_name(result));
}

/* --- the message ------------------------------------------------------------------------------ */

static void tell_client(const struct telling *telling)
{
        const subject_t *subject = &telling->check->subject;
        char client[ADDRESS_TEXT_SIZE];

        label(telling, "client");
        if (!subject->has_client)
                fputs("not known", telling->paint.out);
        else
                fputs(address_format(&subject->client, client), telling->paint.out);
        if (subject->client_name != NULL)
                fprintf(telling->paint.out, " (%s)",
                        paint_text(telling->arena, subject->client_name));
        fputs(subject->authenticated ? ", authenticated\n" : "\n", telling->paint.out);
}

static void tell_authors(const struct telling *telling)
{
        const from_author_t *author = &telling->check->examination.author;
        FILE *out = telling->paint.out;

        label(telling, "author domain");
        for (size_t i = 0; i < author->domain_count; i++)
                fprintf(out, "%s%s", i > 0 ? ", " : "", author->domains[i]);
        if (author->domain_count == 0)
                fputs("none", out);
        if (author->verdict != FROM_SINGLE)
                paint_print(&telling->paint, PAINT_DOUBT, " (From: %s%s)",
                            from_verdict_name(author->verdict),
                            author->domains_incomplete ? ", with more than can be evaluated" : "");
        fputc('\n', out);
}

static void tell_belief(const struct telling *telling, const check_belief_t *belief)
{
        static const char *const words[] = {
            [GATHER_BELIEVED] = "believed",
            [GATHER_UNTRUSTED] = "not believed: its authserv-id is not in TrustedAuthservIDs",
            [GATHER_MALFORMED] = "not believed: malformed",
            [GATHER_TAINTED] = "not believed: the message holds a \";\" where filters copy from",
        };

        label(telling, "results from");
        fprintf(telling->paint.out, "%s: %s\n",
                belief->authserv_id != NULL ? belief->authserv_id : "-", words[belief->belief]);
}

static const char *dkim_source_text(const check_t *check)
{
        if (check->subject.dkim_given)
                return "as given";
        if (check->examination.gathered.dkim_missing != NULL)
                return "signed, but no believed field tells the result";
        return "not verified anew: as believed fields say";
}

static void tell_dkim_results(const struct telling *telling)
{
        const examination_t *examination = &telling->check->examination;
        FILE *out = telling->paint.out;

        for (size_t i = 0; i < examination->dkim_count; i++) {
                label(telling, "DKIM");
                result_word(telling, examination->dkim[i].result);
                fprintf(out, " %s\n", paint_text(telling->arena, examination->dkim[i].domain));
        }
        label(telling, examination->dkim_count > 0 ? "" : "DKIM");
        if (examination->dkim_count == 0)
                fputs("none", out);
        fprintf(out, "%s(%s)\n", examination->dkim_count > 0 ? "" : " ",
                dkim_source_text(telling->check));
}

static void tell_message(const struct telling *telling)
{
        const check_t *check = telling->check;
        const subject_t *subject = &check->subject;

        heading(telling, "Message");
        if (check->options->message != NULL)
                line(telling, "file", check->options->message);
        if (check->message_id != NULL)
                line(telling, "Message-ID", check->message_id);
        tell_client(telling);
        line(telling, "HELO", subject->helo);
        line(telling, "sender", *subject->sender != '\0' ? subject->sender : "<>");
        tell_authors(telling);
        for (size_t i = 0; i < check->belief_count; i++)
                tell_belief(telling, &check->beliefs[i]);
        tell_dkim_results(telling);
}

/* --- the DNS ---------------------------------------------------------------------------------- */

static void tell_data(const struct telling *telling, const trace_event_t *event)
{
        const char *quote = event->type == DNS_TXT ? "\"" : "";

        for (size_t i = 0; i < event->count; i++)
                fprintf(telling->paint.out, "%s%s%s%s", i > 0 ? ", " : "", quote, event->data[i],
                        quote);
        if (event->status == DNS_OK)
                return;
        paint_print(&telling->paint,
                    event->status == DNS_TEMPFAIL || event->status == DNS_TIMEOUT ? PAINT_DOUBT
                                                                                  : PAINT_DIM,
                    "%s",
                    event->status == DNS_NODATA     ? "no such record"
                    : event->status == DNS_NXDOMAIN ? "no such name (NXDOMAIN)"
                    : event->status == DNS_TIMEOUT  ? "no answer in time"
                                                    : "no usable answer");
}

static void tell_event(const struct telling *telling, const trace_event_t *event, int width)
{
        paint_print(&telling->paint, PAINT_DIM, "  DNS  ");
        fprintf(telling->paint.out, "%-4s %-*s  -> ", trace_type_name(event->type), width,
                event->name);
        tell_data(telling, event);
        if (event->cached)
                paint_print(&telling->paint, PAINT_DIM, "  (known)\n");
        else
                paint_print(&telling->paint, PAINT_DIM, "  (%.1f ms)\n",
                            (double)event->microseconds / 1000);
}

static void tell_events(const struct telling *telling, enum trace_phase phase)
{
        const trace_t *trace = &telling->check->trace;
        size_t width = 0;

        for (size_t i = 0; i < trace->count; i++) {
                size_t len = strlen(trace->events[i].name);

                if (trace->events[i].phase == phase && len > width && len <= NAME_WIDTH_MAX)
                        width = len;
        }
        for (size_t i = 0; i < trace->count; i++)
                if (trace->events[i].phase == phase)
                        tell_event(telling, &trace->events[i], (int)width);
}

/* --- SPF and DMARC ---------------------------------------------------------------------------- */

static void tell_spf(const struct telling *telling)
{
        const spf_outcome_t *spf = &telling->check->examination.spf;

        heading(telling, "\nSPF");
        tell_events(telling, TRACE_SPF);
        label(telling, spf->identity == SPF_HELO ? "HELO" : "MAIL FROM");
        fprintf(telling->paint.out, "%s\n", *spf->domain != '\0' ? spf->domain : "-");
        label(telling, "result");
        result_word(telling, spf->result);
        fprintf(telling->paint.out, ": %s\n", spf->reason);
}

static const char *record_place(const evaluated_domain_t *evaluated)
{
        const dmarc_outcome_t *outcome = evaluated->outcome;

        if (strcmp(outcome->policy_domain, evaluated->domain) == 0)
                return "the author domain's own";
        if (outcome->org_domain != NULL && strcmp(outcome->policy_domain, outcome->org_domain) == 0)
                return "of the organizational domain";
        return outcome->record->psd == DMARC_PSD_Y ? "of the public suffix domain"
                                                   : "found first on the way up";
}

static void tell_record(const struct telling *telling, const evaluated_domain_t *evaluated)
{
        const dmarc_outcome_t *outcome = evaluated->outcome;

        label(telling, "record");
        if (outcome->policy_domain == NULL)
                fputs("none\n", telling->paint.out);
        else
                fprintf(telling->paint.out, "_dmarc.%s (%s)\n", outcome->policy_domain,
                        record_place(evaluated));
        if (outcome->org_domain != NULL)
                line(telling, "organization", outcome->org_domain);
}

static void tell_policy(const struct telling *telling, const dmarc_outcome_t *outcome)
{
        FILE *out = telling->paint.out;

        if (outcome->record == NULL)
                return;
        label(telling, "policy");
        if (!outcome->has_policy) {
                fputs(outcome->record->usable ? "not known\n" : "none that can be used\n", out);
                return;
        }
        fprintf(out, "%s (", dmarc_policy_name(outcome->policy));
        if (outcome->policy_tag != NULL)
                fprintf(out, "tag %s%s)", outcome->policy_tag,
                        outcome->author_exists ? "" : ": the author domain does not exist");
        else
                fputs("no tag of it is valid)", out);
        if (outcome->record->testing)
                fprintf(out, ", counts as %s (t=y: testing)",
                        dmarc_policy_name(outcome->evaluated));
        fputc('\n', out);
}

static void tell_identifier(const struct telling *telling, const char *method,
                            const dmarc_identifier_t *identifier, bool aligned, bool open,
                            bool strict)
{
        FILE *out = telling->paint.out;

        label(telling, method);
        result_word(telling, identifier->result);
        if (identifier->domain != NULL)
                fprintf(out, " %s", paint_text(telling->arena, identifier->domain));
        if (identifier->result == AUTH_PASS) {
                fputs(", ", out);
                paint_print(&telling->paint,
                            aligned ? PAINT_GOOD
                            : open  ? PAINT_DOUBT
                                    : PAINT_BAD,
                            "%s",
                            aligned ? "aligned"
                            : open  ? "alignment not known"
                                    : "not aligned");
                fprintf(out, " (%s)", strict ? "strict" : "relaxed");
        }
        fputc('\n', out);
}

static void tell_identifiers(const struct telling *telling, const dmarc_outcome_t *outcome)
{
        const examination_t *examination = &telling->check->examination;
        const dmarc_identifier_t spf = {
            .result = examination->spf.result,
            .domain = *examination->spf.domain != '\0' ? examination->spf.domain : NULL,
        };

        if (outcome->dkim_aligned == NULL)
                return;
        tell_identifier(telling, "SPF", &spf, outcome->spf_aligned, outcome->spf_open,
                        outcome->record->strict_spf);
        for (size_t i = 0; i < examination->dkim_count; i++)
                tell_identifier(telling, "DKIM", &examination->dkim[i], outcome->dkim_aligned[i],
                                outcome->dkim_open[i], outcome->record->strict_dkim);
}

static void tell_domain(const struct telling *telling, const evaluated_domain_t *evaluated)
{
        const dmarc_outcome_t *outcome = evaluated->outcome;

        paint_print(&telling->paint, PAINT_HEADING, "\nDMARC for %s\n", evaluated->domain);
        tell_record(telling, evaluated);
        tell_policy(telling, outcome);
        tell_identifiers(telling, outcome);
        label(telling, "result");
        result_word(telling, outcome->result);
        fprintf(telling->paint.out, ": %s\n", outcome->reason);
}

/* --- the verdict ------------------------------------------------------------------------------ */

static void tell_spared(const struct telling *telling)
{
        static const char *const reasons[] = {
            [SPARED_CLIENT] = "IgnoreHosts has the client",
            [SPARED_AUTHENTICATED] = "the client is authenticated",
            [SPARED_AUTHOR] = "IgnoreMailFrom has the author domain",
        };
        enum spared spared = telling->check->examination.spared;

        if (spared == SPARED_NOT)
                return;
        label(telling, "ignored");
        paint_print(&telling->paint, PAINT_DOUBT, "%s: the milter would not evaluate this\n",
                    reasons[spared]);
}

static void tell_nonconformance(const struct telling *telling)
{
        static const char *const settings[] = {"off", "on", "\"from\""};
        const check_t *check = telling->check;
        const char *why = check->examination.nonconformance;

        if (why == NULL)
                return;
        label(telling, "RFC 5322");
        fprintf(telling->paint.out, "%s (RequiredHeaders is %s)\n", why,
                settings[check->examiner.config->milter.required_headers]);
}

static void tell_override(const struct telling *telling)
{
        static const char *const actions[] = {
            [OVERRIDE_ENFORCE] = "enforces the policy",
            [OVERRIDE_ANNOTATE] = "annotates only",
            [OVERRIDE_QUARANTINE] = "holds at most",
        };
        const override_t *override = telling->check->examination.override;

        if (override == NULL)
                return;
        label(telling, "override");
        fprintf(telling->paint.out, "the entry %s of Overrides matches: it %s\n", override->name,
                actions[override->action]);
}

static void tell_decision(const struct telling *telling, const char *name, bool enforce)
{
        static const enum paint_style styles[] = {
            [DECISION_ACCEPT] = PAINT_GOOD,
            [DECISION_HOLD] = PAINT_DOUBT,
            [DECISION_REJECT] = PAINT_BAD,
            [DECISION_TEMPFAIL] = PAINT_DOUBT,
        };
        const check_t *check = telling->check;
        enum decision_kind decision =
            examine_decide(&check->examiner, &check->examination, enforce);
        const char *reply =
            examine_reply(&check->examiner, check->arena, &check->examination, enforce);

        label(telling, name);
        paint_print(&telling->paint, styles[decision], "%s", decision_name(decision));
        if (reply != NULL && *reply != '\0')
                fprintf(telling->paint.out, ": %s", paint_text(telling->arena, reply));
        else if (!enforce && check->examination.override == NULL)
                fputs(" (RejectFailures is off)", telling->paint.out);
        fputc('\n', telling->paint.out);
}

static void tell_verdict(const struct telling *telling)
{
        const check_t *check = telling->check;
        const evaluation_t *evaluation = &check->examination.evaluation;
        const override_t *override = check->examination.override;
        bool enforcing = override != NULL ? override->action != OVERRIDE_ANNOTATE
                                          : check->examiner.config->milter.reject_failures;

        heading(telling, "\nVerdict");
        label(telling, "result");
        result_word(telling, check_result(check));
        fprintf(telling->paint.out, " for %s: %s\n",
                evaluation->author_domain != NULL ? evaluation->author_domain : "the message",
                evaluation->outcome->reason);
        tell_spared(telling);
        tell_nonconformance(telling);
        tell_override(telling);
        tell_decision(telling, enforcing ? "enforced" : "not enforced", enforcing);
        if (!enforcing && override == NULL)
                tell_decision(telling, "if enforced", true);
}

void check_print_text(const check_t *check)
{
        struct telling telling = {.check = check, .arena = check->arena};
        const evaluation_t *evaluation = &check->examination.evaluation;

        paint_init(&telling.paint, stdout);
        tell_message(&telling);
        tell_spf(&telling);
        heading(&telling, "\nDMARC");
        tell_events(&telling, TRACE_DMARC);
        for (size_t i = 0; i < evaluation->domain_count; i++)
                tell_domain(&telling, &evaluation->domains[i]);
        tell_verdict(&telling);
}
