/* smtpd_milters: is truefrom-milter there, behind the DKIM milter, and what when it is down? */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/doctor/doctor.h"
#include "common/app/endpoint.h"

#define PARAMETER           "smtpd_milters"
#define DKIM_SOCKET_DEFAULT "unix:opendkim/opendkim.sock"
#define EVALUATION_SECONDS  20 /* contract: an evaluation ends within that */

/* One service's list of milters. */
struct milters {
        doctor_t *doctor;
        const postfix_service_t *service;
        postfix_list_t list;
        size_t ours; /* index of ours; list.count = not there */
        size_t dkim; /* of the one that verifies DKIM; list.count = not known to be there */
};

static finding_t *add(const struct milters *milters, enum severity severity, const char *keyword,
                      const char *text)
{
        return finding_add(&milters->doctor->findings, severity, keyword, milters->service->label,
                           "%s", text);
}

static void means(const struct milters *milters, finding_t *finding, const char *text)
{
        finding_means(&milters->doctor->findings, finding, "%s", text);
}

static void change(const struct milters *milters, finding_t *finding, const char *value)
{
        doctor_change_parameter(milters->doctor, finding, milters->service, PARAMETER, value);
}

/* Do Postfix's words for a milter look like one that verifies DKIM? */
static bool verifies_dkim(const struct milters *milters, const char *item)
{
        const opendkim_t *opendkim = milters->doctor->opendkim;

        if (opendkim != NULL && opendkim->socket != NULL &&
            doctor_attachment(milters->doctor, milters->service, item, opendkim->socket) ==
                ATTACHED)
                return true;
        return strcasestr(item, "dkim") != NULL || strcasestr(item, "rspamd") != NULL;
}

/* Our socket as this service must name it. Without one inside of the chroot: the finding says where
 * it has to be, and NULL is returned. */
static const char *our_socket(const struct milters *milters, finding_t *finding)
{
        const doctor_t *doctor = milters->doctor;
        const char *ours = doctor->config->milter.socket;
        const char *socket = doctor_postfix_socket(doctor, milters->service, ours);
        const char *path;

        if (socket != NULL)
                return socket;
        path = doctor_chroot_path(doctor, ours);
        if (path == NULL)
                return NULL;
        finding_change(&milters->doctor->findings, finding, doctor->options.config_path,
                       "group milter", "Socket = \"local:%s\";", path);
        return doctor_postfix_socket(doctor, milters->service,
                                     arena_printf(doctor->arena, "local:%s", path));
}

/* The list with ours at its end, not at `without`. */
static const char *ours_last(const struct milters *milters, const char *ours, size_t without)
{
        return ours != NULL ? postfix_join(milters->doctor->arena, &milters->list,
                                           milters->list.count, ours, without)
                            : NULL;
}

/* Ours is not there; does something look like it? */
static void report_missing(const struct milters *milters)
{
        const doctor_t *doctor = milters->doctor;
        const char *ours = doctor->config->milter.socket;
        const char *wrong = NULL, *socket;
        finding_t *finding;
        size_t at = 0;

        while (at < milters->list.count) {
                wrong = milters->list.items[at];
                if (doctor_attachment(doctor, milters->service, wrong, ours) != ATTACHED_NOT)
                        break;
                wrong = NULL;
                at++;
        }
        if (wrong != NULL) {
                finding = finding_add(
                    &milters->doctor->findings, SEVERITY_ERROR, "milter-path",
                    milters->service->label, "smtpd_milters has %s, which is not %s, seen from %s",
                    wrong, ours,
                    postfix_chroots(doctor->postfix, milters->service) ? "inside of the chroot"
                                                                       : "outside of a chroot");
                means(milters, finding,
                      "Postfix cannot reach truefrom-milter: milter_default_action holds for all "
                      "mail.");
                socket = our_socket(milters, finding);
                if (socket != NULL)
                        socket = postfix_with_socket(doctor->arena, wrong, socket);
                change(milters, finding,
                       socket != NULL ? postfix_join(doctor->arena, &milters->list, at, socket, at)
                                      : NULL);
                return;
        }
        if (doctor_role(doctor->postfix, milters->service) != ROLE_PUBLIC)
                return;
        finding = add(milters, SEVERITY_ERROR, "milter-missing",
                      "truefrom-milter is not in smtpd_milters");
        means(milters, finding, "DMARC is not evaluated for this service's mail.");
        socket = our_socket(milters, finding);
        change(milters, finding, ours_last(milters, socket, milters->list.count));
}

