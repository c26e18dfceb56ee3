/* The daemons' sockets: does somebody answer, and may smtpd connect? */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor/ask.h"
#include "cli/doctor/doctor.h"
#include "common/app/endpoint.h"

#define ANSWER_TIME_MS 5000
#define GROUP_USES     0060 /* to connect takes the right to write; the other is for tools */

/* One daemon. */
struct daemon {
        const char *name, *socket;
        bool milter;
        credentials_t *credentials;
        finding_t **down;
        pid_t *pid;
};

/* A daemon that does not run: what its start said last. */
static void report_stopped(doctor_t *doctor, const struct daemon *daemon, const char *keyword,
                           const char *what)
{
        const char *last = doctor_last_error(doctor, daemon->name);
        const char *path = endpoint_path(daemon->socket);
        finding_t *finding = finding_add(
            &doctor->findings, SEVERITY_ERROR, keyword, NULL, "%s does not run: %s %s%s%s",
            daemon->name, what, path != NULL ? path : daemon->socket,
            last != NULL ? "; it ended with: " : "", last != NULL ? last : "");

        finding_command(&doctor->findings, finding, "systemctl start %s", daemon->name);
        *daemon->down = finding;
}

/* Why nobody could be reached. */
static void report_unreachable(doctor_t *doctor, const struct daemon *daemon, int error)
{
        const char *path = endpoint_path(daemon->socket);

        if (error == -EACCES)
                finding_add(&doctor->findings, SEVERITY_NOTE, "not-seen", NULL,
                            "%s: no permission to connect; run truefrom doctor as root",
                            daemon->socket);
        else if (error == -ENOENT)
                report_stopped(doctor, daemon, "socket-missing", "there is no socket");
        else if (error == -ECONNREFUSED && path != NULL)
                report_stopped(doctor, daemon, "socket-stale",
                               "a sudden end has left behind the socket");
        else if (error == -ECONNREFUSED)
                report_stopped(doctor, daemon, "socket-missing", "nobody listens on");
        else
                finding_add(&doctor->findings, SEVERITY_ERROR, "socket-error", NULL, "%s: %s: %s",
                            daemon->name, daemon->socket, strerror(-error));
}

static void report_answer(doctor_t *doctor, const struct daemon *daemon, int error)
{
        findings_t *findings = &doctor->findings;
        finding_t *finding;

        if (error == 0) {
                finding_add(findings, SEVERITY_OK, "socket", NULL, "%s answers on %s", daemon->name,
                            daemon->socket);
                return;
        }
        if (error == -EPROTO) {
                finding = finding_add(findings, SEVERITY_ERROR, "socket-other", NULL,
                                      "what listens on %s does not answer as %s does",
                                      daemon->socket, daemon->name);
                finding_means(findings, finding,
                              "Another program has that socket, or %s could not go on.",
                              daemon->name);
                return;
        }
        finding = finding_add(findings, SEVERITY_ERROR, "socket-silent", NULL,
                              "%s accepts on %s, and does not answer: %s", daemon->name,
                              daemon->socket, strerror(-error));
        finding_command(findings, finding, "systemctl restart %s", daemon->name);
        *daemon->down = finding;
}

/* Who listens there, as the kernel knows it. */
static void take_credentials(doctor_t *doctor, const struct daemon *daemon, int fd)
{
        struct ucred peer;
        socklen_t len = sizeof(peer);

        if (endpoint_path(daemon->socket) == NULL ||
            getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 || peer.pid <= 0)
                return;
        *daemon->pid = peer.pid;
        if (credentials_of_process(doctor->arena, peer.pid, daemon->credentials) != 0)
                daemon->credentials->name = NULL;
}

/* Is `folder` what the file lies in? */
static bool is_parent(const char *folder, const char *path)
{
        size_t len = strlen(folder);

        return strncmp(folder, path, len) == 0 && path[len] == '/' &&
               strchr(path + len + 1, '/') == NULL;
}

