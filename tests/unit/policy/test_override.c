/* Overrides: which entry decides on a message */
#include <criterion/criterion.h>
#include <string.h>

#include "common/policy/override.h"

#define PATTERNS(...)                                                                              \
        {                                                                                          \
                .items = (const char *const[]){__VA_ARGS__},                                       \
                .count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)               \
        }
#define AUTHORS(...)                                                                               \
        .author_domains = (const char *const[]){__VA_ARGS__},                                      \
        .author_count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)
#define RECIPIENTS(...)                                                                            \
        .recipient_domains = (const char *const[]){__VA_ARGS__},                                   \
        .recipient_count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

/* The name of the entry that decides, or "". */
static const char *found(const override_t *entries, size_t count, override_facts_t facts)
{
        const override_list_t list = {.items = entries, .count = count};
        const override_t *entry = override_find(&list, &facts);

        return entry != NULL ? entry->name : "";
}

#define FOUND(entries, ...)                                                                        \
        found(entries, sizeof(entries) / sizeof(*(entries)), (override_facts_t){__VA_ARGS__})

Test(override, nothing_configured)
{
        const override_list_t none = {0};
        const override_facts_t facts = {AUTHORS("a.example")};

        cr_expect_null(override_find(&none, &facts));
}

Test(override, first_match_decides)
{
        const override_t entries[] = {
            {.name = "one", .author_domains = PATTERNS("a.example")},
            {.name = "two", .author_domains = PATTERNS("b.example", ".a.example")},
            {.name = "three", .author_domains = PATTERNS("a.example", "b.example", "c.example")},
        };

        cr_expect_str_eq(FOUND(entries, AUTHORS("a.example")), "one");
        cr_expect_str_eq(FOUND(entries, AUTHORS("x.a.example")), "two");
        cr_expect_str_eq(FOUND(entries, AUTHORS("b.example")), "two");
        cr_expect_str_eq(FOUND(entries, AUTHORS("c.example")), "three");
        cr_expect_str_eq(FOUND(entries, AUTHORS("xa.example")), "");
        cr_expect_str_eq(FOUND(entries, AUTHORS("x.c.example")), "");
}

Test(override, relaxing_takes_every_author)
{
        const override_t entries[] = {
            {.name = "annotate",
             .action = OVERRIDE_ANNOTATE,
             .author_domains = PATTERNS("a.example", "b.example")},
            {.name = "quarantine",
             .action = OVERRIDE_QUARANTINE,
             .author_domains = PATTERNS("c.example")},
        };

        cr_expect_str_eq(FOUND(entries, AUTHORS("a.example", "b.example")), "annotate");
        cr_expect_str_eq(FOUND(entries, AUTHORS("a.example", "bank.example")), "");
        cr_expect_str_eq(FOUND(entries, AUTHORS("bank.example", "a.example")), "");
        cr_expect_str_eq(FOUND(entries, AUTHORS("c.example", "a.example")), "");
        cr_expect_str_eq(FOUND(entries, AUTHORS("a.example"), .authors_incomplete = true), "",
                         "a hidden author");
        cr_expect_str_eq(FOUND(entries, .author_count = 0), "", "no author");
}

Test(override, enforcing_takes_any_author)
{
        const override_t entries[] = {
            {.name = "relax", .action = OVERRIDE_ANNOTATE, .author_domains = PATTERNS("a.example")},
            {.name = "enforce",
             .action = OVERRIDE_ENFORCE,
             .author_domains = PATTERNS("b.example")},
        };

        cr_expect_str_eq(FOUND(entries, AUTHORS("a.example", "b.example")), "enforce");
        cr_expect_str_eq(FOUND(entries, AUTHORS("b.example"), .authors_incomplete = true),
                         "enforce");
        cr_expect_str_eq(FOUND(entries, .authors_incomplete = true), "");
}

