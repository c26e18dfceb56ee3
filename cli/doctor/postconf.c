/* Reading Postfix's configuration, and what in it concerns all services. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"
#include "cli/doctor/file.h"
#include "cli/doctor/run.h"

#define PID_LIMIT        64
#define POSTCONF_LIMIT   ((size_t)4 << 20)
#define POSTCONF_TIME_MS 10000

/* Run postconf with up to two options. @return its output, or NULL after a finding */
static const char *postconf(doctor_t *doctor, const char *one, const char *two, const char **err)
{
        const char *argv[6] = {"postconf"};
        run_output_t output;
        size_t argc = 1;
        int error;

        if (doctor->options.config_dir != NULL) {
                argv[argc++] = "-c";
                argv[argc++] = doctor->options.config_dir;
        }
        if (one != NULL)
                argv[argc++] = one;
        if (two != NULL)
                argv[argc++] = two;
        error = run_program(doctor->arena, argv, POSTCONF_LIMIT, POSTCONF_TIME_MS, &output);
        if (error == -ENOENT)
                finding_add(&doctor->findings, SEVERITY_ERROR, "postfix-missing", NULL,
                            "Postfix is not installed on this host: there is no postconf");
        else if (error != 0)
                finding_add(&doctor->findings, SEVERITY_ERROR, "postfix-unread", NULL,
                            "postconf: %s", strerror(-error));
        else if (output.status != 0)
                finding_add(&doctor->findings, SEVERITY_ERROR, "postfix-unread", NULL, "%.*s",
                            (int)strcspn(output.err, "\n"), output.err);
        if (error != 0 || output.status != 0)
                return NULL;
        *err = output.err;
        return output.out;
}

/* "postconf: warning: …/main.cf: unused parameter: smtpd_milter=x": often a name misspelt. */
static void report_unused(doctor_t *doctor, const char *err)
{
        static const char mark[] = "unused parameter: ";

        while ((err = strstr(err, mark)) != NULL) {
                size_t len;

                err += sizeof(mark) - 1;
                len = strcspn(err, "\n");
                if (strncmp(err, "smtpd_", 6) != 0 && strncmp(err, "milter", 6) != 0)
                        continue;
                finding_add(&doctor->findings, SEVERITY_WARNING, "postfix-unused", NULL,
                            "Postfix knows no such parameter, it may be misspelt: %.*s", (int)len,
                            err);
        }
}

void doctor_read_postfix(doctor_t *doctor)
{
        static const struct {
                enum postfix_text what;
                const char *one, *two;
        } texts[] = {
            {POSTFIX_MAIN, NULL, NULL},
            {POSTFIX_MAIN_EXPANDED, "-x", NULL},
            {POSTFIX_SERVICES, "-F", NULL},
            {POSTFIX_OVERRIDES, "-P", NULL},
            {POSTFIX_OVERRIDES_EXPANDED, "-P", "-x"},
        };
        postfix_t *postfix = arena_alloc(doctor->arena, sizeof(*postfix));
        const char *dir;

        if (postfix == NULL) {
                doctor->findings.failed = true;
                return;
        }
        for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
                const char *err = "";
                const char *text = postconf(doctor, texts[i].one, texts[i].two, &err);

                if (text == NULL)
                        return;
                if (texts[i].what == POSTFIX_MAIN)
                        report_unused(doctor, err);
                if (postfix_read(doctor->arena, postfix, texts[i].what, text) != 0) {
                        doctor->findings.failed = true;
                        return;
                }
        }
        dir = postfix_value(postfix, NULL, "config_directory");
        doctor->main_cf = arena_printf(doctor->arena, "%s/main.cf", dir);
        doctor->master_cf = arena_printf(doctor->arena, "%s/master.cf", dir);
        doctor->queue_dir = postfix_value(postfix, NULL, "queue_directory");
        if (doctor->main_cf == NULL || doctor->master_cf == NULL) {
                doctor->findings.failed = true;
                return;
        }
        doctor->postfix = postfix;
        finding_add(&doctor->findings, SEVERITY_OK, "postfix", NULL,
                    "Postfix %s, configuration in %s", postfix_value(postfix, NULL, "mail_version"),
                    dir);
}

