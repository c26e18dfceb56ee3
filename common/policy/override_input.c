#include "common/policy/override_input.h"

#include <string.h>
#include <strings.h>

#include "common/mail/domain.h"
#include "common/mail/envelope.h"

struct override_input *override_input_begin(arena_t *arena, const override_list_t *list)
{
        struct override_input *input = arena_alloc(arena, sizeof(*input));

        if (input == NULL)
                return NULL;
        input->list = list;
        input->arena = arena;
        return input;
}

static bool is_known(const struct override_input *input, const char *domain)
{
        for (size_t i = 0; i < input->recipient_count; i++)
                if (strcmp(input->recipient_domains[i], domain) == 0)
                        return true;
        return false;
}

bool override_input_recipient(struct override_input *input, const char *recipient)
{
        const char *address, *domain;
        char normalized[DOMAIN_SIZE];
        const char **grown;

        if (!input->list->wants_recipients)
                return true;
        address = envelope_sender(input->arena, recipient);
        if (address == NULL)
                return false;
        domain = envelope_sender_domain(address);
        if (domain == NULL || domain_normalize(domain, strlen(domain), normalized) != 0) {
                input->recipients_incomplete = true;
                return true;
        }
        if (is_known(input, normalized))
                return true;
        grown = arena_grow(input->arena, input->recipient_domains, input->recipient_count,
                           &input->recipient_room, sizeof(*grown));
        if (grown == NULL)
                return false;
        input->recipient_domains = grown;
        grown[input->recipient_count] = arena_strdup(input->arena, normalized);
        return grown[input->recipient_count++] != NULL;
}

void override_input_field(struct override_input *input, const char *name, const char *body,
                          size_t len)
{
        if (input->list->wants_arc_sealer && strcasecmp(name, "ARC-Seal") == 0) {
                arc_chain_add(&input->arc, body, len);
        } else if (input->list->wants_list_id && strcasecmp(name, "List-Id") == 0) {
                input->list_id_fields++;
                if (!list_id_parse(body, len, input->list_id))
                        input->list_id[0] = '\0';
        }
}

const override_t *override_input_find(const struct override_input *input, const arc_results_t *arc,
                                      const override_facts_t *known)
{
        override_facts_t facts = *known;
        char sealer[DOMAIN_SIZE];

        if (input == NULL)
                return NULL;
        facts.recipient_domains = input->recipient_domains;
        facts.recipient_count = input->recipient_count;
        facts.recipients_incomplete = input->recipients_incomplete;
        /* RFC 2919 3 allows one field; of several, who could tell which is the list's? */
        if (input->list_id_fields == 1 && *input->list_id != '\0')
                facts.list_id = input->list_id;
        if (input->list->wants_arc_sealer && arc_sealer(arc, &input->arc, sealer))
                facts.arc_sealer = sealer;
        return override_find(input->list, &facts);
}
