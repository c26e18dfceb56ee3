/* The option Overrides: what is read, every kind of mistake with its line, and what becomes of a
 * verdict */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/app/config.h"
#include "common/app/handling.h"

static char path[64];
static unsigned error_count, error_line;
static char error_text[512];

static void note(void *context, const char *file, unsigned line, const char *message)
{
        (void)context;
        cr_expect_str_eq(file, path);
        cr_expect_null(strchr(message, '\n'));
        if (error_count++ == 0) {
                error_line = line;
                snprintf(error_text, sizeof(error_text), "%s", message);
        }
}

static void setup(void)
{
        int fd;

        snprintf(path, sizeof(path), "/tmp/tf-overrides-XXXXXX");
        fd = mkstemp(path);
        cr_assert_geq(fd, 0);
        close(fd);
}

static void teardown(void)
{
        unlink(path);
}

TestSuite(overrides, .init = setup, .fini = teardown);

/* Load a file whose third line is where `entries` begins. */
static const config_t *load(const char *entries)
{
        FILE *file = fopen(path, "w");

        fprintf(file, "milter: { Socket = \"local:/m\";\nOverrides = (\n%s\n); };\n", entries);
        fclose(file);
        error_count = 0;
        error_line = 0;
        return config_load(path, CONFIG_MILTER, note, NULL);
}

static void expect_error(const char *entries, unsigned line, const char *part)
{
        const config_t *config = load(entries);

        cr_expect_null(config, "%s", entries);
        cr_expect_eq(error_count, 1, "%s: %u errors", entries, error_count);
        cr_expect_eq(error_line, line, "line %u of %s: %s", error_line, entries, error_text);
        cr_expect_not_null(strstr(error_text, part), "%s: %s", entries, error_text);
        config_release(config);
}

Test(overrides, none)
{
        const config_t *config = load("");

        cr_assert_not_null(config, "%s", error_text);
        cr_expect_eq(config->milter.overrides.count, 0);
        config_release(config);
}

Test(overrides, every_key)
{
        const config_t *config = load(
            "{ Name = \"first-step\"; AuthorDomain = \"Example.ORG\"; Action = \"enforce\"; },\n"
            "{ AuthorDomain = ( \"a.test\", \".b\xc3\xbc"
            "cher.test\" ); RecipientDomain = [ \"rcpt.test\" ];\n"
            "  Client = ( \"192.0.2.0/24\", \"!192.0.2.7\", \".friend.test\" ); Action = "
            "\"annotate\"; },\n"
            "{ ListId = ( \".IETF.test\", \"c++.accu.test\" ); ARCSealer = \"f.test\"; Action = "
            "\"quarantine\"; }");
        const override_t *entries;
        address_t address;

        cr_assert_not_null(config, "%u: %s", error_line, error_text);
        cr_assert_eq(config->milter.overrides.count, 3);
        cr_expect(config->milter.overrides.wants_recipients);
        cr_expect(config->milter.overrides.wants_list_id);
        cr_expect(config->milter.overrides.wants_arc_sealer);
        entries = config->milter.overrides.items;
        cr_expect_str_eq(entries[0].name, "first-step");
        cr_expect_eq(entries[0].action, OVERRIDE_ENFORCE);
        cr_assert_eq(entries[0].author_domains.count, 1);
        cr_expect_str_eq(entries[0].author_domains.items[0], "example.org");
        cr_expect_null(entries[0].clients);
        cr_expect_str_eq(entries[1].name, "#2");
        cr_expect_eq(entries[1].action, OVERRIDE_ANNOTATE);
        cr_assert_eq(entries[1].author_domains.count, 2);
        cr_expect_str_eq(entries[1].author_domains.items[1], ".xn--bcher-kva.test");
        cr_assert_eq(entries[1].recipient_domains.count, 1);
        cr_expect_str_eq(entries[1].recipient_domains.items[0], "rcpt.test");
        address_parse("192.0.2.1", &address);
        cr_expect(ignore_list_match(entries[1].clients, &address, NULL));
        address_parse("192.0.2.7", &address);
        cr_expect_not(ignore_list_match(entries[1].clients, &address, NULL));
        cr_expect(ignore_list_match(entries[1].clients, NULL, "mx.friend.test"));
        cr_expect_eq(entries[2].action, OVERRIDE_QUARANTINE);
        cr_expect_str_eq(entries[2].list_ids.items[0], ".ietf.test");
        cr_expect_str_eq(entries[2].list_ids.items[1], "c++.accu.test");
        cr_expect_str_eq(entries[2].arc_sealers.items[0], "f.test");
        config_release(config);
}

