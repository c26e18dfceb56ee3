/* Where Postfix asks truefrom-policyd, in which place of the list, and what when it is down. */
#include <string.h>
#include <strings.h>

#include "cli/doctor/policy.h"

#define RESTRICTION        "check_policy_service"
#define EVALUATION_SECONDS 20 /* contract: an evaluation ends within that */
#define RECIPIENT          "smtpd_recipient_restrictions"
#define DATA               "smtpd_data_restrictions"
#define END_OF_DATA        "smtpd_end_of_data_restrictions"

static finding_t *add(const struct policy *policy, enum severity severity, const char *keyword,
                      const char *text)
{
        return finding_add(&policy->doctor->findings, severity, keyword, policy->service->label,
                           "%s", text);
}

static void means(const struct policy *policy, finding_t *finding, const char *text)
{
        finding_means(&policy->doctor->findings, finding, "%s", text);
}

/* Split a list, and look for us in it. */
static void look_in(const struct policy *policy, const char *parameter, struct place *place)
{
        const doctor_t *doctor = policy->doctor;

        memset(place, 0, sizeof(*place));
        place->parameter = parameter;
        doctor_living_restrictions(policy->doctor, policy->service, parameter, true, &place->list);
        place->ours = place->list.count;
        for (size_t i = 0; i < place->list.count && place->attachment != ATTACHED; i++) {
                const char *item = postfix_argument(place->list.items[i], RESTRICTION);
                enum attachment attachment =
                    item != NULL ? doctor_attachment(doctor, policy->service, item, policy->socket)
                                 : ATTACHED_NOT;

                if (attachment == ATTACHED_NOT)
                        continue;
                place->attachment = attachment;
                place->ours = i;
                place->item = item;
        }
}

/* As look_in, also in the restriction classes that the list names. */
static void find_place(const struct policy *policy, const char *parameter, struct place *place)
{
        const doctor_t *doctor = policy->doctor;
        const char *text = postfix_value(doctor->postfix, NULL, "smtpd_restriction_classes");
        postfix_list_t classes;

        look_in(policy, parameter, place);
        if (place->attachment != ATTACHED_NOT || *text == '\0')
                return;
        if (postfix_split(doctor->arena, text, &classes) != 0) {
                policy->doctor->findings.failed = true;
                return;
        }
        for (size_t i = 0; i < place->list.count; i++) {
                for (size_t k = 0; k < classes.count; k++) {
                        struct place inner;

                        if (strcmp(place->list.items[i], classes.items[k]) != 0)
                                continue;
                        look_in(policy, classes.items[k], &inner);
                        if (inner.attachment == ATTACHED_NOT)
                                continue;
                        inner.in_class = true;
                        inner.outer_parameter = parameter;
                        inner.outer = place->list;
                        inner.outer_at = i;
                        *place = inner;
                        return;
                }
        }
}

static void change(const struct policy *policy, finding_t *finding, const struct place *place,
                   const char *value)
{
        doctor_change_parameter(policy->doctor, finding, policy->service, place->parameter, value);
}

/* Give the restriction another argument. */
static void change_item(const struct policy *policy, finding_t *finding, const struct place *place,
                        const char *item)
{
        arena_t *arena = policy->doctor->arena;
        const char *restriction =
            item != NULL ? arena_printf(arena, "%s %s", RESTRICTION, item) : NULL;

        change(policy, finding, place,
               restriction != NULL
                   ? postfix_join(arena, &place->list, place->ours, restriction, place->ours)
                   : NULL);
}

/* Our socket as this service must name it; when it is out of reach, the finding also says where to
 * move it. */
