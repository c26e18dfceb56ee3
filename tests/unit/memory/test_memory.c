/*
 * Every allocation fails in turn: memory that runs out is an error that is reported, never a crash,
 * and nothing leaks. The linker puts the functions below in the place of the allocator for our own
 * objects (--wrap); what libraries allocate inside of themselves does not fail.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/app/config.h"
#include "common/auth/gather.h"
#include "common/dmarc/dmarc.h"
#include "common/mail/from.h"
#include "common/policy/ignore.h"
#include "common/policy/override_input.h"

#define TRIES_MAX 100000

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_reallocarray(void *memory, size_t count, size_t size);
char *__real_strdup(const char *text);

static long until_failure = -1; /* allocations that still succeed; -1 = all do */
static bool failed;

static bool fails(void)
{
        if (until_failure < 0)
                return false;
        if (until_failure-- > 0)
                return false;
        until_failure = 0; /* memory stays out */
        failed = true;
        return true;
}

void *__wrap_malloc(size_t size)
{
        return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
        return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
        return fails() ? NULL : __real_realloc(memory, size);
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
        return fails() ? NULL : __real_reallocarray(memory, count, size);
}

char *__wrap_strdup(const char *text)
{
        return fails() ? NULL : __real_strdup(text);
}

/* @return whether it succeeded */
typedef bool work_fn(void);

static void fail_in_turn(work_fn *work, const char *name)
{
        long tries = 0;
        bool done = false;

        (void)name; /* where the runner prints no texts */
        for (; !done && tries < TRIES_MAX; tries++) {
                failed = false;
                until_failure = tries;
                done = work();
                until_failure = -1;
                cr_assert(done != failed, "%s: allocation %ld failed: %d, succeeded: %d", name,
                          tries, failed, done);
        }
        cr_assert(done);
        cr_assert_gt(tries, 1, "%s allocates nothing", name);
}

static char path[64], hosts_path[64];
static unsigned errors;

static void make_file(char *name, const char *text)
{
        FILE *file;

        strcpy(name, "/tmp/tf-memory-XXXXXX");
        file = fdopen(mkstemp(name), "w");
        cr_assert_not_null(file);
        fputs(text, file);
        fclose(file);
}

static void note(void *context, const char *file, unsigned line, const char *message)
{
        (void)context;
        (void)file;
        (void)line;
        cr_assert_not_null(message);
        errors++;
}

static bool load_config(void)
{
        const config_t *config;

        errors = 0;
        config = config_load(path, CONFIG_BOTH, note, NULL);
        cr_assert_eq(config == NULL, errors > 0);
        config_release(config);
        return config != NULL;
}

/* Every option, and each kind of entry of Overrides. */
static void write_config(char *text, size_t size)
{
        char *at = text;

        at += snprintf(
            at, size,
            "AuthservID = \"mx.example.org\";\nTrustedAuthservIDs = ( \"a.example\" );\n"
            "IgnoreHosts = \"%s\";\nIgnoreAuthenticatedClients = true;\n"
            "Nameservers = ( \"127.0.0.1@5300\" );\nDNSTimeout = 5;\n"
            "StateDirectory = \"/run/x\";\nStateLifetime = 60;\nStateSize = 16;\n"
            "HistoryDirectory = \"\";\nLogTarget = \"stderr\";\nUserID = \"root\";\n"
            "UMask = \"0007\";\npolicyd: { Socket = \"local:/tmp/p\"; };\n"
            "milter: { Socket = \"local:/tmp/m\"; RejectString = \"no, %%s\";\n"
            "RequiredHeaders = \"from\"; CopyFailuresTo = \"a@b.example\";\nOverrides = (\n",
            hosts_path);
        for (int i = 0; i < 100; i++)
                at += sprintf(
                    at,
                    "{ Name = \"n%d\"; AuthorDomain = ( \"a%d.example\", \".b.example\" );"
                    " Client = ( \"192.0.2.%d\", \".c%d.example\" ); ListId = \"l.example\";"
                    " ARCSealer = \"s.example\"; RecipientDomain = \"r.example\";"
                    " Action = \"annotate\"; },\n",
                    i, i, i, i);
        at += sprintf(at, "{ AuthorDomain = \"z.example\"; Action = \"enforce\"; } ); };\n"
                          "IgnoreMailFrom = (");
        for (int i = 0; i < 600; i++)
                at += sprintf(at, "\"d%d.example\", ", i);
        strcpy(at, "\"last.example\" );\n");
}

Test(memory, loading_a_configuration)
{
        static char text[1 << 16];

        make_file(hosts_path, "127.0.0.1\n");
        write_config(text, sizeof(text));
        make_file(path, text);
        fail_in_turn(load_config, "configuration");
        unlink(path);
        unlink(hosts_path);
}

