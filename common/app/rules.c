#include "common/app/rules.h"

#include <string.h>

#include "common/mail/domain.h"

static bool ignored_domain(const config_t *config, const char *domain)
{
        for (size_t i = 0; i < config->ignore_mail_from.count; i++)
                if (domain_matches(domain, config->ignore_mail_from.items[i]))
                        return true;
        return false;
}

bool rules_ignore_author(const config_t *config, const from_author_t *author)
{
        if (author->domain_count == 0 || author->domains_incomplete)
                return false;
        for (size_t i = 0; i < author->domain_count; i++)
                if (!ignored_domain(config, author->domains[i]))
                        return false;
        return true;
}

static const char several_authors[] = "several author domains";

const char *rules_nonconformance(const config_t *config, const fields_count_t *fields,
                                 const from_author_t *author)
{
        const char *error = config->milter.required_headers == REQUIRED_FROM
                                ? fields_from_error(fields)
                                : fields_error(fields);

        if (error != NULL)
                return error;
        switch (author->verdict) {
        case FROM_SINGLE:
                return NULL;
        case FROM_MULTIPLE:
                return several_authors;
        case FROM_NONE:
                return "no author domain in the From field";
        case FROM_MALFORMED:
                return "malformed From field";
        case FROM_MULTIPLE_FIELDS:
                return "multiple From fields";
        }
        return NULL;
}

bool rules_dmarc_goes_first(const char *why)
{
        return strcmp(why, several_authors) != 0;
}

static enum decision_kind configured(enum config_action action)
{
        switch (action) {
        case ACTION_REJECT:
                return DECISION_REJECT;
        case ACTION_HOLD:
                return DECISION_HOLD;
        case ACTION_ACCEPT:
                break;
        }
        return DECISION_ACCEPT;
}

enum decision_kind rules_decide(const handling_t *handling, enum verdict verdict)
{
        if (!handling->enforce)
                return DECISION_ACCEPT;
        switch (verdict) {
        case VERDICT_REJECT:
                return configured(handling->on_reject);
        case VERDICT_QUARANTINE:
                return configured(handling->on_quarantine);
        case VERDICT_OPEN:
                return handling->on_open == TEMP_ERROR_TEMPFAIL ? DECISION_TEMPFAIL
                                                                : DECISION_ACCEPT;
        case VERDICT_OPEN_STRICT:
                return handling->on_open == TEMP_ERROR_TEMPFAIL ? DECISION_TEMPFAIL : DECISION_HOLD;
        case VERDICT_ACCEPT:
                break;
        }
        return DECISION_ACCEPT;
}

/* RejectString with its one %s replaced; the configuration has made sure that there is one. */
static const char *reject_text(arena_t *arena, const config_t *config, const char *domain)
{
        const char *format = config->milter.reject_string;
        const char *place = strstr(format, "%s");

        if (domain == NULL)
                return rules_nonconformance_text(arena, "malformed From field");
        if (place == NULL)
                return format;
        return arena_printf(arena, "%.*s%s%s", (int)(place - format), format, domain, place + 2);
}

const char *rules_text(arena_t *arena, const config_t *config, enum decision_kind kind,
                       const char *domain)
{
        switch (kind) {
        case DECISION_REJECT:
                return reject_text(arena, config, domain);
        case DECISION_HOLD:
                return arena_printf(arena, "quarantined by DMARC policy for %s",
                                    domain != NULL ? domain : "an unknown domain");
        case DECISION_TEMPFAIL:
                return arena_printf(
                    arena, "DMARC policy for %s cannot be determined now, try again later", domain);
        case DECISION_ACCEPT:
                break;
        }
        return "accepted";
}

const char *rules_nonconformance_text(arena_t *arena, const char *why)
{
        if (strcmp(why, several_authors) == 0)
                return arena_printf(arena, "message has %s", why);
        return arena_printf(arena, "message does not conform to RFC 5322: %s", why);
}
