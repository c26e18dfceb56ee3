/*
 * Milters and policy services of Postfix's beside our own: does each answer, asked as Postfix asks?
 *
 * One that does not holds all mail up, or lets it pass unchecked, however well we are.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"
#include "common/app/endpoint.h"

#define RESTRICTION    "check_policy_service"
#define OPENDMARC_PORT "8893" /* OpenDMARC's default: inet:8893@localhost */

struct asked {
        const char *socket;
        bool chroot;
        enum ask_kind kind;
        int result;
        struct asked *next;
};

/* One list, and what it should be. */
struct neighbours {
        doctor_t *doctor;
        const postfix_service_t *service; /* NULL label: of no service of master.cf */
        const char *parameter;
        enum ask_kind kind;
        const char *ours; /* our socket of that kind */
        bool mends;       /* the caller mends what looks like ours */
        bool attached;    /* ours is in it */
        postfix_list_t list, wanted;
};

/* What is wrong with a member. */
enum fault { FAULT_NONE, FAULT_SLIP, FAULT_OPENDMARC, FAULT_DEAD };

static int ask(doctor_t *doctor, const postfix_service_t *service, const char *socket,
               enum ask_kind kind)
{
        const char *owner = postfix_value(doctor->postfix, NULL, "mail_owner");
        credentials_t user;
        const ask_manner_t manner = {
            .queue_dir = doctor->queue_dir,
            .user = credentials_of_user(doctor->arena, owner, &user) == 0 ? &user : NULL,
            .chroot = postfix_chroots(doctor->postfix, service)};
        int result = ask_as_postfix(&manner, socket, kind);

        return result == -EAGAIN || (result == -EACCES && geteuid() != 0) ? 0 : result;
}

/* Asked once, whoever lists it. @return 0, also for what could not be asked; or a negative errno */
static int ask_once(doctor_t *doctor, const postfix_service_t *service, const char *socket,
                    enum ask_kind kind)
{
        const bool chroot = postfix_chroots(doctor->postfix, service);
        struct asked *asked;

        for (asked = doctor->asked; asked != NULL; asked = asked->next)
                if (strcmp(asked->socket, socket) == 0 && asked->chroot == chroot &&
                    asked->kind == kind)
                        return asked->result;
        asked = arena_alloc(doctor->arena, sizeof(*asked));
        if (asked == NULL) {
                doctor->findings.failed = true;
                return 0;
        }
        *asked = (struct asked){.socket = socket,
                                .chroot = chroot,
                                .kind = kind,
                                .result = ask(doctor, service, socket, kind),
                                .next = doctor->asked};
        doctor->asked = asked;
        return asked->result;
}

/* A member's milter or policy service; NULL for another restriction. */
static const char *argument(const struct neighbours *neighbours, size_t i)
{
        const char *item = neighbours->list.items[i];

        return neighbours->kind == ASK_MILTER ? item : postfix_argument(item, RESTRICTION);
}

static const char *socket_of(const struct neighbours *neighbours, size_t i)
{
        const char *item = argument(neighbours, i);

        return item != NULL ? postfix_socket(neighbours->doctor->arena, item) : NULL;
}

static int answer(const struct neighbours *neighbours, size_t i)
{
        const char *socket = socket_of(neighbours, i);

        return socket != NULL
                   ? ask_once(neighbours->doctor, neighbours->service, socket, neighbours->kind)
                   : 0;
}

static bool is_opendmarc(const struct neighbours *neighbours, const char *item)
{
        const char *socket =
            postfix_socket(neighbours->doctor->arena, item); /* without its braces */

        if (socket == NULL)
                return false;
        if (strcasestr(socket, "opendmarc") != NULL)
                return true;
        return strncasecmp(socket, "inet:", 5) == 0 &&
               strcmp(strrchr(socket, ':') + 1, OPENDMARC_PORT) == 0;
}

/* Is it the socket of OpenDKIM's configuration? */
static bool is_opendkim(const struct neighbours *neighbours, const char *item)
{
        const opendkim_t *opendkim = neighbours->doctor->opendkim;

        return opendkim != NULL && opendkim->socket != NULL &&
               doctor_attachment(neighbours->doctor, neighbours->service, item, opendkim->socket) ==
                   ATTACHED;
}

