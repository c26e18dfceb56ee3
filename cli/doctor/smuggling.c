/*
 * SMTP smuggling: does Postfix take a line end that is none for the end of a message?
 *
 * Tried with Postfix 3.7.11 of Debian 12: it takes <LF>.<CR><LF> for the end of data, so that
 * whoever sends through a relay which leaves that in a message puts a second one behind it, and
 * that one has the relay's SPF pass. A Postfix that does not know the parameter is too old to be
 * mended by it.
 */
#include <string.h>

#include "cli/doctor/doctor.h"

#define PARAMETER "smtpd_forbid_bare_newline"

void doctor_check_smuggling(doctor_t *doctor)
{
        const postfix_setting_t *setting = postfix_find(doctor->postfix, NULL, PARAMETER, NULL);
        findings_t *findings = &doctor->findings;
        finding_t *finding;

        if (setting == NULL)
                return;
        if (strcmp(setting->value, "no") != 0) {
                finding_add(findings, SEVERITY_OK, "smuggling", NULL,
                            "Postfix takes no bare newline for the end of a line");
                return;
        }
        finding = finding_add(findings, SEVERITY_WARNING, "smuggling", NULL,
                              "a message may have another one smuggled behind it");
        finding_means(findings, finding,
                      "Postfix takes <LF>.<CR><LF> for the end of data. What a sender smuggles "
                      "through a relay in this way has the relay's SPF pass.");
        doctor_change_parameter(doctor, finding, NULL, PARAMETER, "yes");
}