static void check_order(const struct milters *milters)
{
        const size_t none = milters->list.count;
        const char *ours = milters->list.items[milters->ours];
        finding_t *finding;

        if (milters->dkim != none && milters->dkim > milters->ours) {
                finding = add(milters, SEVERITY_ERROR, "milter-order",
                              "truefrom-milter comes before the milter that verifies DKIM");
                means(milters, finding,
                      "DKIM results are not there yet when it decides: DMARC rests on SPF alone, "
                      "and forwarded mail fails.");
                change(milters, finding, ours_last(milters, ours, milters->ours));
                return;
        }
        if (milters->ours + 1 < none) {
                bool known = milters->dkim != none;

                finding =
                    add(milters, known || milters->ours > 0 ? SEVERITY_NOTE : SEVERITY_WARNING,
                        "milter-last",
                        "truefrom-milter is not the last milter, and sees nothing of what "
                        "later ones add");
                means(milters, finding,
                      "Put it last if one of them verifies DKIM or adds Authentication-Results.");
                change(milters, finding, ours_last(milters, ours, milters->ours));
        }
}

/* OpenDKIM's socket as Postfix has to name it, or the usual one. */
static const char *dkim_socket(const struct milters *milters)
{
        const opendkim_t *opendkim = milters->doctor->opendkim;
        const char *socket = NULL, *why;

        if (opendkim != NULL && opendkim->socket != NULL && endpoint_valid(opendkim->socket, &why))
                socket = doctor_postfix_socket(milters->doctor, milters->service, opendkim->socket);
        return socket != NULL ? socket : DKIM_SOCKET_DEFAULT;
}

/* OpenDKIM listens elsewhere: as Debian's two packages come, it does. */
static void check_dkim_path(const struct milters *milters)
{
        const doctor_t *doctor = milters->doctor;
        const char *item, *wanted;
        finding_t *finding;

        if (milters->dkim == milters->list.count || doctor->opendkim == NULL ||
            doctor->opendkim->socket == NULL)
                return;
        item = milters->list.items[milters->dkim];
        wanted = doctor_expected_socket(doctor, milters->service, item);
        if (wanted == NULL || strstr(item, "opendkim") == NULL ||
            doctor_attachment(doctor, milters->service, item, doctor->opendkim->socket) == ATTACHED)
                return;
        finding = finding_add(
            &milters->doctor->findings, SEVERITY_ERROR, "dkim-path", milters->service->label,
            "smtpd_milters has %s, and OpenDKIM listens on %s", item, doctor->opendkim->socket);
        means(milters, finding,
              "Postfix cannot reach OpenDKIM: milter_default_action holds for all mail.");
        finding_change(&milters->doctor->findings, finding, doctor->options.opendkim, NULL,
                       "Socket %s", wanted);
}

static void check_dkim(const struct milters *milters)
{
        finding_t *finding;

        check_dkim_path(milters);

        if (milters->list.count > 1)
                return; /* a milter of unknown kind may verify DKIM */
        finding = add(milters, SEVERITY_WARNING, "dkim-missing",
                      "no milter before truefrom-milter verifies DKIM");
        means(milters, finding, "DMARC rests on SPF alone, and forwarded mail fails.");
        change(milters, finding,
               postfix_join(milters->doctor->arena, &milters->list, 0, dkim_socket(milters),
                            milters->list.count));
}