/* OpenDKIM by its name, and its configuration has another path: that is told as dkim-path. */
static bool is_told_elsewhere(const struct neighbours *neighbours, const char *item)
{
        const doctor_t *doctor = neighbours->doctor;

        return neighbours->kind == ASK_MILTER && neighbours->mends && neighbours->attached &&
               doctor_role(doctor->postfix, neighbours->service) == ROLE_PUBLIC &&
               doctor->opendkim != NULL && doctor->opendkim->socket != NULL &&
               strstr(item, "opendkim") != NULL && !is_opendkim(neighbours, item) &&
               doctor_expected_socket(doctor, neighbours->service, item) != NULL;
}

static enum fault find_fault(const struct neighbours *neighbours, size_t i)
{
        const char *item = argument(neighbours, i);
        enum attachment attachment;

        if (item == NULL)
                return FAULT_NONE;
        attachment =
            doctor_attachment(neighbours->doctor, neighbours->service, item, neighbours->ours);
        if (attachment == ATTACHED)
                return FAULT_NONE;
        if (attachment != ATTACHED_NOT)
                return neighbours->mends && !neighbours->attached ? FAULT_NONE : FAULT_SLIP;
        if (neighbours->kind == ASK_MILTER && neighbours->mends && is_opendmarc(neighbours, item))
                return FAULT_OPENDMARC;
        if (is_told_elsewhere(neighbours, item))
                return FAULT_NONE;
        return answer(neighbours, i) != 0 ? FAULT_DEAD : FAULT_NONE;
}

/* OpenDKIM's socket as this service has to name it; NULL when that is not known. */
static const char *opendkim_socket(const struct neighbours *neighbours)
{
        const opendkim_t *opendkim = neighbours->doctor->opendkim;
        const char *why;

        if (opendkim == NULL || opendkim->socket == NULL || !endpoint_valid(opendkim->socket, &why))
                return NULL;
        return doctor_postfix_socket(neighbours->doctor, neighbours->service, opendkim->socket);
}

/* Is another member of the list OpenDKIM's socket, or named after a verifier of DKIM? */
static bool has_verifier(const struct neighbours *neighbours, const char *but)
{
        for (size_t i = 0; i < neighbours->list.count; i++) {
                const char *item = neighbours->list.items[i];

                if (item != but &&
                    (is_opendkim(neighbours, item) || strcasestr(item, "dkim") != NULL ||
                     strcasestr(item, "rspamd") != NULL))
                        return true;
        }
        return false;
}

/* A dead milter in whose place OpenDKIM's socket has to be: it has OpenDKIM's name, or a port that
 * nobody listens on, and nothing else verifies DKIM. @return the member as it should be, or NULL */
static const char *stand_in(const struct neighbours *neighbours, const char *item)
{
        const bool named = strcasestr(item, "opendkim") != NULL;
        const char *socket;

        if (neighbours->kind != ASK_MILTER || !neighbours->mends || is_opendkim(neighbours, item) ||
            has_verifier(neighbours, item) || (!named && strncasecmp(item, "inet:", 5) != 0))
                return NULL;
        socket = opendkim_socket(neighbours);
        return socket != NULL ? postfix_with_socket(neighbours->doctor->arena, item, socket) : NULL;
}

/* A dead milter that is mended where it is: OpenDKIM, by its socket or its name. */
static bool is_mended(const struct neighbours *neighbours, const char *item)
{
        if (neighbours->kind != ASK_MILTER)
                return false;
        return is_opendkim(neighbours, item) ||
               (strcasestr(item, "opendkim") != NULL && opendkim_socket(neighbours) == NULL);
}

/* What Postfix does to mail while it does not answer. */
static const char *consequence(const struct neighbours *neighbours, const char *item)
{
        const bool milter = neighbours->kind == ASK_MILTER;
        const doctor_t *doctor = neighbours->doctor;
        const char *action = postfix_attribute(doctor->arena, item, "default_action");

        if (action == NULL)
                action = postfix_value(doctor->postfix, neighbours->service,
                                       milter ? "milter_default_action"
                                              : "smtpd_policy_service_default_action");
        if (strcasecmp(action, "accept") == 0 || strncasecmp(action, "DUNNO", 5) == 0 ||
            strncasecmp(action, "OK", 2) == 0)
                return "Mail passes unchecked by it";
        if (strncasecmp(action, "reject", 6) == 0 || *action == '5')
                return "All mail is being refused";
        if (strcasecmp(action, "quarantine") == 0 || strncasecmp(action, "HOLD", 4) == 0)
                return "All mail is being held";
        return "Mail is being deferred";
}

