/* Which socket in Postfix's configuration is which of ours, seen from a chroot or from outside. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "cli/doctor/doctor.h"
#include "common/app/endpoint.h"

#define SLIP_EDITS    2   /* characters that differ in a path that was meant to be ours */
#define SLIP_PATH_MAX 256 /* longer than any socket's path */

static const char *after_prefix(const char *text, const char *prefix)
{
        size_t len = strlen(prefix);

        return strncasecmp(text, prefix, len) == 0 ? text + len : NULL;
}

/* The path of "unix:PATH" or "local:PATH" in Postfix's configuration, or NULL. */
static const char *unix_path(const char *socket)
{
        const char *path = after_prefix(socket, "unix:");

        return path != NULL ? path : after_prefix(socket, "local:");
}

/* What a path of Postfix's configuration is outside of any chroot. */
static const char *outer_path(const doctor_t *doctor, const char *path, bool chroot)
{
        if (*path != '/')
                return arena_printf(doctor->arena, "%s/%s", doctor->queue_dir, path);
        if (chroot)
                return arena_printf(doctor->arena, "%s%s", doctor->queue_dir, path);
        return path;
}

/* Same text but for repeated slashes. */
static bool same_path_text(const char *one, const char *other)
{
        while (*one != '\0' && *one == *other) {
                if (*one == '/') {
                        one += strspn(one, "/");
                        other += strspn(other, "/");
                        continue;
                }
                one++;
                other++;
        }
        return *one == '\0' && *other == '\0';
}

static bool same_path(const char *one, const char *other)
{
        struct stat a, b;

        if (one == NULL || other == NULL)
                return false;
        if (same_path_text(one, other))
                return true;
        return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev &&
               a.st_ino == b.st_ino;
}

static const char *file_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash != NULL ? slash + 1 : path;
}

/* Is all but the file's name the same? */
static bool same_folder(const char *one, const char *other)
{
        size_t len = (size_t)(file_name(one) - one);

        return len > 1 && len == (size_t)(file_name(other) - other) &&
               strncmp(one, other, len) == 0;
}

static size_t least(size_t one, size_t two, size_t three)
{
        size_t least = one < two ? one : two;

        return least < three ? least : three;
}

/* How many characters have to be changed, added or dropped to make one of the other (Levenshtein);
 * SLIP_PATH_MAX for what is too long to be a socket's path. */
static size_t edit_distance(const char *one, const char *other)
{
        const size_t one_len = strlen(one), other_len = strlen(other);
        size_t row[SLIP_PATH_MAX];

        if (one_len >= SLIP_PATH_MAX || other_len >= SLIP_PATH_MAX)
                return SLIP_PATH_MAX;
        for (size_t k = 0; k <= other_len; k++)
                row[k] = k;
        for (size_t i = 1; i <= one_len; i++) {
                size_t corner = row[0];

                row[0] = i;
                for (size_t k = 1; k <= other_len; k++) {
                        size_t replaced = corner + (one[i - 1] != other[k - 1] ? 1 : 0);

                        corner = row[k];
                        row[k] = least(replaced, row[k] + 1, row[k - 1] + 1);
                }
        }
        return row[other_len];
}

/* Does the path look like ours, misspelt? */
static bool is_slip(const char *path, const char *ours)
{
        return path != NULL && ours != NULL &&
               (same_folder(path, ours) || edit_distance(path, ours) <= SLIP_EDITS);
}

static enum attachment compare_paths(const doctor_t *doctor, const postfix_service_t *service,
                                     const char *path, const char *ours)
{
        bool chroot = postfix_chroots(doctor->postfix, service);

        if (same_path(outer_path(doctor, path, chroot), ours))
                return ATTACHED;
        if (same_path(outer_path(doctor, path, !chroot), ours))
                return ATTACHED_CHROOT;
        if (strstr(path, "truefrom") != NULL && strcmp(file_name(path), file_name(ours)) == 0)
                return ATTACHED_NEAR;
        if (is_slip(outer_path(doctor, path, chroot), ours) ||
            is_slip(outer_path(doctor, path, !chroot), ours))
                return ATTACHED_NEAR;
        return ATTACHED_NOT;
}

/* A host without the brackets of a literal; "" for none. Stands for itself only: names are not
 * looked up. */
static bool same_host(const char *one, size_t one_len, const char *other, size_t other_len)
{
        if (one_len >= 2 && *one == '[') {
                one++;
                one_len -= 2;
        }
        if (other_len >= 2 && *other == '[') {
                other++;
                other_len -= 2;
        }
        return one_len == other_len && strncasecmp(one, other, one_len) == 0;
}

static bool is_loopback(const char *host, size_t len)
{
        return same_host(host, len, "localhost", 9) || same_host(host, len, "::1", 3) ||
               (len > 4 && strncmp(host, "127.", 4) == 0);
}

/* "inet:HOST:PORT" of Postfix against "inet:PORT@HOST" of ours. */
static enum attachment compare_inet(const char *theirs, const char *ours)
{
        const char *inet = strchr(ours, ':');
        const char *their_host = after_prefix(theirs, "inet:");
        const char *their_port, *our_host;
        size_t port_len, their_len, our_len;

