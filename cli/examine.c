#include "cli/examine.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/app/daemon.h"

int text_list_add(arena_t *arena, text_list_t *list, const char *item)
{
        const char **grown =
            arena_grow(arena, list->items, list->count, &list->room, sizeof(*grown));

        if (grown == NULL)
                return -ENOMEM;
        list->items = grown;
        list->items[list->count++] = item;
        return 0;
}

static void ignore_error(void *context, unsigned line, const char *message)
{
        fprintf(stderr, "%s:%u: %s; line skipped\n", (const char *)context, line, message);
}

/* An empty file is the defaults. */
static const config_t *load_config(const command_options_t *options)
{
        const char *path = options->config_path;

        if (!options->config_given && access(path, F_OK) != 0 && errno == ENOENT)
                path = "/dev/null";
        return daemon_load(path, CONFIG_TOOL);
}

int examiner_open(const command_options_t *options, const text_list_t *nameservers,
                  dns_observer_fn *observer, void *context, examiner_t *examiner)
{
        dns_config_t dns = {.observer = observer, .observer_context = context};
        const config_t *config;
        int error;

        memset(examiner, 0, sizeof(*examiner));
        config = load_config(options);
        if (config == NULL)
                return EX_CONFIG_ERROR;
        examiner->config = config;
        error = ignore_file_open(config->ignore_hosts, ignore_error,
                                 (void *)(uintptr_t)config->ignore_hosts, &examiner->ignore);
        if (error != 0) {
                fprintf(stderr, "truefrom: IgnoreHosts: %s\n", strerror(-error));
                examiner_close(examiner);
                return EX_CONFIG_ERROR;
        }
        dns.nameservers = nameservers->count > 0 ? nameservers->items : config->nameservers.items;
        dns.nameserver_count =
            nameservers->count > 0 ? nameservers->count : config->nameservers.count;
        dns.timeout_ms = config->dns_timeout * 1000;
        error = resolver_create(&dns, &examiner->resolver);
        if (error == 0)
                return 0;
        fprintf(stderr, "truefrom: cannot set up the DNS resolver: %s\n", strerror(-error));
        examiner_close(examiner);
        return EX_OS_ERROR;
}

void examiner_close(examiner_t *examiner)
{
        resolver_free(examiner->resolver);
        ignore_file_free(examiner->ignore);
        config_release(examiner->config);
}

int subject_init(const examiner_t *examiner, arena_t *arena, subject_t *subject)
{
        const override_list_t *overrides = &examiner->config->milter.overrides;

        memset(subject, 0, sizeof(*subject));
        subject->helo = "";
        if (overrides->count == 0)
                return 0;
        subject->override_input = override_input_begin(arena, overrides);
        return subject->override_input != NULL ? 0 : -ENOMEM;
}

const char *spared_name(enum spared spared)
{
        static const char *const names[] = {
            [SPARED_CLIENT] = "client",
            [SPARED_AUTHENTICATED] = "authenticated",
            [SPARED_AUTHOR] = "author",
        };

        return names[spared];
}

static enum spared find_spared(const examiner_t *examiner, const subject_t *subject,
                               const from_author_t *author)
{
        if (subject->authenticated && examiner->config->ignore_authenticated_clients)
                return SPARED_AUTHENTICATED;
        if (ignore_file_match(examiner->ignore, subject->has_client ? &subject->client : NULL,
                              subject->client_name))
                return SPARED_CLIENT;
        return rules_ignore_author(examiner->config, author) ? SPARED_AUTHOR : SPARED_NOT;
}

static const override_t *find_override(const subject_t *subject, const examination_t *examination)
{
        const override_facts_t facts = {
            .author_domains = examination->author.domains,
            .author_count = examination->author.domain_count,
            .authors_incomplete = examination->author.domains_incomplete,
            .client = subject->has_client ? &subject->client : NULL,
            .client_name = subject->client_name,
        };

        return override_input_find(subject->override_input, &examination->gathered.arc, &facts);
}

int examine_fields(const examiner_t *examiner, arena_t *arena, const subject_t *subject,
                   gather_observer_fn *observer, void *context, examination_t *out)
{
        const config_t *config = examiner->config;
        const gather_input_t input = {
            .fields = subject->authres,
            .field_count = subject->authres_count,
            .signatures = subject->signatures,
            .author = &out->author,
            .sender = subject->sender != NULL ? subject->sender : "",
            .helo = subject->helo,
            .authserv_id = config->authserv_id,
            .trusted_ids = config->trusted_authserv_ids.items,
            .trusted_count = config->trusted_authserv_ids.count,
            .ignore_spf = config->milter.spf_ignore_results || subject->sender == NULL,
            .observer = observer,
            .observer_context = context,
        };
        int error;

        memset(out, 0, sizeof(*out));
        error = from_parse(arena, subject->from, subject->from_count, &out->author);
        if (error == 0)
                error = gather_results(arena, &input, &out->gathered);
        if (error != 0)
                return error;
        out->spared = find_spared(examiner, subject, &out->author);
        out->nonconformance = rules_nonconformance(config, &subject->fields, &out->author);
        out->override = find_override(subject, out);
        out->dkim = subject->dkim_given ? subject->dkim : out->gathered.dkim;
        out->dkim_count = subject->dkim_given ? subject->dkim_count : out->gathered.dkim_count;
        return 0;
}

