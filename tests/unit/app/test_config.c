/* truefrom.conf: defaults, each option, and every kind of mistake with its line */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/app/config.h"
#include "common/app/config_schema.h"

#define SOCKETS "policyd: { Socket = \"local:/p\"; };\nmilter: { Socket = \"local:/m\"; };\n"

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

        snprintf(path, sizeof(path), "/tmp/tf-config-XXXXXX");
        fd = mkstemp(path);
        cr_assert_geq(fd, 0);
        close(fd);
}

static void teardown(void)
{
        unlink(path);
}

TestSuite(config, .init = setup, .fini = teardown);

static const config_t *load(const char *text, enum config_program program)
{
        FILE *file = fopen(path, "w");

        fputs(text, file);
        fclose(file);
        error_count = 0;
        error_line = 0;
        return config_load(path, program, note, NULL);
}

static void expect_error(const char *text, unsigned line, const char *part)
{
        const config_t *config = load(text, CONFIG_MILTER);

        cr_expect_null(config, "%s", text);
        cr_expect_geq(error_count, 1, "%s", text);
        cr_expect_eq(error_line, line, "line %u of %s: %s", error_line, text, error_text);
        cr_expect_not_null(strstr(error_text, part), "%s: %s", text, error_text);
        config_release(config);
}

Test(config, defaults)
{
        const config_t *config = load(SOCKETS, CONFIG_MILTER);
        char host[256] = "";

        gethostname(host, sizeof(host) - 1);
        cr_assert_not_null(config, "%s", error_text);
        cr_expect(config->authserv_id_implicit);
        cr_expect_eq(strncasecmp(config->authserv_id, host, strcspn(host, ".")), 0);
        cr_assert_eq(config->trusted_authserv_ids.count, 1);
        cr_expect_str_eq(config->trusted_authserv_ids.items[0], config->authserv_id);
        cr_expect_null(config->ignore_hosts);
        cr_expect_eq(config->ignore_mail_from.count, 0);
        cr_expect(config->ignore_authenticated_clients);
        cr_expect_eq(config->nameservers.count, 0);
        cr_expect_eq(config->dns_timeout, 5);
        cr_expect_str_eq(config->state_directory, "/run/truefrom/state");
        cr_expect_eq(config->state_lifetime, 3600);
        cr_expect_eq(config->state_size, 256);
        cr_expect_str_eq(config->history_directory, "/var/lib/truefrom/history");
        cr_expect_eq(config->log_target, LOG_TARGET_SYSLOG);
        cr_expect_null(config->user_id);
        cr_expect_str_eq(config->umask_text, "0007");
        cr_expect_eq(config->umask_bits, 07);
        cr_expect_null(config->policyd.metrics_socket);
        cr_expect_null(config->milter.metrics_socket);
        cr_expect_not(config->policyd.add_received_spf);
        cr_expect_not(config->policyd.reject_spf_fail);
        cr_expect_not(config->milter.reject_failures);
        cr_expect_eq(config->milter.reject_action, ACTION_REJECT);
        cr_expect_eq(config->milter.quarantine_action, ACTION_HOLD);
        cr_expect_eq(config->milter.required_headers, REQUIRED_NONE);
        cr_expect(config->milter.spf_self_validate);
        cr_expect_not(config->milter.spf_ignore_results);
        cr_expect_str_eq(config->milter.reject_string, "rejected by DMARC policy for %s");
        cr_expect_null(config->milter.copy_failures_to);
        cr_expect_eq(config->milter.on_temp_error, TEMP_ERROR_TEMPFAIL);
        config_release(config);
}

