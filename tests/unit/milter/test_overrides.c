/* What the option Overrides looks at in a message */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/policy/override_input.h"
#include "milter/gather.h"
#include "milter/message.h"

#define SEAL "; a=rsa-sha256; cv=none; s=s1; b=dGVzdA=="

static const char *const lists[] = {"l.example"}, *const sealers[] = {"f.example"},
                         *const recipients[] = {"r.example", "s.example"};

static override_t entry;
static override_list_t list;
static session_t session;
static gathered_t gathered;

static void begin(void)
{
        entry = (override_t){.name = "entry", .action = OVERRIDE_ANNOTATE};
        list = (override_list_t){.items = &entry,
                                 .count = 1,
                                 .wants_recipients = true,
                                 .wants_list_id = true,
                                 .wants_arc_sealer = true};
        session = (session_t){.helo = NULL};
        gathered = (gathered_t){.has_spf = false};
        session.message.arena = arena_create(0);
        session.message.override_input = override_input_begin(session.message.arena, &list);
        cr_assert_not_null(session.message.override_input);
}

static void end(void)
{
        arena_free(session.message.arena);
}

static bool matches(void)
{
        static const override_facts_t nothing;

        return override_input_find(session.message.override_input, &gathered.arc, &nothing) ==
               &entry;
}

TestSuite(overrides_input, .init = begin, .fini = end);

Test(overrides_input, nothing_without_overrides)
{
        session.message.override_input = NULL;
        message_field(&session.message, "List-Id", "<l.example>");
        message_recipient(&session.message, "<u@r.example>");
        cr_expect_not(session.message.failed);
        cr_expect_not(matches());
}

Test(overrides_input, recipients)
{
        entry.recipient_domains = (override_patterns_t){.items = recipients, .count = 2};
        cr_expect_not(matches(), "no recipient is known");
        message_recipient(&session.message, "<u@R.example>");
        message_recipient(&session.message, "<\"a@b\"@r.example>");
        message_recipient(&session.message, "<@relay.example:u@s.example>");
        cr_expect(matches());
        cr_expect_eq(session.message.override_input->recipient_count, 2);
        message_recipient(&session.message, "<u@other.example>");
        cr_expect_not(matches());
}

Test(overrides_input, recipient_without_domain)
{
        entry.recipient_domains = (override_patterns_t){.items = recipients, .count = 2};
        message_recipient(&session.message, "<u@r.example>");
        message_recipient(&session.message, "<postmaster>");
        cr_expect_not(matches());
        entry.action = OVERRIDE_ENFORCE;
        cr_expect(matches());
}

Test(overrides_input, one_list_id)
{
        entry.list_ids = (override_patterns_t){.items = lists, .count = 1};
        cr_expect_not(matches());
        message_field(&session.message, "LIST-ID", "The list <l.example>");
        cr_expect(matches());
        message_field(&session.message, "List-Id", "<l.example>");
        cr_expect_not(matches(), "two of them");
}

Test(overrides_input, list_id_that_is_none)
{
        entry.list_ids = (override_patterns_t){.items = lists, .count = 1};
        message_field(&session.message, "List-Id", "<l.example");
        cr_expect_not(matches());
}

Test(overrides_input, sealer)
{
        entry.arc_sealers = (override_patterns_t){.items = sealers, .count = 1};
        message_field(&session.message, "arc-seal", "i=1; d=f.example" SEAL);
        cr_expect_not(matches(), "nobody verified it");
        gathered.arc.passed = true;
        cr_expect(matches());
        message_field(&session.message, "ARC-Seal", "i=2; d=evil.example" SEAL);
        cr_expect_not(matches());
}

Test(overrides_input, name_of_a_field_with_a_space)
{
        entry.arc_sealers = (override_patterns_t){.items = sealers, .count = 1};
        gathered.arc.passed = true;
        message_field(&session.message, "ARC-Seal", "i=1; d=evil.example" SEAL);
        message_field(&session.message, "ARC-Seal ", "i=2; d=f.example" SEAL);
        cr_expect_not(matches(), "who verified may not have seen it as a seal");
}

Test(overrides_input, only_what_entries_look_at)
{
        list.wants_recipients = list.wants_list_id = list.wants_arc_sealer = false;
        message_recipient(&session.message, "<u@r.example>");
        message_field(&session.message, "List-Id", "<l.example>");
        message_field(&session.message, "ARC-Seal", "i=1; d=f.example" SEAL);
        cr_expect_eq(session.message.override_input->recipient_count, 0);
        cr_expect_eq(session.message.override_input->list_id_fields, 0);
        cr_expect_eq(session.message.override_input->arc.last.instance, 0);
}
