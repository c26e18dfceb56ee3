/* What stands before us in a list of restrictions: does Postfix come to us at all? */
#include <string.h>
#include <strings.h>

#include "cli/doctor/policy.h"

#define RECIPIENT "smtpd_recipient_restrictions"

static bool is_one_of(const char *item, const char *const names[], size_t count)
{
        for (size_t i = 0; i < count; i++) {
                const size_t len = strlen(names[i]);

                if (strncasecmp(item, names[i], len) == 0 &&
                    (item[len] == '\0' || item[len] == ' '))
                        return true;
        }
        return false;
}

static size_t find_one_of(const postfix_list_t *list, const char *const names[], size_t count)
{
        size_t at = 0;

        while (at < list->count && !is_one_of(list->items[at], names, count))
                at++;
        return at;
}

size_t policy_find_end(const postfix_list_t *list)
{
        static const char *const ends[] = {"permit", "reject", "defer"};

        return find_one_of(list, ends, sizeof(ends) / sizeof(*ends));
}

/* As policy_find_end, also what all mail for our own domains takes. */
static size_t find_recipient_end(const postfix_list_t *list)
{
        static const char *const ends[] = {"permit", "reject", "defer", "permit_auth_destination"};

        return find_one_of(list, ends, sizeof(ends) / sizeof(*ends));
}

/* What some mail from outside takes. */
static size_t find_bypass(const postfix_list_t *list)
{
        static const char *const permits[] = {"permit_mx_backup", "permit_dnswl_client",
                                              "permit_rhswl_client"};

        return find_one_of(list, permits, sizeof(permits) / sizeof(*permits));
}

/* smtpd_relay_restrictions come first, and refuse what is not for us. */
static bool relay_guards(const struct policy *policy)
{
        const doctor_t *doctor = policy->doctor;
        const char *first = postfix_value(doctor->postfix, policy->service,
                                          "smtpd_relay_before_recipient_restrictions");
        const char *relay =
            postfix_value(doctor->postfix, policy->service, "smtpd_relay_restrictions");

        return strcasecmp(first, "no") != 0 && strstr(relay, "_unauth_destination") != NULL;
}

/* A list, and where in it we are asked: by name, or by that of our class. */
struct position {
        const char *parameter;
        const postfix_list_t *list;
        size_t ours;
};

/* Move ours in front of member `to`. */
static void change_move(const struct policy *policy, finding_t *finding,
                        const struct position *position, size_t to)
{
        doctor_change_parameter(policy->doctor, finding, policy->service, position->parameter,
                                postfix_join(policy->doctor->arena, position->list, to,
                                             position->list->items[position->ours],
                                             position->ours));
}

static void means(const struct policy *policy, finding_t *finding, const char *text)
{
        finding_means(&policy->doctor->findings, finding, "%s", text);
}

/* @return true when Postfix never comes to it, for mail that is for us */
static bool report_unreachable(const struct policy *policy, const struct position *position)
{
        const size_t end = find_recipient_end(position->list);
        const bool own = end != policy_find_end(position->list);
        finding_t *finding;

        if (position->ours <= end)
                return false;
        finding = finding_add(&policy->doctor->findings, SEVERITY_ERROR, "policy-unreachable",
                              policy->service->label, "truefrom-policyd stands behind \"%s\" in %s",
                              position->list->items[end], position->parameter);
        means(policy, finding,
              own ? "All mail for our own domains is permitted there: Postfix never comes to it."
                  : "Postfix never comes to it.");
        change_move(policy, finding, position, end);
        return true;
}

/* Where DATA asks too, nothing is lost. */
static void report_bypass(const struct policy *policy, const struct position *position)
{
        const size_t bypass = find_bypass(position->list);
        finding_t *finding;

        if (position->ours < bypass || policy->data.attachment == ATTACHED ||
            policy->end_of_data.attachment == ATTACHED)
                return;
        finding = finding_add(&policy->doctor->findings, SEVERITY_WARNING, "policy-after-permit",
                              policy->service->label, "truefrom-policyd stands behind \"%s\" in %s",
                              position->list->items[bypass], position->parameter);
        means(policy, finding, "Mail from outside that is permitted there is never asked about.");
        change_move(policy, finding, position, bypass);
}

static void report_open(const struct policy *policy, const struct position *position)
{
        static const char *const name[] = {"reject_unauth_destination"};
        const size_t guard = find_one_of(position->list, name, 1);
        finding_t *finding;

        if (guard == position->list->count || position->ours > guard || relay_guards(policy))
                return;
        /* behind the guard it would stand behind that */
        if (find_bypass(position->list) < guard || find_recipient_end(position->list) < guard)
                return;
        finding = finding_add(&policy->doctor->findings, SEVERITY_WARNING, "policy-position",
                              policy->service->label, "%s",
                              "truefrom-policyd stands before reject_unauth_destination");
        means(policy, finding, "Whoever tries to relay through this host costs an SPF evaluation.");
        change_move(policy, finding, position, guard + 1);
}

void policy_check_recipient(const struct policy *policy)
{
        const struct place *place = &policy->recipient;
        const struct position inner = {place->parameter, &place->list, place->ours};
        const struct position outer = {place->outer_parameter, &place->outer, place->outer_at};

        if (place->attachment != ATTACHED)
                return;
        if (place->in_class)
                report_unreachable(policy, &outer);
        if (report_unreachable(policy, &inner))
                return;
        report_bypass(policy, place->in_class ? &outer : &inner);
        if (!place->in_class)
                report_open(policy, &inner);
}

/* @return true when something was found */
static bool report_permit(const struct policy *policy, const struct position *position)
{
        finding_t *finding;

        for (size_t i = 0; i < position->ours; i++) {
                if (strncasecmp(position->list->items[i], "permit", 6) != 0 &&
                    policy_find_end(position->list) != i)
                        continue;
                finding = finding_add(&policy->doctor->findings, SEVERITY_WARNING,
                                      "policy-after-permit", policy->service->label,
                                      "truefrom-policyd stands behind \"%s\" in %s",
                                      position->list->items[i], position->parameter);
                means(policy, finding,
                      "Nothing is stored by queue ID for mail that is permitted before.");
                change_move(policy, finding, position, 0);
                return true;
        }
        return false;
}

void policy_check_permits(const struct policy *policy, const struct place *place)
{
        const struct position inner = {place->parameter, &place->list, place->ours};
        const struct position outer = {place->outer_parameter, &place->outer, place->outer_at};

        if (place->attachment != ATTACHED)
                return;
        if (!place->in_class || !report_permit(policy, &outer))
                report_permit(policy, &inner);
}