static const char *our_socket(const struct policy *policy, finding_t *finding)
{
        const doctor_t *doctor = policy->doctor;
        const char *socket = doctor_postfix_socket(doctor, policy->service, policy->socket);
        const char *path;

        if (socket != NULL)
                return socket;
        path = doctor_chroot_path(doctor, policy->socket);
        if (path == NULL)
                return NULL;
        finding_change(&policy->doctor->findings, finding, doctor->options.config_path,
                       "group policyd", "Socket = \"local:%s\";", path);
        return doctor_postfix_socket(doctor, policy->service,
                                     arena_printf(doctor->arena, "local:%s", path));
}

static void change_insert(const struct policy *policy, finding_t *finding,
                          const struct place *place, size_t at, const char *socket)
{
        arena_t *arena = policy->doctor->arena;
        const char *restriction =
            arena_printf(arena, RESTRICTION " { %s, timeout=30s, default_action=DUNNO }",
                         socket != NULL ? socket : "");

        change(policy, finding, place,
               restriction != NULL
                   ? postfix_join(arena, &place->list, at, restriction, place->list.count)
                   : NULL);
}

/* The list names our socket in a way that does not lead to it. @return true when it did */
static bool report_path(const struct policy *policy, const struct place *place)
{
        const doctor_t *doctor = policy->doctor;
        const char *socket;
        finding_t *finding;

        if (place->attachment != ATTACHED_CHROOT && place->attachment != ATTACHED_NEAR)
                return false;
        finding =
            finding_add(&policy->doctor->findings, SEVERITY_ERROR, "policy-path",
                        policy->service->label, "%s has %s, which is not %s, seen from %s",
                        place->parameter, place->item, policy->socket,
                        postfix_chroots(doctor->postfix, policy->service) ? "inside of the chroot"
                                                                          : "outside of a chroot");
        means(policy, finding,
              "Postfix cannot reach truefrom-policyd: the default action holds for all mail.");
        socket = our_socket(policy, finding);
        change_item(policy, finding, place,
                    socket != NULL ? postfix_with_socket(doctor->arena, place->item, socket)
                                   : NULL);
        return true;
}

/* Lists where we are of no use. */
static const char *const other_lists[] = {"smtpd_client_restrictions", "smtpd_helo_restrictions",
                                          "smtpd_sender_restrictions", "smtpd_relay_restrictions"};

#define OTHER_LISTS (sizeof(other_lists) / sizeof(*other_lists))

/* What is dead in them holds mail up all the same. */
static void check_other_lists(const struct policy *policy)
{
        const char *text =
            postfix_value(policy->doctor->postfix, NULL, "smtpd_restriction_classes");
        postfix_list_t classes, list;

        for (size_t i = 0; i < OTHER_LISTS; i++)
                doctor_living_restrictions(policy->doctor, policy->service, other_lists[i], false,
                                           &list);
        if (postfix_split(policy->doctor->arena, text, &classes) != 0)
                policy->doctor->findings.failed = true;
        for (size_t i = 0; i < classes.count; i++)
                doctor_living_restrictions(policy->doctor, policy->service, classes.items[i], false,
                                           &list);
}

static bool asked_elsewhere(const struct policy *policy)
{
        struct place place;

        for (size_t i = 0; i < OTHER_LISTS; i++) {
                find_place(policy, other_lists[i], &place);
                if (place.attachment == ATTACHED)
                        return true;
        }
        return false;
}

/* Postfix does not ask at any place where it helps. */
static void report_missing(const struct policy *policy)
{
        const bool self = policy->doctor->config->milter.spf_self_validate;
        const bool elsewhere = asked_elsewhere(policy);
        const char *socket;
        finding_t *finding;

        finding = add(policy, self ? SEVERITY_WARNING : SEVERITY_ERROR,
                      elsewhere ? "policy-place" : "policy-missing",
                      elsewhere ? "Postfix asks truefrom-policyd neither at recipient nor at data "
                                  "restrictions, but in another list"
                                : "Postfix does not ask truefrom-policyd");
        means(
            policy, finding,
            self ? "truefrom-milter evaluates SPF itself (join=self), later and at its own cost."
                 : "There is no SPF result, as SPFSelfValidate is off: DMARC rests on DKIM alone.");
        socket = our_socket(policy, finding);
        change_insert(policy, finding, &policy->recipient, policy_find_end(&policy->recipient.list),
                      socket);
        change_insert(policy, finding, &policy->data, 0, socket);
}