        if (their_host == NULL || inet == NULL || unix_path(ours) != NULL)
                return ATTACHED_NOT;
        inet++;
        port_len = strcspn(inet, "@");
        our_host = inet[port_len] == '@' ? inet + port_len + 1 : "";
        our_len = strlen(our_host);
        their_port = strrchr(their_host, ':');
        their_len = their_port != NULL ? (size_t)(their_port - their_host) : 0;
        their_port = their_port != NULL ? their_port + 1 : their_host;
        if (strlen(their_port) != port_len || strncmp(their_port, inet, port_len) != 0)
                return ATTACHED_NOT;
        if (same_host(their_host, their_len, our_host, our_len) || our_len == 0 ||
            (is_loopback(their_host, their_len) && is_loopback(our_host, our_len)))
                return ATTACHED;
        return ATTACHED_NEAR;
}

enum attachment doctor_attachment(const doctor_t *doctor, const postfix_service_t *service,
                                  const char *item, const char *ours)
{
        const char *socket = postfix_socket(doctor->arena, item);
        const char *path, *our_path;

        if (socket == NULL || ours == NULL)
                return ATTACHED_NOT;
        path = unix_path(socket);
        our_path = endpoint_path(ours);
        if (path == NULL || our_path == NULL)
                return path == NULL && our_path == NULL ? compare_inet(socket, ours) : ATTACHED_NOT;
        return compare_paths(doctor, service, path, our_path);
}

/* The part of a path below the queue directory, or NULL. */
static const char *below_queue(const doctor_t *doctor, const char *path)
{
        size_t len = strlen(doctor->queue_dir);

        if (strncmp(path, doctor->queue_dir, len) != 0 || path[len] != '/')
                return NULL;
        return path + len + strspn(path + len, "/");
}

/* "inet:PORT@HOST" as "inet:HOST:PORT"; without a host it is reached on loopback. */
static const char *postfix_inet(const doctor_t *doctor, const char *ours)
{
        const bool inet6 = after_prefix(ours, "inet6:") != NULL;
        const char *inet = strchr(ours, ':') + 1;
        size_t port_len = strcspn(inet, "@");
        const char *host = inet[port_len] == '@' ? inet + port_len + 1 : "";

        if (*host == '\0')
                host = inet6 ? "[::1]" : "127.0.0.1";
        if (strchr(host, ':') != NULL && *host != '[')
                return arena_printf(doctor->arena, "inet:[%s]:%.*s", host, (int)port_len, inet);
        return arena_printf(doctor->arena, "inet:%s:%.*s", host, (int)port_len, inet);
}

const char *doctor_postfix_socket(const doctor_t *doctor, const postfix_service_t *service,
                                  const char *ours)
{
        const char *path = endpoint_path(ours);
        const char *below;

        if (path == NULL)
                return strchr(ours, ':') != NULL ? postfix_inet(doctor, ours) : NULL;
        below = below_queue(doctor, path);
        if (below != NULL)
                return arena_printf(doctor->arena, "unix:%s", below);
        if (postfix_chroots(doctor->postfix, service))
                return NULL;
        return arena_printf(doctor->arena, "unix:%s", path);
}

const char *doctor_expected_socket(const doctor_t *doctor, const postfix_service_t *service,
                                   const char *item)
{
        const char *socket = postfix_socket(doctor->arena, item);
        const char *path = socket != NULL ? unix_path(socket) : NULL;

        if (path == NULL)
                return NULL;
        path = outer_path(doctor, path, postfix_chroots(doctor->postfix, service));
        return path != NULL ? arena_printf(doctor->arena, "local:%s", path) : NULL;
}

const char *doctor_chroot_path(const doctor_t *doctor, const char *ours)
{
        return arena_printf(doctor->arena, "%s/truefrom/%s", doctor->queue_dir,
                            file_name(endpoint_path(ours)));
}

/* The part of a service's name behind the host, "smtp" of "127.0.0.1:smtp". */
static const char *service_port(const char *name)
{
        const char *colon = strrchr(name, ':');

        return colon != NULL ? colon + 1 : name;
}

static bool is_submission(const postfix_service_t *service)
{
        static const char *const ports[] = {"submission", "submissions", "smtps", "587", "465"};

        for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++)
                if (strcmp(service_port(service->name), ports[i]) == 0)
                        return true;
        return false;
}

static bool on_loopback(const postfix_service_t *service)
{
        const char *colon = strrchr(service->name, ':');

        return colon != NULL && is_loopback(service->name, (size_t)(colon - service->name));
}

static bool takes_strangers(const postfix_service_t *service)
{
        return strcmp(service->program, "smtpd") == 0 && !is_submission(service) &&
               !on_loopback(service);
}

enum service_role doctor_role(const postfix_t *postfix, const postfix_service_t *service)
{
        if (strcmp(service->program, "smtpd") != 0)
                return ROLE_OTHER;
        if (is_submission(service))
                return ROLE_SUBMISSION;
        if (!on_loopback(service))
                return ROLE_PUBLIC;
        for (size_t i = 0; i < postfix->service_count; i++)
                if (takes_strangers(&postfix->services[i]))
                        return ROLE_INTERNAL;
        return ROLE_PUBLIC; /* behind a proxy on this host */
}