Test(config, every_option)
{
        const config_t *config = load(
            "AuthservID = \"mx.test\";\nTrustedAuthservIDs = ( \"a.test\", \"b.test\" );\n"
            "IgnoreHosts = \"/dev/null\";\nIgnoreMailFrom = [ \"Example.ORG\", \".b\xc3\xbc"
            "cher.test\" ];\n"
            "IgnoreAuthenticatedClients = false;\nNameservers = \"127.0.0.1@5300, ::1\";\n"
            "DNSTimeout = 7;\nStateDirectory = \"/s\";\nStateLifetime = 120;\nStateSize = 8;\n"
            "HistoryDirectory = \"\";\nLogTarget = \"stderr\";\nUserID = \"a:b\";\nUMask = "
            "\"0117\";\n"
            "policyd = { Socket = \"inet:10@localhost\"; MetricsSocket = \"inet:12@::1\"; "
            "AddReceivedSPF = true; RejectSPFFail = "
            "true; };\n"
            "milter = { Socket = \"inet6:11@::1\"; MetricsSocket = \"unix:/m\"; RejectFailures = "
            "true; RejectAction = "
            "\"hold\";\n"
            "QuarantineAction = \"accept\"; RequiredHeaders = true; SPFSelfValidate = false;\n"
            "SPFIgnoreResults = true; RejectString = \"no %s\"; CopyFailuresTo = \"a@b.test\";\n"
            "OnTempError = \"accept\"; };\n",
            CONFIG_MILTER);

        cr_assert_not_null(config, "%u: %s", error_line, error_text);
        cr_expect_str_eq(config->authserv_id, "mx.test");
        cr_expect_not(config->authserv_id_implicit);
        cr_expect_eq(config->trusted_authserv_ids.count, 2);
        cr_expect_str_eq(config->trusted_authserv_ids.items[1], "b.test");
        cr_expect_str_eq(config->ignore_hosts, "/dev/null");
        cr_assert_eq(config->ignore_mail_from.count, 2);
        cr_expect_str_eq(config->ignore_mail_from.items[0], "example.org");
        cr_expect_str_eq(config->ignore_mail_from.items[1], ".xn--bcher-kva.test");
        cr_expect_not(config->ignore_authenticated_clients);
        cr_assert_eq(config->nameservers.count, 2);
        cr_expect_str_eq(config->nameservers.items[0], "127.0.0.1@5300");
        cr_expect_str_eq(config->nameservers.items[1], "::1");
        cr_expect_eq(config->dns_timeout, 7);
        cr_expect_str_eq(config->state_directory, "/s");
        cr_expect_eq(config->state_lifetime, 120);
        cr_expect_eq(config->state_size, 8);
        cr_expect_str_eq(config->history_directory, "");
        cr_expect_eq(config->log_target, LOG_TARGET_STDERR);
        cr_expect_str_eq(config->user_id, "a:b");
        cr_expect_eq(config->umask_bits, 0117);
        cr_expect_str_eq(config->policyd.socket, "inet:10@localhost");
        cr_expect(config->policyd.add_received_spf && config->policyd.reject_spf_fail);
        cr_expect_str_eq(config->policyd.metrics_socket, "inet:12@::1");
        cr_expect_str_eq(config->milter.socket, "inet6:11@::1");
        cr_expect_str_eq(config->milter.metrics_socket, "unix:/m");
        cr_expect(config->milter.reject_failures);
        cr_expect_eq(config->milter.required_headers, REQUIRED_ALL);
        cr_expect_eq(config->milter.reject_action, ACTION_HOLD);
        cr_expect_eq(config->milter.quarantine_action, ACTION_ACCEPT);
        cr_expect_not(config->milter.spf_self_validate);
        cr_expect(config->milter.spf_ignore_results);
        cr_expect_str_eq(config->milter.reject_string, "no %s");
        cr_expect_str_eq(config->milter.copy_failures_to, "a@b.test");
        cr_expect_eq(config->milter.on_temp_error, TEMP_ERROR_ACCEPT);
        config_release(config);
}

