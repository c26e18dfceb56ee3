#include "cli/migrate/translate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/migrate/translator.h"
#include "cli/migrate/values.h"
#include "common/app/config_schema.h"

#define GROUP_WRITE 020

static void authserv_id(translator_t *translator)
{
        const opendmarc_setting_t *setting = translator_get(translator, "AuthservID");
        const char *why;

        if (setting == NULL) {
                translator_comment(translator,
                                   "AuthservID was not set: OpenDMARC takes Postfix's myhostname "
                                   "then, Truefrom this host's name. Set it when the two differ, "
                                   "to what OpenDKIM has.");
                writer_suggest(&translator->writer, "AuthservID", "HOSTNAME");
        } else if (!translator_valid(NULL, "AuthservID", setting->value, &why)) {
                translator_give_up(translator, setting, why, "set AuthservID to what OpenDKIM has");
        } else {
                writer_string(&translator->writer, "AuthservID", setting->value);
                translator->result->translated++;
        }
        writer_gap(&translator->writer);
}

/* The members that `name` may have here; the others are told of. */
static size_t valid_members(translator_t *translator, const opendmarc_setting_t *setting,
                            const char *name, const char **items, size_t count)
{
        size_t kept = 0;
        const char *why;

        for (size_t i = 0; i < count; i++) {
                const char *message;

                if (*items[i] == '.' && strcmp(name, "IgnoreMailFrom") == 0)
                        why = "it matches nothing in OpenDMARC, and all names below here";
                else if (translator_valid(NULL, name, items[i], &why)) {
                        items[kept++] = items[i];
                        continue;
                }
                message =
                    translator_made(translator, arena_printf(translator->arena,
                                                             "%s: %s left out: %s; add it by hand "
                                                             "if it is meant",
                                                             name, items[i], why));
                if (message != NULL)
                        translator_comment(translator, message);
                translator_note(translator, setting->line, message);
        }
        return kept;
}

static void list(translator_t *translator, const char *name)
{
        const opendmarc_setting_t *setting = translator_get(translator, name);
        const char **items;
        size_t count;

        if (setting == NULL)
                return;
        items = migrate_list(translator->arena, setting->value, &count);
        if (items == NULL) {
                translator->out_of_memory = true;
                return;
        }
        count = valid_members(translator, setting, name, items, count);
        if (count > 0) {
                writer_list(&translator->writer, name, items, count);
                translator->result->translated++;
        } else {
                translator_explain(translator, setting, "nothing is left of it");
        }
        writer_gap(&translator->writer);
}

static void ignore_hosts(translator_t *translator)
{
        const opendmarc_setting_t *setting = translator_get(translator, "IgnoreHosts");
        const char *path;

        if (setting == NULL) {
                translator_comment(translator,
                                   "IgnoreHosts was not set: OpenDMARC ignores 127.0.0.1 then, "
                                   "Truefrom all of 127.0.0.0/8 and ::1.");
                writer_suggest(&translator->writer, "IgnoreHosts", "/etc/truefrom/ignore.hosts");
        } else {
                path =
                    translator_made(translator, migrate_path(translator->arena,
                                                             translator_base_directory(translator),
                                                             setting->value));
                if (path == NULL)
                        return;
                translator_comment(translator,
                                   "The same file. A change to it counts within two seconds.");
                writer_string(&translator->writer, "IgnoreHosts", path);
                translator->result->ignore_hosts = path;
                translator->result->translated++;
        }
        writer_gap(&translator->writer);
}

static void dns_timeout(translator_t *translator)
{
        const opendmarc_setting_t *setting = translator_get(translator, "DNSTimeout");
        const option_schema_t *row = option_find(NULL, "DNSTimeout");
        long seconds;

        if (setting == NULL)
                return;
        seconds = setting->number;
        if (seconds < 0) {
                translator_comment(translator,
                                   "It was negative in OpenDMARC; this is the default of both.");
                seconds = row->number_default;
        } else if (seconds == 0 || seconds > row->maximum) {
                translator_comment(translator,
                                   seconds == 0 ? "0 means no limit in OpenDMARC; this is the most."
                                                : "It was longer in OpenDMARC; this is the most.");
                seconds = row->maximum;
        }
        writer_number(&translator->writer, "DNSTimeout", seconds);
        writer_gap(&translator->writer);
        translator->result->translated++;
}

static void log_target(translator_t *translator)
{
        const opendmarc_setting_t *setting = translator_get(translator, "Syslog");

        if (setting != NULL && setting->truth) {
                writer_string(&translator->writer, "LogTarget", "syslog");
                translator->result->translated++;
        } else if (setting != NULL) {
                translator_explain(translator, setting,
                                   "Truefrom always logs: a line a message, to syslog");
        } else {
                translator_comment(translator,
                                   "Syslog was not set: OpenDMARC logs nothing then. Truefrom "
                                   "always logs: a line a message, to syslog.");
        }
        writer_gap(&translator->writer);
}

