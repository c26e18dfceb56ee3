/*
 * What a replay found: for people a table, for programs one object.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json.h"
#include "cli/paint.h"
#include "cli/replay/replay.h"

static bool is_refused(const replay_result_t *result)
{
        return result->state == REPLAY_EVALUATED && result->decision != DECISION_ACCEPT;
}

static void count(const replay_result_t *result, replay_totals_t *totals)
{
        totals->believed += result->believed;
        switch (result->state) {
        case REPLAY_UNREADABLE:
                totals->unreadable++;
                break;
        case REPLAY_NO_ENVELOPE:
                totals->no_envelope++;
                break;
        case REPLAY_IGNORED:
                totals->ignored++;
                break;
        case REPLAY_EVALUATED:
                totals->evaluated++;
                totals->decisions[result->decision]++;
                break;
        }
}

static int by_domain(const void *a, const void *b)
{
        const replay_result_t *const *one = a, *const *other = b;
        int order = strcmp((*one)->domain, (*other)->domain);

        /* results lie in the order of the messages */
        return order != 0 ? order : (*one > *other) - (*one < *other);
}

static size_t refused(const replay_domain_t *domain)
{
        return domain->decisions[DECISION_REJECT] + domain->decisions[DECISION_HOLD] +
               domain->decisions[DECISION_TEMPFAIL];
}

static int by_count(const void *a, const void *b)
{
        const replay_domain_t *one = a, *other = b;
        size_t refused_one = refused(one), refused_other = refused(other);

        if (refused_one != refused_other)
                return refused_one > refused_other ? -1 : 1;
        return strcmp(one->domain, other->domain);
}

/* Sum up results that are sorted by domain; keep the domains of which some would be refused. */
static size_t sum_domains(const replay_t *replay, const replay_result_t *const *sorted,
                          size_t total, replay_domain_t *out)
{
        size_t kept = 0;

        for (size_t i = 0; i < total;) {
                replay_domain_t sum = {.domain = sorted[i]->domain};
                bool any = false;

                for (; i < total && strcmp(sorted[i]->domain, sum.domain) == 0; i++) {
                        sum.decisions[sorted[i]->decision]++;
                        if (!any && is_refused(sorted[i])) {
                                sum.example = (size_t)(sorted[i] - replay->results);
                                any = true;
                        }
                }
                if (any)
                        out[kept++] = sum;
        }
        return kept;
}

int replay_summarize(const replay_t *replay, replay_summary_t *out)
{
        const size_t total = replay->mailbox.count;
        const replay_result_t **sorted = arena_calloc(replay->arena, total, sizeof(*sorted));
        size_t evaluated = 0;

        memset(out, 0, sizeof(*out));
        if (sorted == NULL)
                return -ENOMEM;
        for (size_t i = 0; i < total; i++) {
                count(&replay->results[i], &out->totals);
                if (replay->results[i].state == REPLAY_EVALUATED)
                        sorted[evaluated++] = &replay->results[i];
        }
        out->domains = arena_calloc(replay->arena, evaluated, sizeof(*out->domains));
        if (out->domains == NULL)
                return -ENOMEM;
        qsort(sorted, evaluated, sizeof(*sorted), by_domain);
        out->domain_count = sum_domains(replay, sorted, evaluated, out->domains);
        qsort(out->domains, out->domain_count, sizeof(*out->domains), by_count);
        return 0;
}

/* --- for people ------------------------------------------------------------------------------- */

static void print_totals(const paint_t *paint, const replay_t *replay,
                         const replay_totals_t *totals)
{
        FILE *out = paint->out;

        fprintf(out,
                "Evaluated as if RejectFailures were on, with the DNS of now; DKIM results are\n"
                "those of believed Authentication-Results fields, nothing is verified anew.\n\n");
        fprintf(out, "%8zu messages\n", replay->mailbox.count);
        if (totals->ignored > 0)
                fprintf(out, "%8zu ignored: IgnoreHosts, IgnoreMailFrom, or authenticated\n",
                        totals->ignored);
        if (totals->no_envelope > 0)
                fprintf(out, "%8zu not evaluated: client or sender not known (own mail?)\n",
                        totals->no_envelope);
        if (totals->unreadable > 0)
                fprintf(out, "%8zu not evaluated: cannot be read\n", totals->unreadable);
        fprintf(out, "%8zu evaluated, of which would be\n", totals->evaluated);
        paint_print(paint, PAINT_GOOD, "%16zu accepted\n", totals->decisions[DECISION_ACCEPT]);
        paint_print(paint, totals->decisions[DECISION_REJECT] > 0 ? PAINT_BAD : PAINT_PLAIN,
                    "%16zu rejected\n", totals->decisions[DECISION_REJECT]);
        paint_print(paint, totals->decisions[DECISION_HOLD] > 0 ? PAINT_DOUBT : PAINT_PLAIN,
                    "%16zu held\n", totals->decisions[DECISION_HOLD]);
        if (totals->decisions[DECISION_TEMPFAIL] > 0)
                paint_print(paint, PAINT_DOUBT,
                            "%16zu deferred: the DNS does not answer now, try again\n",
                            totals->decisions[DECISION_TEMPFAIL]);
        if (totals->evaluated > 0 && totals->believed == 0)
                paint_print(paint, PAINT_DOUBT,
                            "\nNo message has a believed Authentication-Results field, so DKIM "
                            "counts for nothing:\nset TrustedAuthservIDs to the names that your "
                            "DKIM filter writes.\n");
}