Test(overrides, wants_only_what_is_named)
{
        const config_t *config = load("{ AuthorDomain = \"a.test\"; Action = \"enforce\"; }");

        cr_assert_not_null(config, "%s", error_text);
        cr_expect_not(config->milter.overrides.wants_recipients);
        cr_expect_not(config->milter.overrides.wants_list_id);
        cr_expect_not(config->milter.overrides.wants_arc_sealer);
        config_release(config);
}

#define ENTRY(text) "{ Action = \"annotate\"; AuthorDomain = \"a.test\";\n" text " }"

Test(overrides, mistakes_have_their_line)
{
        expect_error("\"annotate\" ", 4, "must be a group"); /* libconfig looks ahead */
        expect_error("1", 3, "must be a group");
        expect_error("{ Action = \"annotate\"; }", 3, "needs a condition");
        expect_error("{ Action = \"annotate\"; Name = \"x\"; }", 3, "needs a condition");
        expect_error("{ AuthorDomain = \"a.test\"; }", 3, "Action: is required");
        expect_error("{ AuthorDomain = \"a.test\";\nAction = \"reject\"; }", 4, "\"enforce\"");
        expect_error("{ AuthorDomain = \"a.test\";\nAction = \"Annotate\"; }", 4, "\"annotate\"");
        expect_error("{ AuthorDomain = \"a.test\";\nAction = 1; }", 4, "\"quarantine\"");
        expect_error(ENTRY("Nonsense = 1;"), 4, "Nonsense: unknown here");
        expect_error(ENTRY("client = \"192.0.2.1\";"), 4, "client: unknown here");
        expect_error(ENTRY("RecipientDomain = 5;"), 4, "RecipientDomain: must be a string");
        expect_error(ENTRY("RecipientDomain = ( );"), 4, "RecipientDomain: must be a string");
        expect_error(ENTRY("RecipientDomain = { a = 1; };"), 4, "RecipientDomain: must be");
        expect_error(ENTRY("RecipientDomain = ( \"a.test\",\n5 );"), 5, "RecipientDomain: must");
        expect_error(ENTRY("RecipientDomain = ( \"a.test\",\n\"a b\" );"), 5, "not a domain");
        expect_error(ENTRY("RecipientDomain = \"user@a.test\";"), 4, "not a domain");
        expect_error(ENTRY("RecipientDomain = \".\";"), 4, "not a domain");
        expect_error(ENTRY("ARCSealer = \"*\";"), 4, "ARCSealer: not a domain");
        expect_error(ENTRY("Client = 5;"), 4, "Client: must be a string");
        expect_error(ENTRY("Client = ( \"192.0.2.1\",\n\"192.0.2.300\" );"), 5, "Client: neither");
        expect_error(ENTRY("Client = \"192.0.2.0/33\";"), 4, "Client: not a prefix length");
        expect_error(ENTRY("Client = \"\";"), 4, "Client: not a client");
        expect_error(ENTRY("Client = \"192.0.2.1 # one\";"), 4, "Client: not a client");
        expect_error(ENTRY("Client = \"192.0.2.1\\n192.0.2.2\";"), 4, "Client: not a client");
        expect_error(ENTRY("Client = ( \"!192.0.2.1\", \" !192.0.2.2\" );"), 4, "exceptions");
        expect_error(ENTRY("Name = \"two words\";"), 4, "Name: must be");
        expect_error(ENTRY("Name = \"\";"), 4, "Name: must be");
        expect_error(ENTRY("Name = \"a)b\";"), 4, "Name: must be");
        expect_error(ENTRY("Name = \"#1\";"), 4, "Name: must be");
        expect_error(ENTRY("Name = \"b\xc3\xbc"
                           "cher\";"),
                     4, "Name: must be");
        expect_error(ENTRY("Name = ( \"a\" );"), 4, "Name: must be");
        expect_error(ENTRY("Name = \"a\";") ",\n" ENTRY("Name = \"a\";"), 6, "another entry");
}

Test(overrides, forgeable_list_id_needs_company)
{
        const config_t *config;

        expect_error("{ Action = \"annotate\";\nListId = \".ietf.test\"; }", 4, "ListId: anyone");
        expect_error(ENTRY("ListId = \".ietf.test\";"), 4, "ListId: anyone");
        config = load("{ Action = \"annotate\"; ListId = \"l.test\"; Client = \"192.0.2.1\"; },"
                      "{ Action = \"annotate\"; ListId = \"l.test\"; ARCSealer = \"f.test\"; }");
        cr_expect_not_null(config, "%s", error_text);
        config_release(config);
}

