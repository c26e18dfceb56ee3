#include "common/auth/evaluate.h"

#include <errno.h>
#include <string.h>

struct dns_context {
        resolver_t *resolver;
        int64_t deadline_ms;
};

/* What stands for a message from which no author domain could be had (standards: permerror). */
static const dmarc_outcome_t no_author_domain = {
    .result = AUTH_PERMERROR,
    .author_exists = true,
    .reason = "no author domain in the From field",
};

static const dmarc_outcome_t hidden_author_domains = {
    .result = AUTH_PERMERROR,
    .author_exists = true,
    .reason = "author domains in the From field that cannot be evaluated",
};

static enum dmarc_dns_status copy_records(arena_t *arena, const dns_answer_t *answer,
                                          const dmarc_txt_t **records, size_t *count)
{
        dmarc_txt_t *copy = arena_calloc(arena, answer->count, sizeof(*copy));

        if (copy == NULL)
                return DMARC_DNS_ERROR;
        for (size_t i = 0; i < answer->count; i++) {
                copy[i].text =
                    arena_strndup(arena, answer->records[i].data, answer->records[i].len);
                copy[i].len = answer->records[i].len;
                if (copy[i].text == NULL)
                        return DMARC_DNS_ERROR;
        }
        *records = copy;
        *count = answer->count;
        return DMARC_DNS_FOUND;
}

static enum dmarc_dns_status dns_txt(void *context, arena_t *arena, const char *name,
                                     const dmarc_txt_t **records, size_t *count)
{
        const struct dns_context *dns = context;
        const dns_answer_t *answer = dns_query(dns->resolver, name, DNS_TXT, dns->deadline_ms);
        enum dmarc_dns_status status = DMARC_DNS_ERROR;

        if (answer->status == DNS_OK)
                status = copy_records(arena, answer, records, count);
        else if (answer->status == DNS_NODATA)
                status = DMARC_DNS_NODATA;
        else if (answer->status == DNS_NXDOMAIN)
                status = DMARC_DNS_NXDOMAIN;
        dns_answer_release(answer);
        return status;
}

static enum dmarc_dns_status dns_exists(void *context, const char *name)
{
        const struct dns_context *dns = context;
        const dns_answer_t *answer = dns_query(dns->resolver, name, DNS_A, dns->deadline_ms);
        enum dmarc_dns_status status = DMARC_DNS_ERROR;

        /* RFC 8020 1.1: with a CNAME it is the end of the chain that does not exist */
        if (answer->status == DNS_NXDOMAIN)
                status = answer->cname ? DMARC_DNS_NODATA : DMARC_DNS_NXDOMAIN;
        else if (answer->status == DNS_NODATA)
                status = DMARC_DNS_NODATA;
        else if (answer->status == DNS_OK)
                status = DMARC_DNS_FOUND;
        dns_answer_release(answer);
        return status;
}

/* What is missing cannot matter when the policy is known to ask for nothing; and a top level hardly
 * ever has one. */
static enum verdict open_verdict(const dmarc_outcome_t *outcome)
{
        if ((outcome->has_policy && outcome->evaluated == DMARC_POLICY_NONE) ||
            outcome->only_top_level_failed)
                return VERDICT_ACCEPT;
        return outcome->possible != DMARC_POLICY_NONE ? VERDICT_OPEN_STRICT : VERDICT_OPEN;
}

static enum verdict outcome_verdict(const dmarc_outcome_t *outcome)
{
        if (outcome->result == AUTH_TEMPERROR)
                return open_verdict(outcome);
        if (outcome->result != AUTH_FAIL || !outcome->has_policy)
                return VERDICT_ACCEPT;
        switch (outcome->evaluated) {
        case DMARC_POLICY_REJECT:
                return VERDICT_REJECT;
        case DMARC_POLICY_QUARANTINE:
                return VERDICT_QUARANTINE;
        case DMARC_POLICY_NONE:
                break;
        }
        return VERDICT_ACCEPT;
}

/* How strict an outcome is. An open verdict ranks above quarantine: it may turn out as reject. */
static int strictness(enum verdict verdict, enum auth_result result)
{
        static const int verdicts[] = {
            [VERDICT_ACCEPT] = 0,       [VERDICT_QUARANTINE] = 10, [VERDICT_OPEN] = 20,
            [VERDICT_OPEN_STRICT] = 30, [VERDICT_REJECT] = 40,
        };
        static const int results[AUTH_RESULT_COUNT] = {
            [AUTH_PASS] = 0,      [AUTH_NONE] = 1, [AUTH_PERMERROR] = 2,
            [AUTH_TEMPERROR] = 3, [AUTH_FAIL] = 4,
        };

        return verdicts[verdict] + results[result];
}

static void consider(evaluation_t *best, const char *domain, const dmarc_outcome_t *outcome,
                     enum verdict verdict)
{
        if (best->outcome != NULL && strictness(verdict, outcome->result) <=
                                         strictness(best->verdict, best->outcome->result))
                return;
        best->verdict = verdict;
        best->author_domain = domain;
        best->outcome = outcome;
}

static int evaluate_domain(arena_t *arena, const dmarc_dns_t *dns, const evaluation_input_t *input,
                           const char *domain, evaluated_domain_t *out)
{
        const dmarc_input_t dmarc = {
            .author_domain = domain,
            .spf = input->spf,
            .dkim = input->dkim,
            .dkim_count = input->dkim_count,
        };
        dmarc_outcome_t *outcome = arena_alloc(arena, sizeof(*outcome));
        int error;

        if (outcome == NULL)
                return -ENOMEM;
        error = dmarc_evaluate(arena, dns, &dmarc, outcome);
        if (error != 0)
                return error;
        out->domain = domain;
        out->outcome = outcome;
        out->verdict = outcome_verdict(outcome);
        return 0;
}

/* A further author domain that is open must not let in what fails for another one. */
static bool any_fails(const evaluated_domain_t *domains, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (domains[i].verdict == VERDICT_QUARANTINE)
                        return true;
        return false;
}

int evaluate_message(arena_t *arena, resolver_t *resolver, const evaluation_input_t *input,
                     int64_t deadline_ms, evaluation_t *out)
{
        struct dns_context context = {.resolver = resolver, .deadline_ms = deadline_ms};
        const dmarc_dns_t dns = {.txt = dns_txt, .exists = dns_exists, .context = &context};
        const from_author_t *author = input->author;
        evaluated_domain_t *domains = arena_calloc(arena, author->domain_count, sizeof(*domains));

        memset(out, 0, sizeof(*out));
        if (domains == NULL)
                return -ENOMEM;
        for (size_t i = 0; i < author->domain_count; i++) {
                int error = evaluate_domain(arena, &dns, input, author->domains[i], &domains[i]);

                if (error != 0)
                        return error;
                consider(out, domains[i].domain, domains[i].outcome, domains[i].verdict);
        }
        if (out->verdict == VERDICT_OPEN && any_fails(domains, author->domain_count))
                out->verdict = VERDICT_OPEN_STRICT;
        out->domains = domains;
        out->domain_count = author->domain_count;
        if (author->domains_incomplete)
                consider(out, NULL, &hidden_author_domains, VERDICT_REJECT);
        else if (author->domain_count == 0)
                consider(out, NULL, &no_author_domain, VERDICT_ACCEPT);
        return 0;
}