static void no_error(void *context, unsigned line, const char *message)
{
        (void)context;
        (void)line;
        cr_assert_null(message, "%u: %s", line, message);
}

static bool load_hosts(void)
{
        ignore_file_t *file = NULL;

        if (ignore_file_open(hosts_path, no_error, NULL, &file) != 0)
                return false;
        ignore_file_free(file);
        return true;
}

Test(memory, loading_ignore_hosts)
{
        static char text[1 << 16];
        char *at = text;

        for (int i = 0; i < 500; i++)
                at += sprintf(at, "10.0.%d.0/24\n!h%d.example\n.d%d.example\n2001:db8:%x::/48\n",
                              i % 256, i, i, i);
        make_file(hosts_path, text);
        fail_in_turn(load_hosts, "ignore.hosts");
        unlink(hosts_path);
}

static const char long_from[] =
    "a@a.example, \"ceo@b.example\", =?utf-8?B?Y2VvQGJhbmsudGVzdA==?=, Group: c@c.example, "
    "d@d.example;, (comment@e.example) f@f.example, x@b\xc3\xbc"
    "cher.example";

static bool read_from(void)
{
        arena_t *arena = arena_create(0);
        from_field_t fields[2] = {{.body = long_from, .len = sizeof(long_from) - 1},
                                  {.body = "b@broken <", .len = 10}};
        from_author_t author;
        int error = arena != NULL ? from_parse(arena, fields, 2, &author) : -ENOMEM;

        cr_assert(error == 0 || error == -ENOMEM);
        arena_free(arena);
        return error == 0;
}

Test(memory, reading_from)
{
        fail_in_turn(read_from, "From");
}

static bool believe_fields(void)
{
        static const char *const trusted[] = {"mx.example.org"};
        static const char *const signatures[] = {"a.example", "b.example"};
        static const char *const authors[] = {"news.a.example"};
        static char body[4096] = "mx.example.org; spf=pass smtp.mailfrom=<a@b.example>";
        static const from_author_t author = {.domains = authors, .domain_count = 1};
        authres_field_t fields[200];
        gather_input_t input = {
            .fields = fields,
            .field_count = 200,
            .signatures = {.domains = signatures, .count = 2},
            .author = &author,
            .sender = "a@b.example",
            .authserv_id = "mx.example.org",
            .trusted_ids = trusted,
            .trusted_count = 1,
        };
        arena_t *arena = arena_create(0);
        gathered_t gathered;
        int error;

        for (unsigned i = 0; i < 200; i++)
                fields[i] = (authres_field_t){
                    .body = body, .len = strlen(body), .index = i, .occurrence = i + 1};
        error = arena != NULL ? gather_results(arena, &input, &gathered) : -ENOMEM;
        cr_assert(error == 0 || error == -ENOMEM);
        arena_free(arena);
        return error == 0;
}

Test(memory, reading_authentication_results)
{
        fail_in_turn(believe_fields, "Authentication-Results");
}

static enum dmarc_dns_status txt(void *context, arena_t *arena, const char *name,
                                 const dmarc_txt_t **records, size_t *count)
{
        static const dmarc_txt_t text = {.text = "v=DMARC1; p=reject; rua=mailto:a@b.example",
                                         .len = 42};

        (void)context;
        (void)arena;
        *records = &text;
        *count = 1;
        return strcmp(name, "_dmarc.org.example") == 0 ? DMARC_DNS_FOUND : DMARC_DNS_NXDOMAIN;
}

static enum dmarc_dns_status exists(void *context, const char *name)
{
        (void)context;
        (void)name;
        return DMARC_DNS_FOUND;
}

static bool evaluate_dmarc(void)
{
        const dmarc_dns_t dns = {.txt = txt, .exists = exists};
        static const dmarc_identifier_t dkim[] = {
            {AUTH_PASS, "a.other.example"}, {AUTH_PASS, "b.org.example"}, {AUTH_FAIL, "c.example"}};
        const dmarc_input_t input = {
            .author_domain = "a.b.c.d.e.f.g.org.example", .dkim = dkim, .dkim_count = 3};
        arena_t *arena = arena_create(0);
        dmarc_outcome_t outcome;
        int error = arena != NULL ? dmarc_evaluate(arena, &dns, &input, &outcome) : -ENOMEM;

        cr_assert(error == 0 || error == -ENOMEM);
        cr_assert(error != 0 || outcome.result == AUTH_PASS);
        arena_free(arena);
        return error == 0;
}

Test(memory, evaluating_dmarc)
{
        fail_in_turn(evaluate_dmarc, "DMARC");
}
