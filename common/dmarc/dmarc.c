#include "common/dmarc/dmarc.h"

#include <errno.h>
#include <string.h>

#include "common/dmarc/align.h"
#include "common/dmarc/memo.h"
#include "common/mail/domain.h"

struct evaluation {
        arena_t *arena;
        const dmarc_dns_t *dns; /* the caller's, remembered */
        const dmarc_input_t *input;
        dmarc_outcome_t *out;
        dmarc_walk_t walk; /* of the author domain */
        aligner_t aligner;
        bool policy_unknown; /* the existence query failed */
};

static void conclude(struct evaluation *evaluation, enum auth_result result, const char *reason)
{
        evaluation->out->result = result;
        evaluation->out->reason = reason;
}

static const dmarc_found_t *found_at(const dmarc_walk_t *walk, const char *name)
{
        for (size_t i = 0; i < walk->count; i++)
                if (strcmp(walk->found[i].name, name) == 0)
                        return &walk->found[i];
        return NULL;
}

/* RFC 9989 4.10.1: Author Domain, then Organizational Domain, then PSD. @return the record that
 * applies, or NULL with evaluation->walk.failed telling why */
static const dmarc_found_t *discover(struct evaluation *evaluation)
{
        dmarc_walk_t *walk = &evaluation->walk;
        const dmarc_found_t *found;

        if (walk->count > 0)
                return &walk->found[0];
        if (dmarc_walk_finish(evaluation->arena, evaluation->dns, walk) != 0) {
                evaluation->aligner.error = -ENOMEM;
                return NULL;
        }
        if (walk->failed != NULL || walk->count == 0)
                return NULL;
        found = found_at(walk, dmarc_organizational_domain(walk));
        if (found != NULL)
                return found;
        found = &walk->found[walk->count - 1];
        return found->record.psd == DMARC_PSD_Y ? found : NULL;
}

static const char *p_tag(const dmarc_record_t *record)
{
        return record->p.state == DMARC_TAG_VALID ? "p" : NULL;
}

/* The policy for a name below the policy domain: np, sp, p (RFC 9989 4.7). */
static enum dmarc_policy subdomain_policy(struct evaluation *evaluation,
                                          const dmarc_record_t *record, enum dmarc_policy p)
{
        bool has_sp = record->sp.state == DMARC_TAG_VALID;
        enum dmarc_policy existing = has_sp ? record->sp.value : p;

        evaluation->out->policy_tag = has_sp ? "sp" : p_tag(record);
        if (record->np.state != DMARC_TAG_VALID || record->np.value == existing)
                return existing;
        switch (
            evaluation->dns->exists(evaluation->dns->context, evaluation->input->author_domain)) {
        case DMARC_DNS_NXDOMAIN:
                evaluation->out->author_exists = false;
                evaluation->out->policy_tag = "np";
                return record->np.value;
        case DMARC_DNS_ERROR:
                evaluation->policy_unknown = true;
                break;
        case DMARC_DNS_FOUND:
        case DMARC_DNS_NODATA:
                break;
        }
        return existing;
}

/* After t=y (RFC 9989 4.7). */
static enum dmarc_policy lowered(enum dmarc_policy policy)
{
        return policy == DMARC_POLICY_REJECT ? DMARC_POLICY_QUARANTINE : DMARC_POLICY_NONE;
}

static bool has_invalid_policy(const dmarc_record_t *record)
{
        return record->p.state == DMARC_TAG_INVALID || record->sp.state == DMARC_TAG_INVALID ||
               record->np.state == DMARC_TAG_INVALID;
}

/* The strictest of a record's valid policies, after t. */
static enum dmarc_policy strictest_policy(const dmarc_record_t *record)
{
        const dmarc_policy_tag_t *const tags[] = {&record->p, &record->sp, &record->np};
        enum dmarc_policy policy = DMARC_POLICY_NONE;

        if (!record->usable || has_invalid_policy(record))
                return policy;
        for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++)
                if (tags[i]->state == DMARC_TAG_VALID && tags[i]->value > policy)
                        policy = tags[i]->value;
        return record->testing ? lowered(policy) : policy;
}

static void select_policy(struct evaluation *evaluation, const dmarc_found_t *found)
{
        const dmarc_record_t *record = &found->record;
        dmarc_outcome_t *out = evaluation->out;
        enum dmarc_policy p =
            record->p.state == DMARC_TAG_VALID ? record->p.value : DMARC_POLICY_NONE;

        if (has_invalid_policy(record)) {
                out->policy = DMARC_POLICY_NONE; /* "as if p=none": RFC 9989 4.7 */
        } else if (strcmp(found->name, evaluation->input->author_domain) == 0) {
                out->policy = p;
                out->policy_tag = p_tag(record);
        } else if (record->np.state == DMARC_TAG_VALID &&
                   !domain_fits(evaluation->input->author_domain)) {
                /* it can be in no zone: no such name exists, and no server need be asked */
                out->author_exists = false;
                out->policy = record->np.value;
                out->policy_tag = "np";
        } else {
                out->policy = subdomain_policy(evaluation, record, p);
        }
        out->evaluated = record->testing ? lowered(out->policy) : out->policy;
        out->has_policy = !evaluation->policy_unknown;
        out->possible = out->has_policy ? out->evaluated : strictest_policy(record);
}

struct tally {
        bool aligned; /* a pass that is aligned */
        bool unknown; /* a pass whose alignment cannot be told */
};

static bool passes(struct evaluation *evaluation, const dmarc_identifier_t *identifier, bool strict,
                   struct tally *tally, bool *open)
{
        enum alignment alignment;