/* @param refused the part of the socket's path that smtpd's user may not use */
static void report_permission(doctor_t *doctor, const struct daemon *daemon, const char *user,
                              const char *refused)
{
        const char *path = endpoint_path(daemon->socket);
        bool whole = strcmp(refused, path) == 0;
        findings_t *findings = &doctor->findings;
        finding_t *finding = finding_add(
            findings, SEVERITY_ERROR, "socket-permission", NULL, "Postfix's user %s may not %s %s",
            user, whole ? "write to the socket" : "enter the folder", refused);

        finding_means(findings, finding, "To Postfix, %s is down.", daemon->name);
        *daemon->down = finding;
        if (whole && (doctor->config->umask_bits & GROUP_USES) != 0) {
                /* a mode that is set by hand holds until the next start */
                finding_change(findings, finding, doctor->options.config_path, NULL,
                               "UMask = \"0007\";");
                finding_command(findings, finding, "systemctl restart %s", daemon->name);
        } else if (whole)
                finding_command(findings, finding, "chgrp %s %s && chmod g+rw %s", user, path,
                                path);
        else if (is_parent(refused, path))
                finding_command(findings, finding, "chgrp %s %s && chmod g+x %s", user, refused,
                                refused);
        else /* a folder further up is not ours */
                finding_change(findings, finding, doctor->options.config_path,
                               daemon->milter ? "group milter" : "group policyd",
                               "Socket = \"local:%s\";",
                               doctor_chroot_path(doctor, daemon->socket));
}

/* smtpd connects as mail_owner. */
static void check_permission(doctor_t *doctor, const struct daemon *daemon)
{
        const char *user = postfix_value(doctor->postfix, NULL, "mail_owner");
        const char *path = endpoint_path(daemon->socket);
        const char *refused = NULL;
        credentials_t postfix;

        if (path == NULL || credentials_of_user(doctor->arena, user, &postfix) != 0)
                return;
        if (access_as(doctor->arena, &postfix, path, W_OK, &refused) == -EACCES)
                report_permission(doctor, daemon, user, refused);
}

static void check_daemon(doctor_t *doctor, const struct daemon *daemon)
{
        const char *path;
        struct stat status;
        int fd;

        if (daemon->socket == NULL)
                return;
        path = endpoint_path(daemon->socket);
        if (path != NULL && stat(path, &status) == 0 && !S_ISSOCK(status.st_mode)) {
                finding_t *finding =
                    finding_add(&doctor->findings, SEVERITY_ERROR, "socket-type", NULL,
                                "%s is no socket: %s cannot listen there", path, daemon->name);

                finding_command(&doctor->findings, finding, "rm %s", path);
                return;
        }
        fd = endpoint_connect(daemon->socket, ANSWER_TIME_MS);
        if (fd < 0) {
                report_unreachable(doctor, daemon, fd);
                return;
        }
        take_credentials(doctor, daemon, fd);
        report_answer(doctor, daemon, ask_connected(fd, daemon->milter ? ASK_MILTER : ASK_OURS));
        close(fd);
        if (doctor->postfix != NULL)
                check_permission(doctor, daemon);
}

void doctor_check_sockets(doctor_t *doctor)
{
        const struct daemon policyd = {.name = "truefrom-policyd",
                                       .socket = doctor->config->policyd.socket,
                                       .credentials = &doctor->policyd,
                                       .down = &doctor->policyd_down,
                                       .pid = &doctor->policyd_pid};
        const struct daemon milter = {.name = "truefrom-milter",
                                      .socket = doctor->config->milter.socket,
                                      .milter = true,
                                      .credentials = &doctor->milter,
                                      .down = &doctor->milter_down,
                                      .pid = &doctor->milter_pid};

        check_daemon(doctor, &policyd);
        check_daemon(doctor, &milter);
}
