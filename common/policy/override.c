#include "common/policy/override.h"

#include "common/mail/domain.h"

static bool listed(const override_patterns_t *patterns, const char *domain)
{
        for (size_t i = 0; i < patterns->count; i++)
                if (domain_matches(domain, patterns->items[i]))
                        return true;
        return false;
}

/* The condition on a domain that a message has once at most. */
static bool one_holds(const override_patterns_t *patterns, const char *domain)
{
        return patterns->count == 0 || (domain != NULL && listed(patterns, domain));
}

static bool any_holds(const override_patterns_t *patterns, const char *const *domains, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (listed(patterns, domains[i]))
                        return true;
        return false;
}

static bool all_hold(const override_patterns_t *patterns, const char *const *domains, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (!listed(patterns, domains[i]))
                        return false;
        return count > 0;
}

/* The condition on domains that a message may have several of. */
static bool domains_hold(enum override_action action, const override_patterns_t *patterns,
                         const char *const *domains, size_t count, bool incomplete)
{
        if (patterns->count == 0)
                return true;
        if (action == OVERRIDE_ENFORCE)
                return any_holds(patterns, domains, count);
        return !incomplete && all_hold(patterns, domains, count);
}

static bool holds(const override_t *entry, const override_facts_t *facts)
{
        if (entry->clients != NULL &&
            !ignore_list_match(entry->clients, facts->client, facts->client_name))
                return false;
        return one_holds(&entry->list_ids, facts->list_id) &&
               one_holds(&entry->arc_sealers, facts->arc_sealer) &&
               domains_hold(entry->action, &entry->author_domains, facts->author_domains,
                            facts->author_count, facts->authors_incomplete) &&
               domains_hold(entry->action, &entry->recipient_domains, facts->recipient_domains,
                            facts->recipient_count, facts->recipients_incomplete);
}

const override_t *override_find(const override_list_t *list, const override_facts_t *facts)
{
        for (size_t i = 0; i < list->count; i++)
                if (holds(&list->items[i], facts))
                        return &list->items[i];
        return NULL;
}