Test(overrides, must_be_a_list)
{
        FILE *file = fopen(path, "w");

        fputs("milter: { Socket = \"local:/m\";\nOverrides = \"enforce\"; };\n", file);
        fclose(file);
        error_count = 0;
        cr_expect_null(config_load(path, CONFIG_MILTER, note, NULL));
        cr_expect_eq(error_line, 2);
        cr_expect_not_null(strstr(error_text, "Overrides: must be a list of groups"));
}

Test(overrides, all_mistakes_are_told)
{
        cr_expect_null(load(ENTRY("Client = ( \"x y\", 5, \"1.2.3.4.5\" );") ",\n{ }"));
        cr_expect_eq(error_count, 5, "%u", error_count);
}

Test(overrides, many_clients)
{
        char *entries = calloc(1, 1 << 20);
        size_t used = (size_t)sprintf(entries, "{ Action = \"annotate\"; Client = ( \"::1\"");
        const config_t *config;
        address_t address;

        for (unsigned i = 0; i < 20000; i++)
                used += (size_t)sprintf(entries + used, ",\n\"10.%u.%u.1\"", i / 250, i % 250);
        strcpy(entries + used, "); }");
        config = load(entries);
        cr_assert_not_null(config, "%s", error_text);
        address_parse("10.79.249.1", &address);
        cr_expect(ignore_list_match(config->milter.overrides.items[0].clients, &address, NULL));
        config_release(config);
        free(entries);
}

/* What becomes of the verdicts, as "ENFORCE REJECT/QUARANTINE/OPEN". */
static const char *handled(bool enforce, enum config_action on_reject,
                           enum config_action on_quarantine, int action)
{
        static const char *const actions[] = {"reject", "hold", "accept"};
        static char text[64];
        config_t config = {.milter = {.reject_failures = enforce,
                                      .reject_action = on_reject,
                                      .quarantine_action = on_quarantine}};
        const override_t override = {.action = (enum override_action)action};
        const handling_t handling = handling_of(&config, action >= 0 ? &override : NULL);

        if (!handling.enforce)
                return "off";
        snprintf(text, sizeof(text), "%s/%s/%s", actions[handling.on_reject],
                 actions[handling.on_quarantine],
                 handling.on_open == TEMP_ERROR_TEMPFAIL ? "tempfail" : "accept");
        return text;
}

Test(handling, of_each_action)
{
        cr_expect_str_eq(handled(false, ACTION_REJECT, ACTION_HOLD, -1), "off");
        cr_expect_str_eq(handled(true, ACTION_REJECT, ACTION_HOLD, -1), "reject/hold/tempfail");
        for (int enforce = 0; enforce < 2; enforce++) {
                cr_expect_str_eq(handled(enforce, ACTION_REJECT, ACTION_HOLD, OVERRIDE_ENFORCE),
                                 "reject/hold/tempfail");
                cr_expect_str_eq(handled(enforce, ACTION_HOLD, ACTION_ACCEPT, OVERRIDE_ENFORCE),
                                 "hold/accept/tempfail");
                cr_expect_str_eq(handled(enforce, ACTION_REJECT, ACTION_HOLD, OVERRIDE_ANNOTATE),
                                 "off");
        }
}

Test(handling, quarantine_is_never_more_than_hold)
{
        static const struct {
                enum config_action on_reject, on_quarantine;
                const char *expected;
        } cases[] = {
            {ACTION_REJECT, ACTION_HOLD, "hold/hold/tempfail"},
            {ACTION_REJECT, ACTION_REJECT, "hold/hold/tempfail"},
            {ACTION_REJECT, ACTION_ACCEPT, "accept/accept/tempfail"},
            {ACTION_HOLD, ACTION_HOLD, "hold/hold/tempfail"},
            {ACTION_HOLD, ACTION_REJECT, "hold/hold/tempfail"},
            {ACTION_HOLD, ACTION_ACCEPT, "accept/accept/tempfail"},
            {ACTION_ACCEPT, ACTION_HOLD, "accept/hold/tempfail"},
            {ACTION_ACCEPT, ACTION_REJECT, "accept/hold/tempfail"},
            {ACTION_ACCEPT, ACTION_ACCEPT, "accept/accept/tempfail"},
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
                cr_expect_str_eq(
                    handled(true, cases[i].on_reject, cases[i].on_quarantine, OVERRIDE_QUARANTINE),
                    cases[i].expected, "case %zu", i);
}
