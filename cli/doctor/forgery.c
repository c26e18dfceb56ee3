/*
 * Forged Authentication-Results fields: does Postfix drop them before a milter sees the message?
 *
 * Tried with OpenDKIM 2.11: it leaves fields in its own name that it cannot read to the end, and
 * such as have no DKIM result. So it is Postfix that has to drop them; its own postmap says whether
 * it does.
 */
#include <errno.h>
#include <string.h>

#include "cli/doctor/doctor.h"
#include "cli/doctor/run.h"

#define POSTMAP_LIMIT   ((size_t)64 << 10)
#define POSTMAP_TIME_MS 10000
#define DROPPING        "regexp:{{/^Authentication-Results:/ IGNORE}}"

static bool is_removal(const char *action)
{
        static const char *const removals[] = {"IGNORE", "STRIP", "REJECT", "DISCARD"};

        for (size_t i = 0; i < sizeof(removals) / sizeof(*removals); i++)
                if (strncmp(action, removals[i], strlen(removals[i])) == 0)
                        return true;
        return false;
}

/* What postmap(1) finds for such a field in a table. */
static bool table_drops(doctor_t *doctor, const char *table, const char *field)
{
        const char *argv[8] = {"postmap"};
        run_output_t output;
        size_t argc = 1;

        if (doctor->options.config_dir != NULL) {
                argv[argc++] = "-c";
                argv[argc++] = doctor->options.config_dir;
        }
        argv[argc++] = "-q";
        argv[argc++] = field;
        argv[argc++] = table;
        return run_program(doctor->arena, argv, POSTMAP_LIMIT, POSTMAP_TIME_MS, &output) == 0 &&
               output.status == 0 && is_removal(output.out);
}

static bool drops(doctor_t *doctor, const char *parameter)
{
        const char *id = doctor->config->authserv_id;
        const char *field = arena_printf(
            doctor->arena, "Authentication-Results: %s; dkim=pass header.d=example.org x.y=z", id);
        postfix_list_t tables;

        if (field == NULL ||
            postfix_split(doctor->arena, postfix_value(doctor->postfix, NULL, parameter),
                          &tables) != 0) {
                doctor->findings.failed = true;
                return false;
        }
        for (size_t i = 0; i < tables.count; i++)
                if (table_drops(doctor, tables.items[i], field))
                        return true;
        return false;
}

/* Two parameters default to $header_checks, and would change attached messages. */
static void spare_attached(doctor_t *doctor, finding_t *finding)
{
        static const char *const parameters[] = {"mime_header_checks", "nested_header_checks"};

        for (size_t i = 0; i < sizeof(parameters) / sizeof(*parameters); i++) {
                const postfix_setting_t *setting =
                    postfix_find(doctor->postfix, NULL, parameters[i], NULL);

                if (setting != NULL && strcmp(setting->value, "$header_checks") == 0)
                        doctor_change_parameter(doctor, finding, NULL, parameters[i], "");
        }
}

static void report_forgeable(doctor_t *doctor)
{
        const postfix_setting_t *setting =
            postfix_find(doctor->postfix, NULL, "header_checks", NULL);
        const char *value = setting != NULL ? doctor_editable(setting) : "";
        findings_t *findings = &doctor->findings;
        finding_t *finding =
            finding_add(findings, SEVERITY_WARNING, "forged-results", NULL,
                        "Authentication-Results that come with a message reach the milters");

        finding_means(findings, finding,
                      "Whoever forges one in a name of TrustedAuthservIDs passes DMARC with it: "
                      "OpenDKIM removes only such as have a DKIM result, and that it can read to "
                      "the end. On an inner host the outer one has to do this.");
        doctor_change_parameter(
            doctor, finding, NULL, "header_checks",
            arena_printf(doctor->arena, "%s%s" DROPPING, value, *value != '\0' ? ", " : ""));
        spare_attached(doctor, finding);
}

void doctor_check_forgery(doctor_t *doctor)
{
        findings_t *findings = &doctor->findings;
        finding_t *finding;

        doctor->forged_dropped = drops(doctor, "header_checks");
        if (!doctor->forged_dropped) {
                report_forgeable(doctor);
                return;
        }
        if (!drops(doctor, "nested_header_checks") && !drops(doctor, "mime_header_checks")) {
                finding_add(findings, SEVERITY_OK, "forged-results", NULL,
                            "Postfix drops Authentication-Results that come with a message");
                return;
        }
        finding =
            finding_add(findings, SEVERITY_WARNING, "attached-results", NULL,
                        "Postfix drops Authentication-Results inside of attached messages as well");
        finding_means(findings, finding,
                      "That changes the body, and the sender's DKIM signature fails.");
        spare_attached(doctor, finding);
}