void examine_spf(spf_evaluator_t *evaluator, const subject_t *subject, int64_t deadline_ms,
                 examination_t *out)
{
        const gathered_t *gathered = &out->gathered;

        out->spf.identity =
            subject->sender == NULL || *subject->sender != '\0' ? SPF_MAILFROM : SPF_HELO;
        if (subject->has_client && subject->sender != NULL) {
                out->spf_source = SPF_FROM_DNS;
                spf_evaluate(evaluator, &subject->client, subject->helo, subject->sender,
                             deadline_ms, &out->spf);
        } else if (gathered->has_spf) {
                out->spf_source = SPF_FROM_FIELD;
                out->spf.result = gathered->spf.result;
                if (gathered->spf.domain != NULL)
                        snprintf(out->spf.domain, sizeof(out->spf.domain), "%s",
                                 gathered->spf.domain);
                out->spf.reason = "as a believed Authentication-Results field says";
        } else {
                out->spf.reason = "neither the client nor a believed result is known";
        }
}

int examine_dmarc(const examiner_t *examiner, arena_t *arena, int64_t deadline_ms,
                  examination_t *out)
{
        const evaluation_input_t input = {
            .author = &out->author,
            .spf = {.result = out->spf.result,
                    .domain = *out->spf.domain != '\0' ? out->spf.domain : NULL},
            .dkim = out->dkim,
            .dkim_count = out->dkim_count,
        };

        return evaluate_message(arena, examiner->resolver, &input, deadline_ms, &out->evaluation);
}

static enum decision_kind dmarc_decision(const examiner_t *examiner,
                                         const examination_t *examination, bool enforce)
{
        handling_t handling = handling_of(examiner->config, examination->override);

        if (examination->override == NULL)
                handling.enforce = enforce;
        return rules_decide(&handling, examination->evaluation.verdict);
}

/* DMARC's refusal goes before that of RequiredHeaders. */
static bool dmarc_refuses(const examiner_t *examiner, const examination_t *examination,
                          bool enforce)
{
        return examination->spared == SPARED_NOT && examination->evaluation.author_domain != NULL &&
               dmarc_decision(examiner, examination, enforce) == DECISION_REJECT;
}

bool examine_breaks_rules(const examiner_t *examiner, const examination_t *examination,
                          bool enforce)
{
        const char *why = examination->nonconformance;

        if (examiner->config->milter.required_headers == REQUIRED_NONE || why == NULL)
                return false;
        return !rules_dmarc_goes_first(why) || !dmarc_refuses(examiner, examination, enforce);
}

/* The milter's order: the client, RequiredHeaders, the author, the verdict. */
enum decision_kind examine_decide(const examiner_t *examiner, const examination_t *examination,
                                  bool enforce)
{
        enum spared spared = examination->spared;

        if (spared == SPARED_CLIENT || spared == SPARED_AUTHENTICATED)
                return DECISION_ACCEPT;
        if (examine_breaks_rules(examiner, examination, enforce))
                return DECISION_REJECT;
        if (spared == SPARED_AUTHOR)
                return DECISION_ACCEPT;
        return dmarc_decision(examiner, examination, enforce);
}

const char *examine_reply(const examiner_t *examiner, arena_t *arena,
                          const examination_t *examination, bool enforce)
{
        enum decision_kind decision = examine_decide(examiner, examination, enforce);
        bool broken = examine_breaks_rules(examiner, examination, enforce);
        const char *text = broken ? rules_nonconformance_text(arena, examination->nonconformance)
                                  : rules_text(arena, examiner->config, decision,
                                               examination->evaluation.author_domain);

        if (text == NULL || decision == DECISION_HOLD)
                return text;
        if (decision == DECISION_ACCEPT)
                return "";
        return arena_printf(arena, "%s %s", decision == DECISION_REJECT ? "550 5.7.1" : "451 4.7.1",
                            text);
}

const char *decision_name(enum decision_kind decision)
{
        static const char *const names[] = {
            [DECISION_ACCEPT] = "accept",
            [DECISION_HOLD] = "hold",
            [DECISION_REJECT] = "reject",
            [DECISION_TEMPFAIL] = "tempfail",
        };

        return names[decision];
}

const char *verdict_name(enum verdict verdict)
{
        static const char *const names[] = {
            [VERDICT_ACCEPT] = "accept",    [VERDICT_QUARANTINE] = "quarantine",
            [VERDICT_REJECT] = "reject",    [VERDICT_OPEN] = "open",
            [VERDICT_OPEN_STRICT] = "open",
        };

        return names[verdict];
}