static void check_default_action(const struct policy *policy, const struct place *place)
{
        const doctor_t *doctor = policy->doctor;
        const char *action;
        finding_t *finding;

        if (place->attachment != ATTACHED)
                return;
        action = postfix_attribute(doctor->arena, place->item, "default_action");
        if (action == NULL)
                action = postfix_value(doctor->postfix, policy->service,
                                       "smtpd_policy_service_default_action");
        if (doctor->policyd_down != NULL)
                finding_means(&policy->doctor->findings, doctor->policyd_down,
                              strncasecmp(action, "DUNNO", 5) == 0
                                  ? "Until it answers, truefrom-milter evaluates SPF itself; "
                                    "default_action is %s."
                                  : "Until it answers, all mail gets its default_action: %s.",
                              action);
        if (strncasecmp(action, "DUNNO", 5) == 0)
                return;
        finding = finding_add(&policy->doctor->findings, SEVERITY_WARNING, "policy-default-action",
                              policy->service->label,
                              "the default action of truefrom-policyd in %s is \"%s\"",
                              place->parameter, action);
        means(policy, finding,
              "That is what all mail gets while truefrom-policyd is down. With DUNNO, "
              "truefrom-milter evaluates SPF itself.");
        change_item(policy, finding, place,
                    postfix_with_attribute(doctor->arena, place->item, "default_action", "DUNNO"));
}

static void check_timeout(const struct policy *policy, const struct place *place)
{
        const doctor_t *doctor = policy->doctor;
        const char *value;
        finding_t *finding;
        long seconds;

        if (place->attachment != ATTACHED)
                return;
        value = postfix_attribute(doctor->arena, place->item, "timeout");
        if (value == NULL)
                value =
                    postfix_value(doctor->postfix, policy->service, "smtpd_policy_service_timeout");
        seconds = postfix_seconds(value);
        if (seconds < 0 || seconds >= EVALUATION_SECONDS)
                return;
        finding = finding_add(
            &policy->doctor->findings, SEVERITY_WARNING, "policy-timeout", policy->service->label,
            "the time limit of truefrom-policyd in %s is %s", place->parameter, value);
        means(policy, finding,
              "With slow DNS an evaluation takes up to 20 seconds; Postfix gives up before, and "
              "asks a second time.");
        change_item(policy, finding, place,
                    postfix_with_attribute(doctor->arena, place->item, "timeout", "30s"));
}

static void check_place(const struct policy *policy, const struct place *place)
{
        check_default_action(policy, place);
        check_timeout(policy, place);
        if (place != &policy->recipient)
                policy_check_permits(policy, place);
}

/* Options of policyd that need a place where Postfix does not ask. */
static void check_options(const struct policy *policy)
{
        const config_t *config = policy->doctor->config;
        const bool recipient = policy->recipient.attachment == ATTACHED;
        const char *socket;
        finding_t *finding = NULL;

        if (config->policyd.reject_spf_fail && !recipient) {
                finding =
                    add(policy, SEVERITY_WARNING, "reject-spf-fail",
                        "RejectSPFFail has no effect: it refuses recipients, and Postfix does "
                        "not ask truefrom-policyd at recipient restrictions");
        } else if (config->policyd.add_received_spf && !recipient &&
                   policy->data.attachment != ATTACHED) {
                finding = add(policy, SEVERITY_WARNING, "received-spf",
                              "AddReceivedSPF has no effect: it is too late at end-of-data "
                              "restrictions");
        }
        if (finding == NULL)
                return;
        socket = our_socket(policy, finding);
        change_insert(policy, finding, &policy->recipient, policy_find_end(&policy->recipient.list),
                      socket);
}