/* @return true when ours is there twice */
static bool report_twice(const struct milters *milters)
{
        const doctor_t *doctor = milters->doctor;
        finding_t *finding;

        for (size_t i = milters->ours + 1; i < milters->list.count; i++) {
                if (doctor_attachment(doctor, milters->service, milters->list.items[i],
                                      doctor->config->milter.socket) != ATTACHED)
                        continue;
                finding = add(milters, SEVERITY_WARNING, "milter-twice",
                              "truefrom-milter is in smtpd_milters twice");
                means(milters, finding, "Each message is evaluated and marked twice.");
                change(milters, finding,
                       postfix_join(doctor->arena, &milters->list, 0, NULL, milters->ours));
                return true;
        }
        return false;
}

/* A setting of our milter: an attribute in { }, or else a parameter of main.cf. */
struct option {
        const char *attribute, *parameter;
        const char *value;
        bool own; /* it is the attribute */
};

static struct option find_option(const struct milters *milters, const char *attribute,
                                 const char *parameter)
{
        const doctor_t *doctor = milters->doctor;
        struct option option = {.attribute = attribute, .parameter = parameter};

        option.value =
            postfix_attribute(doctor->arena, milters->list.items[milters->ours], attribute);
        option.own = option.value != NULL;
        if (!option.own)
                option.value = postfix_value(doctor->postfix, milters->service, parameter);
        return option;
}

static finding_t *report_option(const struct milters *milters, const struct option *option,
                                enum severity severity, const char *keyword, const char *wanted)
{
        const doctor_t *doctor = milters->doctor;
        finding_t *finding =
            finding_add(&milters->doctor->findings, severity, keyword, milters->service->label,
                        "%s is %s", option->parameter, option->value);
        const char *ours;

        if (!option->own) {
                doctor_change_parameter(milters->doctor, finding, milters->service,
                                        option->parameter, wanted);
                return finding;
        }
        ours = postfix_with_attribute(doctor->arena, milters->list.items[milters->ours],
                                      option->attribute, wanted);
        change(milters, finding,
               postfix_join(doctor->arena, &milters->list, milters->ours, ours, milters->ours));
        return finding;
}

/* What mail gets as long as our milter is down. */
static const char *fate_of_mail(const char *action)
{
        if (strcasecmp(action, "accept") == 0)
                return "Mail passes unchecked";
        if (strcasecmp(action, "reject") == 0)
                return "All mail is being refused";
        if (strcasecmp(action, "quarantine") == 0)
                return "All mail is being held";
        return "Mail is being deferred";
}

static void check_default_action(const struct milters *milters)
{
        const struct option option =
            find_option(milters, "default_action", "milter_default_action");
        finding_t *finding;

        if (milters->doctor->milter_down != NULL)
                finding_means(&milters->doctor->findings, milters->doctor->milter_down,
                              "%s: Postfix's default action for it is %s.",
                              fate_of_mail(option.value), option.value);

        if (strcasecmp(option.value, "accept") != 0 && strcasecmp(option.value, "reject") != 0 &&
            strcasecmp(option.value, "quarantine") != 0)
                return;
        finding =
            report_option(milters, &option, SEVERITY_WARNING, "milter-default-action", "tempfail");
        means(milters, finding,
              strcasecmp(option.value, "accept") == 0
                  ? "While truefrom-milter is down, all mail comes in unevaluated."
                  : "While truefrom-milter is down, good mail is refused or held; with tempfail it "
                    "waits at its sender.");
}

static void check_timeout(const struct milters *milters)
{
        const struct option option =
            find_option(milters, "content_timeout", "milter_content_timeout");
        long seconds = postfix_seconds(option.value);
        finding_t *finding;

        if (seconds < 0 || seconds > EVALUATION_SECONDS)
                return;
        finding = report_option(milters, &option, SEVERITY_WARNING, "milter-timeout", "300s");
        means(milters, finding,
              "With slow DNS an evaluation takes up to 20 seconds; Postfix gives up before.");
}

