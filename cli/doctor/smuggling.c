/*
 * SMTP smuggling: does Postfix take a line end that is none for the end of a message?
 *
 * Tried with Postfix 3.7.11 of Debian 12: it takes <LF>.<CR><LF> for the end of data, so that
 * whoever sends through a relay which leaves that in a message puts a second one behind it, and
 * that one has the relay's SPF pass. A Postfix that does not know the parameter is too old to be
 * mended by it.
 */
#include <stddef.h>
#include <strings.h>

#include "cli/doctor/doctor.h"

#define PARAMETER "smtpd_forbid_bare_newline"

/* Any other word is "no", or one that Postfix does not know. */
static bool requires_line_ends(const char *value)
{
        static const char *const words[] = {"yes", "normalize", "reject"};

        for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
                if (strcasecmp(value, words[i]) == 0)
                        return true;
        return false;
}

static void check_service(doctor_t *doctor, const postfix_service_t *service)
{
        findings_t *findings = &doctor->findings;
        finding_t *finding;

        if (requires_line_ends(postfix_value(doctor->postfix, service, PARAMETER))) {
                finding_add(findings, SEVERITY_OK, "smuggling", service->label,
                            "Postfix takes no bare newline for the end of a message");
                return;
        }
        finding = finding_add(findings, SEVERITY_WARNING, "smuggling", service->label,
                              "a message may have another one smuggled behind it");
        finding_means(findings, finding,
                      "Postfix takes <LF>.<CR><LF> for the end of data. What a sender smuggles "
                      "through a relay in this way has the relay's SPF pass.");
        doctor_change_parameter(doctor, finding, service, PARAMETER, "yes");
}

void doctor_check_smuggling(doctor_t *doctor)
{
        const postfix_t *postfix = doctor->postfix;

        if (postfix_find(postfix, NULL, PARAMETER, NULL) == NULL)
                return;
        for (size_t i = 0; i < postfix->service_count; i++)
                if (doctor_role(postfix, &postfix->services[i]) == ROLE_PUBLIC)
                        check_service(doctor, &postfix->services[i]);
}