/* @param errors how many there were before this service */
static void report_places(const struct policy *policy, unsigned errors)
{
        const bool recipient = policy->recipient.attachment == ATTACHED;
        const bool data = policy->data.attachment == ATTACHED;
        const bool end_of_data = policy->end_of_data.attachment == ATTACHED;
        finding_t *finding;

        if (findings_count(&policy->doctor->findings, SEVERITY_ERROR) == errors)
                finding_add(&policy->doctor->findings, SEVERITY_OK, "policy",
                            policy->service->label,
                            "Postfix asks truefrom-policyd at%s%s%s restrictions",
                            recipient ? " recipient" : "", data ? " data" : "",
                            end_of_data ? " end-of-data" : "");
        if (data || end_of_data)
                return;
        finding = add(policy, SEVERITY_NOTE, "policy-data-missing",
                      "Postfix asks truefrom-policyd at recipient restrictions only");
        means(
            policy, finding,
            "A message of one recipient has no queue ID there: its result is found by client, HELO "
            "name and sender (join=envelope). Asked at DATA too, every message joins by queue ID.");
        change_insert(policy, finding, &policy->data, 0, our_socket(policy, finding));
}

/* Another policy service that evaluates SPF. */
static void check_other_spf(const struct policy *policy)
{
        const struct place *place = &policy->recipient;

        for (size_t i = 0; i < place->list.count; i++) {
                const char *item = postfix_argument(place->list.items[i], RESTRICTION);

                if (item == NULL || i == place->ours || strcasestr(item, "spf") == NULL)
                        continue;
                finding_add(&policy->doctor->findings, SEVERITY_NOTE, "spf-twice",
                            policy->service->label, "another policy service evaluates SPF too: %s",
                            item);
                return;
        }
}

static void check_delay_open(const struct policy *policy)
{
        static const char name[] = "smtpd_delay_open_until_valid_rcpt";
        const doctor_t *doctor = policy->doctor;
        finding_t *finding;

        if (strcasecmp(postfix_value(doctor->postfix, policy->service, name), "no") != 0)
                return;
        finding =
            add(policy, SEVERITY_WARNING, "delay-open", "smtpd_delay_open_until_valid_rcpt is no");
        means(policy, finding,
              "Each rejected message then slows mail down: after about 100 of them every MAIL "
              "takes a "
              "second. Ask truefrom-policyd at data restrictions instead.");
        doctor_change_parameter(policy->doctor, finding, policy->service, name, "yes");
}

void doctor_check_policy(doctor_t *doctor, const postfix_service_t *service)
{
        struct policy policy = {
            .doctor = doctor, .service = service, .socket = doctor->config->policyd.socket};
        const unsigned errors = findings_count(&doctor->findings, SEVERITY_ERROR);
        bool wrong_path;

        check_other_lists(&policy);
        find_place(&policy, RECIPIENT, &policy.recipient);
        find_place(&policy, DATA, &policy.data);
        find_place(&policy, END_OF_DATA, &policy.end_of_data);
        wrong_path = report_path(&policy, &policy.recipient);
        wrong_path = report_path(&policy, &policy.data) || wrong_path;
        wrong_path = report_path(&policy, &policy.end_of_data) || wrong_path;
        if (doctor_role(doctor->postfix, service) != ROLE_PUBLIC)
                return;
        check_delay_open(&policy);
        check_other_spf(&policy);
        if (wrong_path)
                return;
        if (policy.recipient.attachment != ATTACHED && policy.data.attachment != ATTACHED &&
            policy.end_of_data.attachment != ATTACHED) {
                report_missing(&policy);
                return;
        }
        policy_check_recipient(&policy);
        check_place(&policy, &policy.recipient);
        check_place(&policy, &policy.data);
        check_place(&policy, &policy.end_of_data);
        check_options(&policy);
        report_places(&policy, errors);
}