static const char *error_text(int error)
{
        switch (error) {
        case -ENOENT:
                return "there is no such socket";
        case -ECONNREFUSED:
                return "nobody listens there";
        case -EACCES:
                return "Postfix's user may not use it";
        case -ETIMEDOUT:
                return "it does not answer";
        case -EPROTO:
                return "what listens there is no milter";
        case -EINVAL:
                return "no socket is named so";
        case -EADDRNOTAVAIL:
                return "no such host or port is known";
        default:
                return strerror(-error);
        }
}

/* The list's text. A restriction class must not be empty: Postfix would serve nobody. */
static const char *wanted_text(const struct neighbours *neighbours)
{
        const postfix_list_t *wanted = &neighbours->wanted;

        if (wanted->count == 0 && neighbours->kind == ASK_POLICY &&
            strncmp(neighbours->parameter, "smtpd_", 6) != 0)
                return "check_client_access static:DUNNO";
        return postfix_join(neighbours->doctor->arena, wanted, 0, NULL, wanted->count);
}

static void change_list(const struct neighbours *neighbours, finding_t *finding)
{
        doctor_change_parameter(neighbours->doctor, finding, neighbours->service,
                                neighbours->parameter, wanted_text(neighbours));
}

/* Let Postfix's user pass. @return false when its socket is not what stops it */
static bool change_permission(const struct neighbours *neighbours, finding_t *finding,
                              const char *item)
{
        doctor_t *doctor = neighbours->doctor;
        const char *user = postfix_value(doctor->postfix, NULL, "mail_owner");
        const char *socket = doctor_expected_socket(doctor, neighbours->service, item);
        const char *path = socket != NULL ? endpoint_path(socket) : NULL;
        const char *refused = NULL;
        credentials_t postfix;

        if (path == NULL || credentials_of_user(doctor->arena, user, &postfix) != 0 ||
            access_as(doctor->arena, &postfix, path, W_OK, &refused) != -EACCES)
                return false;
        if (strcmp(refused, path) != 0) {
                finding_command(&doctor->findings, finding, "chgrp %s %s && chmod g+x %s", user,
                                refused, refused);
                return true;
        }
        if (is_opendkim(neighbours, item))
                finding_change(&doctor->findings, finding, doctor->options.opendkim, NULL,
                               "UMask 007");
        finding_command(&doctor->findings, finding, "chgrp %s %s && chmod g+rw %s", user, path,
                        path);
        return true;
}

static void report_dead(const struct neighbours *neighbours, size_t i)
{
        const bool milter = neighbours->kind == ASK_MILTER;
        doctor_t *doctor = neighbours->doctor;
        const char *item = argument(neighbours, i);
        const int error = answer(neighbours, i);
        const bool mended = is_mended(neighbours, item);
        finding_t *finding =
            finding_add(&doctor->findings, SEVERITY_ERROR, milter ? "milter-down" : "policy-down",
                        neighbours->service->label, "%s has %s: %s", neighbours->parameter, item,
                        error_text(error));

        finding_means(&doctor->findings, finding, "%s%s%s", consequence(neighbours, item),
                      mended ? "; without its results DMARC rests on SPF alone, and forwarded mail "
                               "fails"
                             : "",
                      mended                               ? "."
                      : stand_in(neighbours, item) != NULL ? ". OpenDKIM listens elsewhere:"
                                                           : ". Start it, or else take it out of "
                                                             "the list:");
        if (error == -EACCES && change_permission(neighbours, finding, item))
                return;
        if (mended)
                finding_command(&doctor->findings, finding, "systemctl restart opendkim");
        else
                change_list(neighbours, finding);
}

static void report_slip(const struct neighbours *neighbours, size_t i)
{
        const bool milter = neighbours->kind == ASK_MILTER;
        doctor_t *doctor = neighbours->doctor;
        const char *item = argument(neighbours, i);
        finding_t *finding =
            finding_add(&doctor->findings, SEVERITY_ERROR, milter ? "milter-path" : "policy-path",
                        neighbours->service->label, "%s has %s, which looks like %s, misspelt",
                        neighbours->parameter, item, neighbours->ours);

        finding_means(&doctor->findings, finding, "%s.", consequence(neighbours, item));
        change_list(neighbours, finding);
}