Test(config, required_headers_are_a_boolean_or_a_word)
{
        const config_t *config =
            load("milter = { Socket = \"unix:/s\"; RequiredHeaders = \"from\"; };", CONFIG_MILTER);

        cr_assert_not_null(config, "%u: %s", error_line, error_text);
        cr_expect_eq(config->milter.required_headers, REQUIRED_FROM);
        config_release(config);
        config =
            load("milter = { Socket = \"unix:/s\"; RequiredHeaders = false; };", CONFIG_MILTER);
        cr_assert_not_null(config, "%u: %s", error_line, error_text);
        cr_expect_eq(config->milter.required_headers, REQUIRED_NONE);
        config_release(config);
        expect_error("milter: { Socket = \"local:/m\";\nRequiredHeaders = \"true\"; };\n", 2,
                     "RequiredHeaders");
        expect_error("milter: { Socket = \"local:/m\";\nRequiredHeaders = 1; };\n", 2,
                     "true, false or \"from\"");
}

Test(config, hostname_by_name)
{
        const config_t *config = load("AuthservID = \"HOSTNAME\";\n" SOCKETS, CONFIG_MILTER);

        cr_assert_not_null(config);
        cr_expect_str_neq(config->authserv_id, "HOSTNAME");
        config_release(config);
}

Test(config, only_the_own_socket_is_required)
{
        const config_t *config = load("policyd: { Socket = \"local:/p\"; };\n", CONFIG_POLICYD);

        cr_expect_not_null(config);
        config_release(config);
        config = load("policyd: { Socket = \"local:/p\"; };\n", CONFIG_MILTER);
        cr_expect_null(config);
        cr_expect_not_null(strstr(error_text, "milter.Socket"));
        config = load("", CONFIG_TOOL);
        cr_expect_not_null(config);
        config_release(config);
}

Test(config, mistakes_have_their_line)
{
        expect_error(SOCKETS "Nonsense = 1;\n", 3, "Nonsense");
        expect_error("\n\nmilter: { Socket = \"local:/m\";\nNonsense = 1; };\n", 4, "Nonsense");
        expect_error("milter: { Socket = \"local:/m\"; };\nother: { a = 1; };\n", 2, "other");
        expect_error(SOCKETS "DNSTimeout = \"5\";\n", 3, "DNSTimeout");
        expect_error(SOCKETS "DNSTimeout = 0;\n", 3, "DNSTimeout");
        expect_error(SOCKETS "DNSTimeout = 21;\n", 3, "DNSTimeout");
        expect_error(SOCKETS "StateSize = -1;\n", 3, "StateSize");
        expect_error(SOCKETS "StateSize = 99999999999999L;\n", 3, "StateSize");
        expect_error(SOCKETS "IgnoreAuthenticatedClients = 1;\n", 3, "IgnoreAuthenticatedClients");
        expect_error(SOCKETS "AuthservID = 5;\n", 3, "AuthservID");
        expect_error(SOCKETS "AuthservID = \"a\\nb\";\n", 3, "AuthservID");
        expect_error(SOCKETS "LogTarget = \"file\";\n", 3, "LogTarget");
        expect_error(SOCKETS "UMask = \"0088\";\n", 3, "UMask");
        expect_error(SOCKETS "Nameservers = ( \"dns.example\" );\n", 3, "Nameservers");
        expect_error(SOCKETS "Nameservers = ( \"127.0.0.1@99999\" );\n", 3, "Nameservers");
        expect_error(SOCKETS "IgnoreMailFrom = ( \"a b\" );\n", 3, "IgnoreMailFrom");
        expect_error(SOCKETS "IgnoreMailFrom = ( 1 );\n", 3, "IgnoreMailFrom");
        expect_error(SOCKETS "IgnoreHosts = \"/nonexistent/file\";\n", 3, "IgnoreHosts");
        expect_error("milter: { Socket = \"nowhere\"; };\n", 1, "Socket");
        expect_error("milter: { Socket = \"inet:smtp\"; };\n", 1, "Socket");
        expect_error("milter: { Socket = \"local:/m\";\nMetricsSocket = \"9854\"; };\n", 2,
                     "MetricsSocket");
        expect_error("MetricsSocket = \"inet:9854@::1\";\n" SOCKETS, 1, "group");
        expect_error("milter: { Socket = \"local:/m\";\nRejectString = \"a\"; };\n", 2, "%s");
        expect_error("milter: { Socket = \"local:/m\";\nRejectString = \"%s %s\"; };\n", 2, "%s");
        expect_error("milter: { Socket = \"local:/m\";\nRejectString = \"%s %d\"; };\n", 2, "%s");
        expect_error("milter: { Socket = \"local:/m\";\nRejectString = \"%s %n\"; };\n", 2, "%s");
        expect_error("milter: { Socket = \"local:/m\";\nRejectAction = \"drop\"; };\n", 2,
                     "RejectAction");
        expect_error("milter: { Socket = \"local:/m\";\nCopyFailuresTo = \"me\"; };\n", 2,
                     "CopyFailuresTo");
        expect_error("milter: { Socket = \"local:/m\";\nDNSTimeout = 5; };\n", 2, "top level");
        expect_error(SOCKETS "RejectFailures = true;\n", 3, "milter");
        expect_error(SOCKETS "HoldQuarantinedMessages = true;\n", 3, "QuarantineAction");
        expect_error(SOCKETS "this is = = not\n", 3, "syntax");
        expect_error(SOCKETS "DNSTimeout = 5;\nDNSTimeout = 6;\n", 4, "");
}

