#include "common/app/endpoint.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define HOST_MAX 255

static const char *after_prefix(const char *text, const char *prefix)
{
        size_t len = strlen(prefix);

        return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

const char *endpoint_path(const char *text)
{
        const char *path = after_prefix(text, "local:");

        return path != NULL ? path : after_prefix(text, "unix:");
}

/* "PORT" or "PORT@HOST" of an inet endpoint; the family is set. NULL for other forms. */
static const char *endpoint_inet(const char *text, int *family)
{
        const char *rest = after_prefix(text, "inet:");

        *family = AF_INET;
        if (rest != NULL)
                return rest;
        *family = AF_INET6;
        return after_prefix(text, "inet6:");
}

static bool port_valid(const char *text)
{
        char *end;
        long port;

        if (*text < '0' || *text > '9')
                return false;
        port = strtol(text, &end, 10);
        return (*end == '\0' || *end == '@') && port >= 1 && port <= 65535;
}

bool endpoint_valid(const char *text, const char **why)
{
        const char *path = endpoint_path(text);
        const char *inet, *host;
        int family;

        if (path != NULL) {
                *why = "the socket's path must begin with / and have at most 107 characters";
                return *path == '/' && strlen(path) < sizeof(((struct sockaddr_un *)0)->sun_path);
        }
        inet = endpoint_inet(text, &family);
        *why = "a socket is local:PATH, unix:PATH, inet:PORT@HOST or inet6:PORT@HOST";
        if (inet == NULL || !port_valid(inet))
                return false;
        host = strchr(inet, '@');
        return host == NULL || (host[1] != '\0' && strlen(host + 1) <= HOST_MAX);
}

static bool path_address(const char *path, struct sockaddr_un *address)
{
        size_t len = strlen(path);

        if (len >= sizeof(address->sun_path))
                return false;
        memset(address, 0, sizeof(*address));
        address->sun_family = AF_UNIX;
        memcpy(address->sun_path, path, len + 1);
        return true;
}

static bool somebody_listens(const struct sockaddr_un *address)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int error;

        if (fd < 0)
                return true;
        error = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;
        close(fd);
        return error != ECONNREFUSED && error != ENOENT;
}

int endpoint_clear_stale(const char *text)
{
        const char *path = endpoint_path(text);
        struct sockaddr_un address;
        struct stat status;

        if (path == NULL)
                return 0;
        if (!path_address(path, &address))
                return -ENAMETOOLONG;
        if (lstat(path, &status) != 0)
                return errno == ENOENT ? 0 : -errno;
        if (!S_ISSOCK(status.st_mode))
                return -EEXIST;
        if (somebody_listens(&address))
                return -EADDRINUSE;
        return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
}

void endpoint_unlink(const char *text)
{
        const char *path = endpoint_path(text);

        if (path != NULL)
                unlink(path);
}

static int listen_local(const char *text, mode_t umask_bits, int backlog)
{
        struct sockaddr_un address;
        int error = endpoint_clear_stale(text);
        mode_t old;
        int fd;

        if (error != 0)
                return error;
        if (!path_address(endpoint_path(text), &address))
                return -ENAMETOOLONG;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        old = umask(umask_bits);
        error = bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : -errno;
        umask(old);
        if (error == 0 && listen(fd, backlog) != 0)
                error = -errno;
        if (error == 0)
                return fd;
        close(fd);
        return error;
}

