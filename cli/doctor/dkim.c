/*
 * OpenDKIM's configuration: does truefrom-milter believe what it says, and can nobody else say it?
 *
 * What it removes was tried with OpenDKIM 2.11: by default fields of its AuthservID that have a
 * DKIM result; RemoveARFrom replaces that name.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"
#include "cli/doctor/file.h"

#define CONF_LIMIT ((size_t)1 << 20)

/* The authserv-id that OpenDKIM uses, or NULL when it depends on what cannot be seen. */
static const char *effective_id(const doctor_t *doctor)
{
        const char *id = doctor->opendkim->authserv_id;
        char name[256];

        if (id == NULL && doctor->postfix == NULL)
                return NULL;
        if (id == NULL) /* the macro j */
                return postfix_value(doctor->postfix, NULL, "myhostname");
        if (strcmp(id, "HOSTNAME") != 0)
                return id;
        if (gethostname(name, sizeof(name)) != 0 || memchr(name, '\0', sizeof(name)) == NULL)
                return NULL;
        return arena_strdup(doctor->arena, name);
}

static bool is_trusted(const config_t *config, const char *id)
{
        for (size_t i = 0; i < config->trusted_authserv_ids.count; i++)
                if (strcasecmp(config->trusted_authserv_ids.items[i], id) == 0)
                        return true;
        return false;
}

/* TrustedAuthservIDs is in the file: unset, it is AuthservID. */
static bool trusted_set(const config_t *config)
{
        return config->trusted_authserv_ids.count != 1 ||
               strcmp(config->trusted_authserv_ids.items[0], config->authserv_id) != 0;
}

/* Is AuthservID the one that stands alone? Then OpenDKIM's name is also that of Postfix. */
static bool ours_is_odd(const doctor_t *doctor, const char *id)
{
        const char *host =
            doctor->postfix != NULL ? postfix_value(doctor->postfix, NULL, "myhostname") : "";

        return !trusted_set(doctor->config) && strcasecmp(id, host) == 0 &&
               strcasecmp(doctor->config->authserv_id, host) != 0;
}

/* TrustedAuthservIDs with one more name. NULL when memory is out. */
static const char *trusted_with(const doctor_t *doctor, const char *id)
{
        const config_strings_t *trusted = &doctor->config->trusted_authserv_ids;
        const char *list = arena_printf(doctor->arena, "\"%s\"", id);

        for (size_t i = 0; list != NULL && i < trusted->count; i++)
                list = arena_printf(doctor->arena, "%s, \"%s\"", list, trusted->items[i]);
        return list;
}

/* Three names that should be one: the one that differs from both others is to change. */
static void report_id(doctor_t *doctor, const char *id)
{
        findings_t *findings = &doctor->findings;
        const config_t *config = doctor->config;
        finding_t *finding;

        finding = finding_add(findings, SEVERITY_ERROR, "dkim-id", NULL,
                              "OpenDKIM signs its results \"%s\", which is not in "
                              "TrustedAuthservIDs",
                              id);
        finding_means(findings, finding,
                      "Its DKIM results are not believed: DMARC rests on SPF alone, and forwarded "
                      "mail fails.");
        if (trusted_set(config) && strcasecmp(id, config->authserv_id) == 0)
                finding_change(findings, finding, doctor->options.config_path, NULL,
                               "TrustedAuthservIDs = ( %s );", trusted_with(doctor, id));
        else if (ours_is_odd(doctor, id))
                finding_change(findings, finding, doctor->options.config_path, NULL,
                               "AuthservID = \"%s\";", id);
        else
                finding_change(findings, finding, doctor->options.opendkim, NULL, "AuthservID %s",
                               config->trusted_authserv_ids.items[0]);
}

/* Settings that are wrong whenever they have this value. */
static void check_switches(doctor_t *doctor)
{
        const opendkim_t *opendkim = doctor->opendkim;
        const char *file = doctor->options.opendkim;
        findings_t *findings = &doctor->findings;
        finding_t *finding;

        if (opendkim_yes(opendkim->with_job_id)) {
                finding = finding_add(findings, SEVERITY_ERROR, "dkim-job-id", NULL,
                                      "OpenDKIM adds the queue ID to its authserv-id");
                finding_means(findings, finding,
                              "No name in TrustedAuthservIDs can match it: its results are not "
                              "believed.");
                finding_change(findings, finding, file, NULL, "AuthservIDWithJobID no");
        }
        if (opendkim_yes(opendkim->keep_auth_results) && !doctor->forged_dropped) {
                finding = finding_add(findings, SEVERITY_ERROR, "dkim-keeps", NULL,
                                      "OpenDKIM leaves Authentication-Results that a client forges "
                                      "in its name");
                finding_means(findings, finding,
                              "Anybody can pass DMARC by adding such a field: neither its text nor "
                              "its place tells it from OpenDKIM's own.");
                finding_change(findings, finding, file, NULL, "KeepAuthResults no");
        }
        if (opendkim->mode != NULL && strpbrk(opendkim->mode, "vV") == NULL) {
                finding =
                    finding_add(findings, SEVERITY_ERROR, "dkim-mode", NULL,
                                "OpenDKIM does not verify: its Mode is \"%s\"", opendkim->mode);
                finding_means(findings, finding, "DMARC rests on SPF alone.");
                finding_change(findings, finding, file, NULL, "Mode %sv", opendkim->mode);
        }
}