Test(override, recipients_all_to_relax_any_to_enforce)
{
        const override_t relax[] = {{.name = "relax",
                                     .action = OVERRIDE_ANNOTATE,
                                     .recipient_domains = PATTERNS("r.example", ".s.example")}};
        const override_t enforce[] = {{.name = "enforce",
                                       .action = OVERRIDE_ENFORCE,
                                       .recipient_domains = PATTERNS("r.example")}};

        cr_expect_str_eq(FOUND(relax, RECIPIENTS("r.example")), "relax");
        cr_expect_str_eq(FOUND(relax, RECIPIENTS("r.example", "x.s.example")), "relax");
        cr_expect_str_eq(FOUND(relax, RECIPIENTS("r.example", "t.example")), "");
        cr_expect_str_eq(FOUND(relax, RECIPIENTS("r.example"), .recipients_incomplete = true), "");
        cr_expect_str_eq(FOUND(relax, .recipient_count = 0), "", "not known");
        cr_expect_str_eq(FOUND(enforce, RECIPIENTS("t.example", "r.example")), "enforce");
        cr_expect_str_eq(FOUND(enforce, RECIPIENTS("t.example")), "");
        cr_expect_str_eq(FOUND(enforce, .recipient_count = 0), "", "not known");
}

Test(override, list_and_sealer)
{
        const override_t entries[] = {
            {.name = "list", .list_ids = PATTERNS(".ietf.example")},
            {.name = "sealer", .arc_sealers = PATTERNS("forwarder.example")},
        };

        cr_expect_str_eq(FOUND(entries, .list_id = "dmarc.ietf.example"), "list");
        cr_expect_str_eq(FOUND(entries, .list_id = "ietf.example"), "");
        cr_expect_str_eq(FOUND(entries, .arc_sealer = "forwarder.example"), "sealer");
        cr_expect_str_eq(FOUND(entries, .arc_sealer = "evil.example"), "");
        cr_expect_str_eq(FOUND(entries, AUTHORS("forwarder.example")), "");
}

Test(override, clients)
{
        static const char lines[] = "192.0.2.0/24\n!192.0.2.7\n.lists.example\n";
        override_t entries[] = {{.name = "client"}};
        address_t inside, except, outside;

        entries[0].clients = ignore_list_parse(lines, strlen(lines), NULL, NULL);
        address_parse("192.0.2.1", &inside);
        address_parse("192.0.2.7", &except);
        address_parse("198.51.100.1", &outside);
        cr_expect_str_eq(FOUND(entries, .client = &inside), "client");
        cr_expect_str_eq(FOUND(entries, .client = &except), "");
        cr_expect_str_eq(FOUND(entries, .client = &outside), "");
        cr_expect_str_eq(FOUND(entries, .client = &outside, .client_name = "a.lists.example"),
                         "client");
        cr_expect_str_eq(FOUND(entries, .client = NULL), "");
        ignore_list_free(entries[0].clients);
}

Test(override, all_conditions_must_hold)
{
        static const char lines[] = "192.0.2.1\n";
        override_t entries[] = {{.name = "all",
                                 .action = OVERRIDE_ANNOTATE,
                                 .author_domains = PATTERNS("a.example"),
                                 .recipient_domains = PATTERNS("r.example"),
                                 .list_ids = PATTERNS("l.example"),
                                 .arc_sealers = PATTERNS("s.example")}};
        override_facts_t facts = {AUTHORS("a.example"), RECIPIENTS("r.example"),
                                  .list_id = "l.example", .arc_sealer = "s.example"};
        override_facts_t lacking;
        address_t client;

        entries[0].clients = ignore_list_parse(lines, strlen(lines), NULL, NULL);
        address_parse("192.0.2.1", &client);
        facts.client = &client;
        cr_expect_str_eq(found(entries, 1, facts), "all");
        lacking = facts;
        lacking.client = NULL;
        cr_expect_str_eq(found(entries, 1, lacking), "");
        lacking = facts;
        lacking.list_id = NULL;
        cr_expect_str_eq(found(entries, 1, lacking), "");
        lacking = facts;
        lacking.arc_sealer = NULL;
        cr_expect_str_eq(found(entries, 1, lacking), "");
        lacking = facts;
        lacking.recipient_count = 0;
        cr_expect_str_eq(found(entries, 1, lacking), "");
        lacking = facts;
        lacking.author_count = 0;
        cr_expect_str_eq(found(entries, 1, lacking), "");
        ignore_list_free(entries[0].clients);
}