Test(config, all_mistakes_are_told)
{
        cr_expect_null(load(SOCKETS "A = 1;\nB = 1;\nDNSTimeout = 99;\n", CONFIG_MILTER));
        cr_expect_eq(error_count, 3);
}

Test(config, a_file_that_is_not_there)
{
        unlink(path);
        cr_expect_null(config_load(path, CONFIG_MILTER, note, NULL));
        cr_expect_eq(error_count, 1);
}

Test(config, broken_lines_of_ignore_hosts_are_for_the_check)
{
        char ignore[64] = "/tmp/tf-ignore-XXXXXX", text[256];
        const config_t *config;
        FILE *file = fdopen(mkstemp(ignore), "w");

        fputs("192.0.2.1\n1.2.3.4.5\n", file);
        fclose(file);
        snprintf(text, sizeof(text), SOCKETS "IgnoreHosts = \"%s\";\n", ignore);
        config = load(text, CONFIG_MILTER);
        cr_assert_not_null(config);
        unlink(path);
        memcpy(path, ignore, sizeof(path)); /* whose name the error is to have */
        cr_expect_not(config_check_files(config, note, NULL));
        cr_expect_eq(error_count, 1);
        cr_expect_eq(error_line, 2);
        config_release(config);
}

/* Holds the documentation against the options: each has its item in truefrom.conf(5), and its line
 * in the example file. */
static char *read_whole(const char *name)
{
        char full[512];
        char *text = calloc(1, 1 << 18);
        FILE *file;

        snprintf(full, sizeof(full), "%s/%s", TEST_SOURCE, name);
        file = fopen(full, "r");
        cr_assert_not_null(file, "%s", full);
        cr_assert_gt(fread(text, 1, (1 << 18) - 1, file), 0);
        fclose(file);
        return text;
}

Test(config, every_option_is_documented)
{
        char *manual = read_whole("doc/man/truefrom.conf.5"),
             *example = read_whole("etc/truefrom.conf");

        for (size_t i = 0; i < option_schema_count; i++) {
                const option_schema_t *row = &option_schema[i];
                char item[128];

                snprintf(item, sizeof(item), ".It Cm %s%s%s", row->group ? row->group : "",
                         row->group ? "." : "", row->name);
                cr_expect_not_null(strstr(manual, item), "truefrom.conf(5) has no %s", item);
                snprintf(item, sizeof(item), "%s = ", row->name);
                cr_expect_not_null(strstr(example, item), "the example has no %s", item);
        }
        free(manual);
        free(example);
}