static void print_message(const paint_t *paint, const replay_t *replay, size_t number)
{
        const replay_result_t *result = &replay->results[number];
        const mailbox_message_t *message = &replay->mailbox.messages[number];

        paint_print(paint, PAINT_DIM, "    %s", paint_text(replay->arena, message->path));
        if (message->offset >= 0)
                paint_print(paint, PAINT_DIM, " at %lld", (long long)message->offset);
        fprintf(paint->out, "\n    %s client=%s sender=%s spf=%s dkim=%s\n    %s: %s\n",
                result->message_id, result->client, result->sender, result->spf, result->dkim,
                decision_name(result->decision), result->reason);
}

static int domain_width(const replay_summary_t *summary)
{
        size_t width = sizeof("AUTHOR DOMAIN") - 1;

        for (size_t i = 0; i < summary->domain_count; i++)
                if (strlen(summary->domains[i].domain) > width)
                        width = strlen(summary->domains[i].domain);
        return (int)width;
}

static void print_domain(const paint_t *paint, const replay_t *replay,
                         const replay_domain_t *domain, int width)
{
        const size_t *decisions = domain->decisions;

        fprintf(paint->out, "%-*s %8zu %8zu %8zu %8zu\n", width, domain->domain,
                decisions[DECISION_REJECT], decisions[DECISION_HOLD], decisions[DECISION_TEMPFAIL],
                decisions[DECISION_ACCEPT]);
        for (size_t i = domain->example; i < replay->mailbox.count; i++) {
                if (!is_refused(&replay->results[i]) ||
                    strcmp(replay->results[i].domain, domain->domain) != 0)
                        continue;
                print_message(paint, replay, i);
                if (!replay->list)
                        break;
        }
}

void replay_print_text(const replay_t *replay, const replay_summary_t *summary)
{
        int width = domain_width(summary);
        paint_t paint;

        paint_init(&paint, stdout);
        print_totals(&paint, replay, &summary->totals);
        if (summary->domain_count == 0)
                return;
        paint_print(&paint, PAINT_HEADING, "\n%-*s %8s %8s %8s %8s\n", width, "AUTHOR DOMAIN",
                    "REJECT", "HOLD", "DEFER", "ACCEPT");
        for (size_t i = 0; i < summary->domain_count; i++)
                print_domain(&paint, replay, &summary->domains[i], width);
}

/* --- for programs ----------------------------------------------------------------------------- */

static json_t *json_decisions(const size_t *decisions)
{
        return json_pack("{s:I, s:I, s:I, s:I}", "reject", (json_int_t)decisions[DECISION_REJECT],
                         "hold", (json_int_t)decisions[DECISION_HOLD], "tempfail",
                         (json_int_t)decisions[DECISION_TEMPFAIL], "accept",
                         (json_int_t)decisions[DECISION_ACCEPT]);
}

static json_t *json_totals(const replay_t *replay, const replay_totals_t *totals)
{
        return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "messages",
                         (json_int_t)replay->mailbox.count, "evaluated",
                         (json_int_t)totals->evaluated, "ignored", (json_int_t)totals->ignored,
                         "no_envelope", (json_int_t)totals->no_envelope, "unreadable",
                         (json_int_t)totals->unreadable, "believed", (json_int_t)totals->believed);
}

static json_t *json_domains(const replay_summary_t *summary)
{
        json_t *list = json_array();

        for (size_t i = 0; i < summary->domain_count; i++)
                list = json_added(list, json_pack("{s:s, s:o}", "domain",
                                                  summary->domains[i].domain, "would_be",
                                                  json_decisions(summary->domains[i].decisions)));
        return list;
}

static json_t *json_message(const replay_t *replay, size_t number)
{
        const replay_result_t *result = &replay->results[number];
        const mailbox_message_t *message = &replay->mailbox.messages[number];

        return json_pack("{s:o, s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "file",
                         json_text(replay->arena, message->path), "offset",
                         message->offset >= 0 ? json_integer(message->offset) : json_null(),
                         "message_id", result->message_id, "author_domain", result->domain,
                         "client", result->client, "sender", result->sender, "spf", result->spf,
                         "dkim", result->dkim, "action", decision_name(result->decision), "reason",
                         result->reason);
}

static json_t *json_messages(const replay_t *replay)
{
        json_t *list = json_array();

        for (size_t i = 0; i < replay->mailbox.count; i++)
                if (is_refused(&replay->results[i]))
                        list = json_added(list, json_message(replay, i));
        return list;
}

int replay_print_json(const replay_t *replay, const replay_summary_t *summary)
{
        return json_print(json_pack("{s:i, s:o, s:o, s:o, s:o}", "version", 1, "totals",
                                    json_totals(replay, &summary->totals), "would_be",
                                    json_decisions(summary->totals.decisions), "domains",
                                    json_domains(summary), "messages", json_messages(replay)));
}