void doctor_change_parameter(doctor_t *doctor, finding_t *finding, const postfix_service_t *service,
                             const char *name, const char *value)
{
        bool overridden = false; /* only by a service */

        if (value == NULL) {
                doctor->findings.failed = true;
                return;
        }
        postfix_find(doctor->postfix, service, name, &overridden);
        if (overridden && service != NULL)
                finding_change(&doctor->findings, finding, doctor->master_cf, service->label,
                               "-o { %s = %s }", name, value);
        else
                finding_change(&doctor->findings, finding, doctor->main_cf, NULL, "%s =%s%s", name,
                               *value != '\0' ? " " : "", value);
}

const char *doctor_editable(const postfix_setting_t *setting)
{
        if (setting == NULL)
                return "";
        return strchr(setting->value, '$') != NULL ? setting->expanded : setting->value;
}

/* The service that asks these milters. */
static const postfix_service_t *find_cleanup(const postfix_t *postfix)
{
        for (size_t i = 0; i < postfix->service_count; i++)
                if (strcmp(postfix->services[i].name, "cleanup") == 0)
                        return &postfix->services[i];
        return NULL;
}

/* Our milter in the list of non_smtpd_milters: mail from this host's own programs. */
static void check_non_smtpd(doctor_t *doctor)
{
        const postfix_service_t *cleanup = find_cleanup(doctor->postfix);
        finding_t *finding;
        postfix_list_t list;

        if (cleanup == NULL || !doctor_living_milters(doctor, cleanup, "non_smtpd_milters", &list))
                return;
        for (size_t i = 0; i < list.count; i++) {
                enum attachment attachment = doctor_attachment(doctor, cleanup, list.items[i],
                                                               doctor->config->milter.socket);

                if (attachment != ATTACHED && attachment != ATTACHED_CHROOT)
                        continue;
                finding = finding_add(&doctor->findings, SEVERITY_WARNING, "non-smtpd-milters",
                                      NULL, "truefrom-milter is in non_smtpd_milters");
                finding_means(
                    &doctor->findings, finding,
                    "Mail of this host's own programs%s has no client to evaluate: it "
                    "must not come to truefrom-milter.",
                    *postfix_value(doctor->postfix, NULL, "internal_mail_filter_classes") != '\0'
                        ? " (and bounces, by internal_mail_filter_classes)"
                        : "");
                doctor_change_parameter(doctor, finding, cleanup, "non_smtpd_milters",
                                        postfix_join(doctor->arena, &list, 0, NULL, i));
                return;
        }
}

static void check_xclient(doctor_t *doctor)
{
        const char *hosts = postfix_value(doctor->postfix, NULL, "smtpd_authorized_xclient_hosts");
        finding_t *finding;

        if (*hosts == '\0')
                return;
        finding = finding_add(&doctor->findings, SEVERITY_NOTE, "xclient", NULL,
                              "smtpd_authorized_xclient_hosts = %s", hosts);
        finding_means(&doctor->findings, finding,
                      "These hosts can give any client address, and so pass SPF for any domain: a "
                      "proxy in front of this host needs that, nobody else should have it.");
}

/* The process that master's own file names: is it a master? */
static bool runs(doctor_t *doctor)
{
        const char *path = arena_printf(doctor->arena, "%s/pid/master.pid", doctor->queue_dir);
        char *text, name[PID_LIMIT], program[PID_LIMIT] = "";
        FILE *file;
        bool found;

        if (path == NULL || file_read(doctor->arena, path, PID_LIMIT, &text) != 0)
                return false;
        snprintf(name, sizeof(name), "/proc/%ld/comm", strtol(text, NULL, 10));
        file = fopen(name, "re");
        if (file == NULL)
                return false;
        found = fgets(program, sizeof(program), file) != NULL && strcmp(program, "master\n") == 0;
        fclose(file);
        return found;
}

static void check_runs(doctor_t *doctor)
{
        finding_t *finding;

        if (geteuid() != 0 || runs(doctor))
                return; /* whoever is not root may not see it */
        finding = finding_add(&doctor->findings, SEVERITY_ERROR, "postfix-stopped", NULL,
                              "Postfix does not run");
        finding_means(&doctor->findings, finding, "No mail comes in.");
        finding_command(&doctor->findings, finding, "systemctl start postfix");
}

void doctor_check_postfix(doctor_t *doctor)
{
        check_runs(doctor);
        check_xclient(doctor);
        if (doctor->config != NULL && doctor->config->milter.socket != NULL)
                check_non_smtpd(doctor);
}