static void check_protocol(const struct milters *milters)
{
        const struct option option = find_option(milters, "protocol", "milter_protocol");
        finding_t *finding;

        if (strtol(option.value, NULL, 10) >= 6)
                return;
        finding = report_option(milters, &option, SEVERITY_NOTE, "milter-protocol", "6");
        means(milters, finding,
              "Postfix speaks version 6; with an older one each message costs more round trips.");
}

/* Settings with which the milter is not called, or not to the end. */
static void check_bypass(const struct milters *milters)
{
        const doctor_t *doctor = milters->doctor;
        const postfix_t *postfix = doctor->postfix;
        const postfix_service_t *service = milters->service;
        const char *maps = postfix_value(postfix, service, "smtpd_milter_maps");
        const char *proxy = postfix_value(postfix, service, "smtpd_proxy_filter");
        finding_t *finding;

        if (*maps != '\0')
                finding_add(
                    &milters->doctor->findings, SEVERITY_NOTE, "milter-maps", service->label,
                    "smtpd_milter_maps = %s: clients that it lists have other milters", maps);
        if (*proxy == '\0')
                return;
        finding = finding_add(&milters->doctor->findings, SEVERITY_ERROR, "proxy-filter",
                              service->label, "smtpd_proxy_filter = %s", proxy);
        means(milters, finding,
              "With a filter before the queue, the milters of this service never see a message's "
              "end. Filter after the queue (content_filter) or by a milter instead.");
        doctor_change_parameter(milters->doctor, finding, service, "smtpd_proxy_filter", "");
}

/* no_milters switches them off; @return true when it does */
static bool switched_off(const struct milters *milters)
{
        static const char name[] = "receive_override_options";
        const doctor_t *doctor = milters->doctor;
        const postfix_service_t *service = milters->service;
        postfix_list_t list;
        finding_t *finding;

        if (postfix_split(doctor->arena, postfix_value(doctor->postfix, service, name), &list) != 0)
                return true;
        for (size_t i = 0; i < list.count; i++) {
                if (strcasecmp(list.items[i], "no_milters") != 0)
                        continue;
                if (doctor_role(doctor->postfix, service) != ROLE_PUBLIC)
                        return true;
                finding = add(milters, SEVERITY_ERROR, "milter-off",
                              "receive_override_options has no_milters");
                means(milters, finding, "DMARC is not evaluated for this service's mail.");
                doctor_change_parameter(milters->doctor, finding, service, name,
                                        postfix_join(doctor->arena, &list, 0, NULL, i));
                return true;
        }
        return false;
}

static bool find_milters(struct milters *milters)
{
        const doctor_t *doctor = milters->doctor;

        if (!doctor_living_milters(milters->doctor, milters->service, PARAMETER, &milters->list))
                return false;
        milters->ours = milters->dkim = milters->list.count;
        for (size_t i = milters->list.count; i > 0; i--) {
                const char *item = milters->list.items[i - 1];

                if (doctor_attachment(doctor, milters->service, item,
                                      doctor->config->milter.socket) == ATTACHED)
                        milters->ours = i - 1;
                else if (verifies_dkim(milters, item))
                        milters->dkim = i - 1;
        }
        return true;
}

void doctor_check_milters(doctor_t *doctor, const postfix_service_t *service)
{
        struct milters milters = {.doctor = doctor, .service = service};
        unsigned errors = findings_count(&doctor->findings, SEVERITY_ERROR);

        if (switched_off(&milters) || !find_milters(&milters))
                return;
        if (milters.ours == milters.list.count) {
                report_missing(&milters);
                return;
        }
        if (doctor_role(doctor->postfix, service) != ROLE_PUBLIC)
                return;
        if (!report_twice(&milters))
                check_order(&milters);
        check_dkim(&milters);
        check_default_action(&milters);
        check_timeout(&milters);
        check_protocol(&milters);
        check_bypass(&milters);
        if (findings_count(&doctor->findings, SEVERITY_ERROR) == errors)
                finding_add(&doctor->findings, SEVERITY_OK, "milter", service->label,
                            "truefrom-milter is in smtpd_milters");
}