/* A list of so many entries, in a string that is the caller's. */
static char *long_list(int entries)
{
        char *text = malloc((size_t)entries * 24 + sizeof(SOCKETS) + 64), *at = text;

        at += sprintf(at, SOCKETS "IgnoreMailFrom = (\n");
        for (int i = 0; i < entries; i++)
                at += sprintf(at, "\"d%d.example\",\n", i);
        strcpy(at, "\"last.example\" );\nUMask = \"0077\";\n");
        return text;
}

Test(config, hundred_thousand_entries)
{
        char *text = long_list(100000);
        const config_t *config = load(text, CONFIG_MILTER);

        free(text);
        cr_assert_not_null(config, "%s", error_text);
        cr_expect_eq(config->ignore_mail_from.count, 100001);
        cr_expect_str_eq(config->ignore_mail_from.items[99999], "d99999.example");
        cr_expect_str_eq(config->ignore_mail_from.items[100000], "last.example");
        cr_expect_eq(config->umask_bits, 077);
        config_release(config);
}

/* What does not fit into a configuration's memory is an error, and nothing is read on from there.
 */
Test(config, more_than_its_memory_holds)
{
        const size_t entries = 300000;
        char label[64], *text = malloc(entries * 280), *at = text;

        memset(label, 'a', 60);
        label[60] = '\0';
        at += sprintf(at, SOCKETS "IgnoreMailFrom = (\n");
        for (size_t i = 0; i < entries; i++)
                at += sprintf(at, "\"%s.%s.%s.d%zu.example\",\n", label, label, label, i);
        strcpy(at, "\"last.example\" );\nUMask = \"0077\";\n");
        expect_error(text, 1, "out of memory");
        cr_expect_eq(error_count, 1);
        free(text);
}

/* Values of every option as no one would write them; the largest that a type can have. */
static void write_huge(FILE *file, const option_schema_t *row, size_t size)
{
        char *text = malloc(size + 1);

        memset(text, 'a', size);
        text[size] = '\0';
        fprintf(file, "%s = ", row->name);
        switch (row->type) {
        case OPTION_NUMBER:
                fprintf(file, "9223372036854775807L");
                break;
        case OPTION_LIST:
                fprintf(file, "( ");
                for (size_t i = 0; i < size / 10; i++)
                        fprintf(file, "\"a%zu.test\", ", i);
                fprintf(file, "\"%s\" )", text);
                break;
        case OPTION_OVERRIDES:
                fprintf(file, "( ");
                for (size_t i = 0; i < size / 100; i++)
                        fprintf(file, "{ AuthorDomain = \"a%zu.test\"; Action = \"annotate\"; }, ",
                                i);
                fprintf(file, "{ AuthorDomain = \"%s\"; Client = \"%s\"; Action = \"%s\"; } )",
                        text, text, text);
                break;
        default:
                fprintf(file, "\"%s\"", text);
        }
        fprintf(file, ";\n");
        free(text);
}

/* Taken or refused with a message, but neither a crash nor anything in between. */
Test(config, huge_values_of_every_option)
{
        for (size_t i = 0; i < option_schema_count; i++) {
                const option_schema_t *row = &option_schema[i];
                const bool in_group = row->group != NULL;
                const config_t *config;
                FILE *file = fopen(path, "w");

                if (in_group)
                        fprintf(file, "%s: {\n", row->group);
                write_huge(file, row, 100000);
                if (in_group)
                        fprintf(file, "};\n");
                fclose(file);
                error_count = 0;
                config = config_load(path, CONFIG_TOOL, note, NULL);
                cr_expect((config != NULL) == (error_count == 0), "%s", row->name);
                config_release(config);
        }
}