        if (identifier->result != AUTH_PASS)
                return false;
        alignment = align(&evaluation->aligner, identifier->domain, strict);
        tally->aligned = tally->aligned || alignment == ALIGNED;
        *open = alignment == ALIGNMENT_UNKNOWN;
        tally->unknown = tally->unknown || *open;
        return alignment == ALIGNED;
}

/* A result that is still open, of an identifier that would decide. */
static bool could_pass(struct evaluation *evaluation, const dmarc_identifier_t *identifier,
                       bool strict)
{
        return identifier->result == AUTH_TEMPERROR &&
               align(&evaluation->aligner, identifier->domain, strict) != NOT_ALIGNED;
}

static bool any_could_pass(struct evaluation *evaluation, const dmarc_record_t *record)
{
        const dmarc_input_t *input = evaluation->input;

        if (could_pass(evaluation, &input->spf, record->strict_spf))
                return true;
        for (size_t i = 0; i < input->dkim_count; i++)
                if (could_pass(evaluation, &input->dkim[i], record->strict_dkim))
                        return true;
        return false;
}

static int judge(struct evaluation *evaluation, const dmarc_record_t *record)
{
        const dmarc_input_t *input = evaluation->input;
        struct tally tally = {0};
        dmarc_outcome_t *out = evaluation->out;
        bool *dkim_aligned = arena_calloc(evaluation->arena, input->dkim_count + 1, sizeof(bool));
        bool *dkim_open = arena_calloc(evaluation->arena, input->dkim_count + 1, sizeof(bool));

        if (dkim_aligned == NULL || dkim_open == NULL)
                return -ENOMEM;
        out->dkim_aligned = dkim_aligned;
        out->dkim_open = dkim_open;
        out->spf_aligned =
            passes(evaluation, &input->spf, record->strict_spf, &tally, &out->spf_open);
        for (size_t i = 0; i < input->dkim_count; i++)
                dkim_aligned[i] =
                    passes(evaluation, &input->dkim[i], record->strict_dkim, &tally, &dkim_open[i]);
        if (tally.aligned)
                conclude(evaluation, AUTH_PASS, "an aligned identifier passed");
        else if (tally.unknown)
                conclude(evaluation, AUTH_TEMPERROR,
                         "the DNS did not tell whether an identifier is aligned");
        else if (any_could_pass(evaluation, record))
                conclude(evaluation, AUTH_TEMPERROR, "an aligned identifier could not be checked");
        else if (evaluation->policy_unknown)
                conclude(evaluation, AUTH_TEMPERROR,
                         "the DNS did not tell whether the author domain exists");
        else if (evaluation->aligner.too_many)
                conclude(evaluation, AUTH_FAIL, "no aligned identifier among those looked at");
        else
                conclude(evaluation, AUTH_FAIL, "no aligned identifier passed");
        return evaluation->aligner.error != 0 ? -ENOMEM : 0;
}

static int apply(struct evaluation *evaluation, const dmarc_found_t *found)
{
        dmarc_outcome_t *out = evaluation->out;

        out->record = &found->record;
        out->policy_domain = found->name;
        if (!found->record.usable) {
                if (has_invalid_policy(&found->record))
                        conclude(evaluation, AUTH_PERMERROR, "the policy record cannot be used");
                else
                        conclude(evaluation, AUTH_NONE, "the policy record has no policy");
                return 0;
        }
        select_policy(evaluation, found);
        return judge(evaluation, &found->record);
}

/* The policy is not known. What is published above the failure may well be what applies: whoever
 * spoofs a domain could name a broken name below it. */
static int leave_open(struct evaluation *evaluation)
{
        dmarc_walk_t *walk = &evaluation->walk;
        dmarc_outcome_t *out = evaluation->out;
        int error = dmarc_walk_past_failure(evaluation->arena, evaluation->dns, walk);

        for (size_t i = 0; i < walk->count; i++) {
                enum dmarc_policy policy = strictest_policy(&walk->found[i].record);

                if (policy > out->possible)
                        out->possible = policy;
        }
        out->only_top_level_failed = walk->count == 0 && domain_label_count(walk->failed) == 1;
        conclude(evaluation, AUTH_TEMPERROR, "the DNS did not tell the policy");
        return error;
}

int dmarc_evaluate(arena_t *arena, const dmarc_dns_t *dns, const dmarc_input_t *input,
                   dmarc_outcome_t *out)
{
        struct evaluation *evaluation = arena_alloc(arena, sizeof(*evaluation));
        memo_t *memo = arena_alloc(arena, sizeof(*memo));
        const dmarc_found_t *found;
        dmarc_dns_t remembered;
        int error;

        memset(out, 0, sizeof(*out));
        out->author_exists = true;
        if (evaluation == NULL || memo == NULL)
                return -ENOMEM;
        remembered = memo_dns(memo, dns);
        evaluation->arena = arena;
        evaluation->dns = &remembered;
        evaluation->input = input;
        evaluation->out = out;
        evaluation->aligner.arena = arena;
        evaluation->aligner.dns = &remembered;
        evaluation->aligner.author = &evaluation->walk;
        error = dmarc_walk_begin(arena, &remembered, input->author_domain, &evaluation->walk);
        if (error != 0)
                return error;
        found = discover(evaluation);
        if (evaluation->aligner.error != 0)
                return -ENOMEM;
        if (found != NULL)
                error = apply(evaluation, found);
        else if (evaluation->walk.failed != NULL)
                error = leave_open(evaluation);
        else
                conclude(evaluation, AUTH_NONE, "no policy record applies");
        if (evaluation->walk.target == NULL && evaluation->walk.failed == NULL)
                out->org_domain = dmarc_organizational_domain(&evaluation->walk);
        return error;
}