static void user_id(translator_t *translator)
{
        const opendmarc_setting_t *setting = translator_get(translator, "UserID");

        if (setting == NULL)
                return;
        translator_explain(translator, setting,
                           "the systemd units start each daemon as an unprivileged user of "
                           "its own, truefrom-policyd and truefrom-milter");
        writer_gap(&translator->writer);
}

static void umask_bits(translator_t *translator)
{
        const opendmarc_setting_t *setting = translator_get(translator, "UMask");
        char octal[8];

        if (setting == NULL)
                return;
        if (setting->number < 0) {
                translator_explain(translator, setting,
                                   "a negative number sets no umask; the default is 0007");
        } else if (setting->number & GROUP_WRITE) {
                translator_explain(
                    translator, setting,
                    "it would keep Postfix, which has the sockets' group, from truefrom-policyd; "
                    "the default is 0007");
        } else {
                if (*setting->value != '0')
                        translator_comment(translator,
                                           "OpenDMARC reads a number that does not begin with 0 as "
                                           "a decimal one; this is the same umask in octal.");
                snprintf(octal, sizeof(octal), "%04lo", (unsigned long)setting->number & 0777);
                writer_string(&translator->writer, "UMask", octal);
                translator->result->translated++;
        }
        writer_gap(&translator->writer);
}

static void for_all(translator_t *translator)
{
        static const boolean_t authenticated = {NULL, "IgnoreAuthenticatedClients", NULL,
                                                "OpenDMARC's default. Truefrom's is true: the "
                                                "mail of your own users needs no evaluation."};

        writer_gap(&translator->writer);
        authserv_id(translator);
        list(translator, "TrustedAuthservIDs");
        ignore_hosts(translator);
        list(translator, "IgnoreMailFrom");
        translator_boolean(translator, &authenticated);
        dns_timeout(translator);
        log_target(translator);
        user_id(translator);
        umask_bits(translator);
}

static void without_counterpart(translator_t *translator)
{
        bool begun = false;

        for (size_t i = 0; i < opendmarc_option_count; i++) {
                const opendmarc_option_t *option = &opendmarc_options[i];

                if (translator->conf->settings[i].line == 0 || translator->seen[i])
                        continue;
                if (!begun) {
                        writer_gap(&translator->writer);
                        translator_comment(translator,
                                           "--- options of OpenDMARC without a counterpart ---");
                        writer_gap(&translator->writer);
                }
                begun = true;
                translator_explain(translator, &translator->conf->settings[i], option->instead);
        }
}

static void problems(translator_t *translator)
{
        const opendmarc_conf_t *conf = translator->conf;

        for (size_t i = 0; i < conf->problem_count; i++) {
                const opendmarc_problem_t *problem = &conf->problems[i];
                const char *original =
                    translator_made(translator, arena_printf(translator->arena, "line %u: %s",
                                                             problem->line, problem->text));

                if (i == 0) {
                        writer_gap(&translator->writer);
                        translator_comment(translator, "--- lines that do not count ---");
                        writer_gap(&translator->writer);
                }
                if (original == NULL)
                        return;
                writer_explain(&translator->writer, original, problem->message);
                translator->result->refused += problem->refused;
                translator_note(translator, problem->line,
                                arena_printf(translator->arena, "%s: %s; %s", problem->text,
                                             problem->message,
                                             problem->refused ? "correct the line and migrate again"
                                                              : "see that this is what you want"));
        }
}

static void translate(translator_t *translator, const char *source)
{
        const char *head = translator_made(
            translator, arena_printf(translator->arena,
                                     "Configuration of Truefrom, translated from OpenDMARC's %s "
                                     "by \"truefrom migrate\". truefrom.conf(5) explains every "
                                     "option; what does not stand here has its default.",
                                     source));

        if (head != NULL)
                translator_comment(translator, head);
        for_all(translator);
        translator_policyd(translator);
        translator_milter(translator);
        without_counterpart(translator);
        problems(translator);
}

int migrate_translate(arena_t *arena, const opendmarc_conf_t *conf, const char *source,
                      migration_t *migration)
{
        translator_t translator = {.arena = arena, .conf = conf, .result = migration};
        bool failed;

        memset(migration, 0, sizeof(*migration));
        migration->socket = MIGRATE_MILTER_SOCKET;
        translator.seen = arena_calloc(arena, opendmarc_option_count, sizeof(*translator.seen));
        translator.writer.out = open_memstream(&migration->text, &migration->len);
        if (translator.writer.out == NULL)
                return -ENOMEM;
        if (translator.seen != NULL)
                translate(&translator, source);
        failed = ferror(translator.writer.out) != 0;
        failed |= fclose(translator.writer.out) != 0;
        if (!failed && translator.seen != NULL && !translator.out_of_memory)
                return 0;
        migration_free(migration);
        return -ENOMEM;
}

void migration_free(migration_t *migration)
{
        free(migration->text);
        migration->text = NULL;
}
