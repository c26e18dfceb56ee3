#include "common/app/endpoint.h"

#include <errno.h>
#include <netdb.h>
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

static struct addrinfo *look_up(const char *inet, int family, int flags)
{
        const struct addrinfo hints = {
            .ai_family = family,
            .ai_socktype = SOCK_STREAM,
            .ai_flags = flags | AI_NUMERICSERV,
        };
        const char *host = strchr(inet, '@');
        size_t port_len = host != NULL ? (size_t)(host - inet) : strlen(inet);
        struct addrinfo *list;
        char port[8];

        if (port_len >= sizeof(port))
                return NULL;
        memcpy(port, inet, port_len);
        port[port_len] = '\0';
        return getaddrinfo(host != NULL ? host + 1 : NULL, port, &hints, &list) == 0 ? list : NULL;
}

static int listen_inet(const char *inet, int family, int backlog)
{
        struct addrinfo *list = look_up(inet, family, AI_PASSIVE);
        int result;

        if (list == NULL)
                return -EADDRNOTAVAIL;
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

static int connect_to(const struct sockaddr *address, socklen_t len, unsigned seconds)
{
        const struct timeval limit = {.tv_sec = seconds};
        int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int error;

        if (fd < 0)
                return -errno;
        /* the limit of sending holds for connect too: socket(7) */
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        if (connect(fd, address, len) == 0)
                return fd;
        error = -errno;
        close(fd);
        return error;
}

static int connect_inet(const char *inet, int family, unsigned seconds)
{
        struct addrinfo *list = look_up(inet, family, 0);
        int result = -EADDRNOTAVAIL;

        for (const struct addrinfo *item = list; item != NULL && result < 0; item = item->ai_next)
                result = connect_to(item->ai_addr, item->ai_addrlen, seconds);
        if (list != NULL)
                freeaddrinfo(list);
        return result;
}

int endpoint_connect(const char *text, unsigned seconds)
{
        struct sockaddr_un address;
        const char *why, *inet;
        int family;

        if (!endpoint_valid(text, &why))
                return -EINVAL;
        inet = endpoint_inet(text, &family);
        if (inet != NULL)
                return connect_inet(inet, family, seconds);
        if (!path_address(endpoint_path(text), &address))
                return -ENAMETOOLONG;
        return connect_to((const struct sockaddr *)&address, sizeof(address), seconds);
}