static int bind_first(const struct addrinfo *list, int backlog)
{
        const int on = 1;
        int error = -EADDRNOTAVAIL;

        for (const struct addrinfo *item = list; item != NULL; item = item->ai_next) {
                int fd = socket(item->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

                if (fd < 0) {
                        error = -errno;
                        continue;
                }
                setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
                if (item->ai_family == AF_INET6)
                        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
                if (bind(fd, item->ai_addr, item->ai_addrlen) == 0 && listen(fd, backlog) == 0)
                        return fd;
                error = -errno;
                close(fd);
        }
        return error;
}

/* The addresses of "PORT" or "PORT@HOST". @return 0 and *list (freeaddrinfo), or a negative errno
 */
static int look_up_inet(const char *inet, int family, int flags, struct addrinfo **list)
{
        const struct addrinfo hints = {
            .ai_family = family,
            .ai_socktype = SOCK_STREAM,
            .ai_flags = flags | AI_NUMERICSERV,
        };
        const char *host = strchr(inet, '@');
        size_t port_len = host != NULL ? (size_t)(host - inet) : strlen(inet);
        char port[8];

        if (port_len >= sizeof(port))
                return -EINVAL;
        memcpy(port, inet, port_len);
        port[port_len] = '\0';
        if (getaddrinfo(host != NULL ? host + 1 : NULL, port, &hints, list) != 0)
                return -EADDRNOTAVAIL;
        return 0;
}

static int listen_inet(const char *inet, int family, int backlog)
{
        struct addrinfo *list;
        int result = look_up_inet(inet, family, AI_PASSIVE, &list);

        if (result != 0)
                return result;
        result = bind_first(list, backlog);
        freeaddrinfo(list);
        return result;
}

int endpoint_listen(const char *text, mode_t umask_bits, int backlog)
{
        const char *why, *inet;
        int family;

        if (!endpoint_valid(text, &why))
                return -EINVAL;
        if (endpoint_path(text) != NULL)
                return listen_local(text, umask_bits, backlog);
        inet = endpoint_inet(text, &family);
        return listen_inet(inet, family, backlog);
}

/* Any port will do: that of a daemon that runs is taken. */
static int try_address(const struct addrinfo *item)
{
        struct sockaddr_storage address = {0};
        int fd = socket(item->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int error;

        if (fd < 0)
                return -errno;
        memcpy(&address, item->ai_addr, item->ai_addrlen);
        if (item->ai_family == AF_INET)
                ((struct sockaddr_in *)&address)->sin_port = 0;
        else
                ((struct sockaddr_in6 *)&address)->sin6_port = 0;
        error = bind(fd, (struct sockaddr *)&address, item->ai_addrlen) == 0 ? 0 : -errno;
        close(fd);
        return error;
}

int endpoint_check(const char *text)
{
        struct addrinfo *list;
        int family, result;
        const char *inet = endpoint_inet(text, &family);

        if (inet == NULL)
                return 0;
        result = look_up_inet(inet, family, AI_PASSIVE, &list);
        if (result != 0)
                return result;
        result = -EADDRNOTAVAIL;
        for (const struct addrinfo *item = list; item != NULL && result != 0; item = item->ai_next)
                result = try_address(item);
        freeaddrinfo(list);
        return result;
}

static bool address_shared(const struct addrinfo *one, const struct addrinfo *other)
{
        for (; one != NULL; one = one->ai_next)
                for (const struct addrinfo *item = other; item != NULL; item = item->ai_next)
                        if (one->ai_addrlen == item->ai_addrlen &&
                            memcmp(one->ai_addr, item->ai_addr, one->ai_addrlen) == 0)
                                return true;
        return false;
}

/* One of the family; a socket without a host has all addresses. */
static bool same_inet(const char *one, const char *other, int family)
{
        struct addrinfo *list, *other_list;
        bool same;

        if (atoi(one) != atoi(other))
                return false;
        if (strchr(one, '@') == NULL || strchr(other, '@') == NULL)
                return true;
        if (look_up_inet(one, family, AI_PASSIVE, &list) != 0)
                return false;
        if (look_up_inet(other, family, AI_PASSIVE, &other_list) != 0) {
                freeaddrinfo(list);
                return false;
        }
        same = address_shared(list, other_list);
        freeaddrinfo(list);
        freeaddrinfo(other_list);
        return same;
}

bool endpoint_same(const char *one, const char *other)
{
        const char *path = endpoint_path(one), *other_path = endpoint_path(other);
        const char *inet, *other_inet;
        int family, other_family;

        if (path != NULL || other_path != NULL)
                return path != NULL && other_path != NULL && strcmp(path, other_path) == 0;
        inet = endpoint_inet(one, &family);
        other_inet = endpoint_inet(other, &other_family);
        return inet != NULL && other_inet != NULL && family == other_family &&
               same_inet(inet, other_inet, family);
}

const char *endpoint_error_text(int error)
{
        switch (error) {
        case -EADDRINUSE:
                return "another process is listening there; stop it, or change the socket";
        case -EADDRNOTAVAIL:
                return "not an address of this host; change the socket";
        case -EEXIST:
                return "a file that is no socket is there; remove it, or change the socket";
        case -EACCES:
                return "Permission denied; let this user write to the directory";
        case -ENOENT:
                return "no such directory; make it, or change the socket";
        default:
                return strerror(-error);
        }
}

/* Wait for a connection that has begun. @return 0 or a negative errno */
static int wait_connected(int fd, int timeout_ms)
{
        struct pollfd wanted = {.fd = fd, .events = POLLOUT};
        socklen_t len = sizeof(int);
        int error = 0;

        if (poll(&wanted, 1, timeout_ms) <= 0)
                return -ETIMEDOUT;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
                return -errno;
        return -error;
}

static int connect_address(int family, const struct sockaddr *address, socklen_t len,
                           int timeout_ms)
{
        int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int error = 0;

        if (fd < 0)
                return -errno;
        if (connect(fd, address, len) != 0)
                error = errno == EINPROGRESS ? wait_connected(fd, timeout_ms) : -errno;
        if (error == 0)
                return fd;
        close(fd);
        return error;
}

static int connect_inet(const char *inet, int family, int timeout_ms)
{
        struct addrinfo *list;
        int result = look_up_inet(inet, family, 0, &list);

        if (result != 0)
                return result;
        result = -EADDRNOTAVAIL;
        for (const struct addrinfo *item = list; item != NULL && result < 0; item = item->ai_next)
                result =
                    connect_address(item->ai_family, item->ai_addr, item->ai_addrlen, timeout_ms);
        freeaddrinfo(list);
        return result;
}

int endpoint_connect(const char *text, int timeout_ms)
{
        struct sockaddr_un address;
        const char *why, *inet;
        int family;

        if (!endpoint_valid(text, &why))
                return -EINVAL;
        inet = endpoint_inet(text, &family);
        if (inet != NULL)
                return connect_inet(inet, family, timeout_ms);
        if (!path_address(endpoint_path(text), &address))
                return -ENAMETOOLONG;
        return connect_address(AF_UNIX, (const struct sockaddr *)&address, sizeof(address),
                               timeout_ms);
}