static void report_opendmarc(const struct neighbours *neighbours, size_t i)
{
        doctor_t *doctor = neighbours->doctor;
        const char *item = argument(neighbours, i);
        const int error = answer(neighbours, i);
        finding_t *finding =
            finding_add(&doctor->findings, SEVERITY_ERROR, "opendmarc", neighbours->service->label,
                        "OpenDMARC is in %s beside truefrom-milter: %s%s%s", neighbours->parameter,
                        item, error != 0 ? ": " : "", error != 0 ? error_text(error) : "");

        if (error != 0)
                finding_means(&doctor->findings, finding, "%s. Truefrom takes its place.",
                              consequence(neighbours, item));
        else
                finding_means(&doctor->findings, finding,
                              "Two decide on the same mail: it refuses what Truefrom would accept. "
                              "Truefrom takes its place.");
        change_list(neighbours, finding);
}

static bool find_attached(const struct neighbours *neighbours)
{
        for (size_t i = 0; i < neighbours->list.count; i++) {
                const char *item = argument(neighbours, i);

                if (item != NULL && doctor_attachment(neighbours->doctor, neighbours->service, item,
                                                      neighbours->ours) == ATTACHED)
                        return true;
        }
        return false;
}

/* The member as it should be; NULL when it should go. */
static const char *wanted_item(const struct neighbours *neighbours, size_t i)
{
        const char *item = argument(neighbours, i);
        enum fault fault = find_fault(neighbours, i);

        if (fault == FAULT_NONE || (fault == FAULT_DEAD && is_mended(neighbours, item)))
                return neighbours->list.items[i];
        return fault == FAULT_DEAD ? stand_in(neighbours, item) : NULL;
}

/* The list without what is to go. @return false when memory is out */
static bool find_wanted(struct neighbours *neighbours)
{
        const size_t count = neighbours->list.count;

        neighbours->attached = find_attached(neighbours);
        neighbours->wanted.items =
            arena_calloc(neighbours->doctor->arena, count + 1, sizeof(*neighbours->list.items));
        if (neighbours->wanted.items == NULL)
                return false;
        neighbours->wanted.room = count + 1;
        for (size_t i = 0; i < count; i++) {
                const char *item = wanted_item(neighbours, i);

                if (item != NULL)
                        neighbours->wanted.items[neighbours->wanted.count++] = item;
        }
        return true;
}

static void report(const struct neighbours *neighbours)
{
        for (size_t i = 0; i < neighbours->list.count; i++) {
                switch (find_fault(neighbours, i)) {
                case FAULT_SLIP:
                        report_slip(neighbours, i);
                        break;
                case FAULT_OPENDMARC:
                        report_opendmarc(neighbours, i);
                        break;
                case FAULT_DEAD:
                        report_dead(neighbours, i);
                        break;
                case FAULT_NONE:
                        break;
                }
        }
}

static bool finish(struct neighbours *neighbours, bool split, postfix_list_t *list)
{
        if (!split || !find_wanted(neighbours)) {
                neighbours->doctor->findings.failed = true;
                memset(list, 0, sizeof(*list));
                return false;
        }
        report(neighbours);
        *list = neighbours->wanted;
        return true;
}

static const char *list_text(const struct neighbours *neighbours)
{
        return doctor_editable(postfix_find(neighbours->doctor->postfix, neighbours->service,
                                            neighbours->parameter, NULL));
}

bool doctor_living_milters(doctor_t *doctor, const postfix_service_t *service,
                           const char *parameter, postfix_list_t *list)
{
        struct neighbours neighbours = {.doctor = doctor,
                                        .service = service,
                                        .parameter = parameter,
                                        .kind = ASK_MILTER,
                                        .ours = doctor->config->milter.socket,
                                        .mends = strcmp(parameter, "smtpd_milters") == 0};

        return finish(&neighbours,
                      postfix_split(doctor->arena, list_text(&neighbours), &neighbours.list) == 0,
                      list);
}

bool doctor_living_restrictions(doctor_t *doctor, const postfix_service_t *service,
                                const char *parameter, bool mends, postfix_list_t *list)
{
        struct neighbours neighbours = {.doctor = doctor,
                                        .service = service,
                                        .parameter = parameter,
                                        .kind = ASK_POLICY,
                                        .ours = doctor->config->policyd.socket,
                                        .mends = mends};

        return finish(&neighbours,
                      postfix_split_restrictions(doctor->arena, list_text(&neighbours),
                                                 &neighbours.list) == 0,
                      list);
}
