#include <string.h>

#include "cli/migrate/translator.h"
#include "cli/migrate/values.h"
#include "common/app/endpoint.h"

/* where the units let the daemons make sockets */
#define SOCKET_DIRECTORY "/var/spool/postfix/truefrom/"

void translator_policyd(translator_t *translator)
{
        writer_begin_group(&translator->writer, "policyd");
        translator_comment(translator,
                           "New: SPF at envelope time. Postfix asks here, by check_policy_service "
                           "unix:truefrom/policyd.sock in main.cf.");
        writer_string(&translator->writer, "Socket", MIGRATE_POLICY_SOCKET);
        writer_end_group(&translator->writer);
        writer_gap(&translator->writer);
}

/* A path where the daemons' units let them make no socket, and where their users may not either:
 * ours instead. */
static void strange_directory(translator_t *translator, unsigned line, const char *path)
{
        translator_comment(translator,
                           "Not where OpenDMARC listened: truefrom-milter may make no socket in "
                           "the folder of another. smtpd_milters in main.cf has to name this one.");
        translator_note(translator, line,
                        arena_printf(translator->arena,
                                     "Socket: truefrom-milter may make no socket at %s: %s instead",
                                     path, MIGRATE_MILTER_SOCKET));
}

static void write_socket(translator_t *translator, const opendmarc_setting_t *setting,
                         const char *socket)
{
        const char *path = endpoint_path(socket);

        translator->result->opendmarc_socket = socket;
        if (path != NULL && strncmp(path, SOCKET_DIRECTORY, strlen(SOCKET_DIRECTORY)) != 0) {
                strange_directory(translator, setting->line, path);
                socket = MIGRATE_MILTER_SOCKET;
        } else if (path == NULL && strchr(socket, '@') == NULL) {
                translator_comment(translator,
                                   "On all addresses of this host, as in OpenDMARC: PORT@localhost "
                                   "keeps others out.");
        } else {
                translator_comment(translator,
                                   "Where OpenDMARC listens: smtpd_milters in main.cf stays as it "
                                   "is.");
        }
        writer_string(&translator->writer, "Socket", socket);
        translator->result->socket = socket;
        translator->result->translated++;
}

static void milter_socket(translator_t *translator)
{
        const opendmarc_setting_t *setting = translator_get(translator, "Socket");
        const opendmarc_setting_t *root =
            opendmarc_conf_get(translator->conf, "ChangeRootDirectory");
        const char *base = translator_base_directory(translator);
        const char *socket = NULL, *why, *root_path = NULL;

        if (root != NULL)
                root_path =
                    translator_made(translator, migrate_path(translator->arena, base, root->value));
        if (setting != NULL)
                socket = translator_made(
                    translator, migrate_socket(translator->arena, setting->value, root_path, base));
        if (socket != NULL && endpoint_valid(socket, &why)) {
                write_socket(translator, setting, socket);
        } else {
                if (socket != NULL)
                        translator_give_up(translator, setting, why,
                                           "put Truefrom's default into smtpd_milters");
                else
                        translator_comment(translator,
                                           "Socket was not set in the file: put "
                                           "unix:truefrom/milter.sock into smtpd_milters.");
                writer_string(&translator->writer, "Socket", MIGRATE_MILTER_SOCKET);
        }
        writer_gap(&translator->writer);
}

static void quarantine_action(translator_t *translator)
{
        const opendmarc_setting_t *setting = translator_get(translator, "HoldQuarantinedMessages");
        const bool hold = setting != NULL && setting->truth;

        if (hold)
                translator_comment(translator,
                                   "HoldQuarantinedMessages yes. It works with RejectFailures "
                                   "only, as in OpenDMARC.");
        else
                translator_comment(translator,
                                   "HoldQuarantinedMessages no, which is OpenDMARC's default. "
                                   "Truefrom's is \"hold\".");
        writer_string(&translator->writer, "QuarantineAction", hold ? "hold" : "accept");
        writer_gap(&translator->writer);
        translator->result->translated += setting != NULL;
}

static void text_of_milter(translator_t *translator, const char *name, const char *what_now)
{
        const opendmarc_setting_t *setting = translator_get(translator, name);
        const char *why;

        if (setting == NULL)
                return;
        if (translator_valid("milter", name, setting->value, &why)) {
                writer_string(&translator->writer, name, setting->value);
                translator->result->translated++;
        } else {
                translator_give_up(translator, setting, why, what_now);
        }
        writer_gap(&translator->writer);
}

void translator_milter(translator_t *translator)
{
        static const boolean_t
            failures = {"milter", "RejectFailures", NULL, NULL},
            headers = {"milter", "RequiredHeaders",
                       "Beyond what OpenDMARC does, this counts Sender, and refuses messages with "
                       "several author domains.",
                       NULL},
            own_spf =
                {"milter", "SPFSelfValidate", NULL,
                 "OpenDMARC's default. truefrom-policyd evaluates SPF all the same. With true, "
                 "Truefrom's default, the milter does so itself when policyd left no result, "
                 "as when it is down: better than mail that fails for want of SPF."},
            no_results = {"milter", "SPFIgnoreResults", NULL, NULL};

        writer_begin_group(&translator->writer, "milter");
        milter_socket(translator);
        translator_boolean(translator, &failures);
        quarantine_action(translator);
        translator_boolean(translator, &headers);
        translator_boolean(translator, &own_spf);
        translator_boolean(translator, &no_results);
        text_of_milter(translator, "RejectString",
                       "Truefrom's default text is used; set RejectString "
                       "if you want another");
        text_of_milter(translator, "CopyFailuresTo",
                       "set CopyFailuresTo to a full address, or do without");
        writer_end_group(&translator->writer);
}