/* RemoveARFrom with all that it should have, its own name first. NULL when memory is out. */
static const char *wanted_removals(const doctor_t *doctor, const char *id)
{
        const config_strings_t *trusted = &doctor->config->trusted_authserv_ids;
        const char *list = doctor->opendkim->remove_from;

        if (list == NULL || !opendkim_lists(list, id))
                list = arena_printf(doctor->arena, "%s%s%s", list != NULL ? list : "",
                                    list != NULL ? ", " : "", id);
        for (size_t i = 0; list != NULL && i < trusted->count; i++)
                if (!opendkim_lists(list, trusted->items[i]))
                        list = arena_printf(doctor->arena, "%s, %s", list, trusted->items[i]);
        return list;
}

static bool removes(const doctor_t *doctor, const char *id, const char *name)
{
        const char *list = doctor->opendkim->remove_from;

        return list != NULL ? opendkim_lists(list, name) : strcasecmp(id, name) == 0;
}

/* Whose fields does it leave, though we believe them? */
static void check_removal(doctor_t *doctor, const char *id)
{
        const config_strings_t *trusted = &doctor->config->trusted_authserv_ids;
        const char *list = doctor->opendkim->remove_from;
        findings_t *findings = &doctor->findings;
        finding_t *finding;

        if (list != NULL && strpbrk(list, ":/") != NULL) {
                finding_add(findings, SEVERITY_NOTE, "dkim-remove", NULL,
                            "RemoveARFrom of OpenDKIM is in another file (%s): see that it has all "
                            "names of TrustedAuthservIDs",
                            list);
                return;
        }
        for (size_t i = 0; i < trusted->count; i++) {
                const char *name = trusted->items[i];
                bool own = strcasecmp(name, id) == 0;

                if (removes(doctor, id, name))
                        continue;
                finding = finding_add(findings, own ? SEVERITY_ERROR : SEVERITY_WARNING,
                                      "dkim-remove", NULL,
                                      "OpenDKIM leaves Authentication-Results that a client forges "
                                      "in the name of %s, which is in TrustedAuthservIDs",
                                      name);
                finding_means(findings, finding,
                              "Whoever can send mail to this host from outside can pass DMARC by "
                              "adding such a field.");
                finding_change(findings, finding, doctor->options.opendkim, NULL, "RemoveARFrom %s",
                               wanted_removals(doctor, id));
        }
}

static const opendkim_t *read_opendkim(doctor_t *doctor)
{
        opendkim_t *opendkim = arena_alloc(doctor->arena, sizeof(*opendkim));
        char *text;
        int error = file_read(doctor->arena, doctor->options.opendkim, CONF_LIMIT, &text);

        if (error != 0) {
                finding_add(
                    &doctor->findings, SEVERITY_NOTE, "dkim-unread", NULL,
                    "%s: %s; whether the DKIM milter has the right authserv-id, and removes "
                    "forged fields, was not looked at",
                    doctor->options.opendkim, strerror(-error));
                return NULL;
        }
        if (opendkim == NULL || opendkim_parse(doctor->arena, text, opendkim) != 0) {
                doctor->findings.failed = true;
                return NULL;
        }
        return opendkim;
}

void doctor_check_opendkim(doctor_t *doctor)
{
        const unsigned before = findings_count(&doctor->findings, SEVERITY_ERROR);
        const char *id;

        doctor->opendkim = read_opendkim(doctor);
        if (doctor->opendkim == NULL || doctor->config == NULL)
                return;
        if (doctor->opendkim->include != NULL)
                finding_add(&doctor->findings, SEVERITY_NOTE, "dkim-include", NULL,
                            "%s includes %s, which was not looked at", doctor->options.opendkim,
                            doctor->opendkim->include);
        id = effective_id(doctor);
        check_switches(doctor);
        if (id != NULL && !is_trusted(doctor->config, id))
                report_id(doctor, id);
        else if (id != NULL && !doctor->forged_dropped)
                check_removal(doctor, id);
        if (id != NULL && findings_count(&doctor->findings, SEVERITY_ERROR) == before)
                finding_add(&doctor->findings, SEVERITY_OK, "dkim", NULL,
                            "OpenDKIM verifies; its authserv-id \"%s\" is trusted", id);
}
