#include "cli/doctor/ask.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/dns/resolver.h"

#define ANSWER_TIME_MS  5000
#define CONNECT_TIME_MS 5000
#define CHILD_TIME_MS   15000 /* a host's name is looked up, too */

/* Send all of it. @return 0 or a negative errno */
static int send_all(int fd, const void *data, size_t len)
{
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);

        if (sent < 0)
                return -errno;
        return (size_t)sent == len ? 0 : -EIO;
}

/* Receive until `size` octets are there, or the peer has closed. @return how many, or a negative
 * errno */
static ssize_t receive(int fd, void *data, size_t size)
{
        const int64_t deadline_ms = dns_clock_ms() + ANSWER_TIME_MS;
        size_t len = 0;

        while (len < size) {
                struct pollfd wanted = {.fd = fd, .events = POLLIN};
                int64_t left = deadline_ms - dns_clock_ms();
                int ready = left > 0 ? poll(&wanted, 1, (int)left) : 0;
                ssize_t got;

                if (ready == 0)
                        return -ETIMEDOUT;
                if (ready < 0)
                        continue;
                got = recv(fd, (char *)data + len, size - len, MSG_DONTWAIT);
                if (got < 0 && errno != EAGAIN && errno != EINTR)
                        return -errno;
                if (got == 0)
                        break;
                len += got > 0 ? (size_t)got : 0;
        }
        return (ssize_t)len;
}

/* A request of a type that is answered without looking at anything (contract section 4).
 * @return 0, -EPROTO for another answer, or a negative errno */
static int ask_policy(int fd, bool ours)
{
        static const char request[] = "request=doctor\n\n", wanted[] = "action=DUNNO\n\n";
        char answer[sizeof(wanted) - 1];
        int error = send_all(fd, request, sizeof(request) - 1);
        ssize_t len;

        if (!ours || error != 0)
                return error;
        len = receive(fd, answer, sizeof(answer));
        if (len < 0)
                return (int)len;
        return len == sizeof(answer) && memcmp(answer, wanted, sizeof(answer)) == 0 ? 0 : -EPROTO;
}

/* The milter protocol's greeting (libmilter/mfdef.h): options are offered and agreed, then QUIT. */
static int ask_milter(int fd)
{
        const struct {
                uint32_t len;
                char command;
                uint32_t version, actions, protocol;
        } __attribute__((packed)) offer = {htonl(13), 'O', htonl(6), htonl(0x1ff), htonl(0x1fffff)};
        static const char quit[] = {0, 0, 0, 1, 'Q'};
        unsigned char answer[17];
        int error = send_all(fd, &offer, sizeof(offer));
        ssize_t len;

        if (error != 0)
                return error;
        len = receive(fd, answer, sizeof(answer));
        if (len < 0)
                return (int)len;
        if (len != sizeof(answer) || answer[4] != 'O')
                return -EPROTO;
        return send_all(fd, quit, sizeof(quit));
}

int ask_connected(int fd, enum ask_kind kind)
{
        return kind == ASK_MILTER ? ask_milter(fd) : ask_policy(fd, kind == ASK_OURS);
}

ssize_t ask_page(int fd, char *page, size_t size)
{
        static const char request[] = "GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n";
        int error = send_all(fd, request, sizeof(request) - 1);

        return error != 0 ? error : receive(fd, page, size);
}

/* Connect within the time. @return a non-blocking descriptor, or a negative errno */
static int connect_within(const struct sockaddr *address, socklen_t len)
{
        int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct pollfd wanted = {.fd = fd, .events = POLLOUT};
        int error = 0, ready;
        socklen_t error_len = sizeof(error);

        if (fd < 0)
                return -errno;
        if (connect(fd, address, len) == 0)
                return fd;
        error = errno;
        if (error == EINPROGRESS) {
                ready = poll(&wanted, 1, CONNECT_TIME_MS);
                error = ready == 1 ? 0 : ETIMEDOUT;
                if (ready == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len) != 0)
                        error = errno;
        }
        if (error == 0)
                return fd;
        close(fd);
        return error == EAGAIN ? -ETIMEDOUT : -error; /* a unix socket whose queue is full */
}

static int connect_path(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        if (*path == '\0' || strlen(path) >= sizeof(address.sun_path))
                return -EINVAL;
        memcpy(address.sun_path, path, strlen(path) + 1);
        return connect_within((const struct sockaddr *)&address, sizeof(address));
}

/* The first address that takes us. */
static int connect_first(const struct addrinfo *list)
{
        int fd = -EADDRNOTAVAIL;

        for (; list != NULL && fd < 0; list = list->ai_next)
                fd = connect_within(list->ai_addr, list->ai_addrlen);
        return fd;
}

/* "HOST:PORT", "[ADDRESS]:PORT", or a port alone, which is this host's. */
static int look_up(const char *inet, struct addrinfo **list)
{
        const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
        const char *colon = strrchr(inet, ':');
        size_t len = colon != NULL ? (size_t)(colon - inet) : 0;
        const char *port = colon != NULL ? colon + 1 : inet;
        char host[256];

        if (len >= 2 && inet[0] == '[' && inet[len - 1] == ']') {
                inet++;
                len -= 2;
        }
        if (len >= sizeof(host) || *port == '\0')
                return -EINVAL;
        memcpy(host, inet, len);
        host[len] = '\0';
        return getaddrinfo(len > 0 ? host : "localhost", port, &hints, list) == 0 ? 0
                                                                                  : -EADDRNOTAVAIL;
}

/* Become what a service of Postfix is. @return 0 or a negative errno */
static int become(const ask_manner_t *manner)
{
        const credentials_t *user = manner->user;

        if (geteuid() != 0)
                return chdir(manner->queue_dir) == 0 ? 0 : -errno;
        if (chdir(manner->queue_dir) != 0 || (manner->chroot && chroot(".") != 0))
                return -errno;
        if (user == NULL)
                return -EAGAIN;
        if (setgroups(user->group_count, user->groups) != 0 || setgid(user->gid) != 0 ||
            setuid(user->uid) != 0)
                return -EAGAIN;
        return 0;
}

/* A path as whoever cannot change the root has to say it. */
static int connect_unix(const ask_manner_t *manner, const char *path, char *outer, size_t size)
{
        if (!manner->chroot || geteuid() == 0 || *path != '/')
                return connect_path(path);
        if (snprintf(outer, size, "%s%s", manner->queue_dir, path) >= (int)size)
                return -EINVAL;
        return connect_path(outer);
}

/* In the child. @return as ask_as_postfix */
static int ask_in_child(const ask_manner_t *manner, const char *socket, enum ask_kind kind)
{
        const bool inet = strncasecmp(socket, "inet:", 5) == 0;
        const bool local =
            strncasecmp(socket, "unix:", 5) == 0 || strncasecmp(socket, "local:", 6) == 0;
        struct addrinfo *list = NULL;
        const char *where = strchr(socket, ':');
        char outer[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
        int error, fd;

        if (!inet && !local)
                return -EINVAL;
        /* names by the host's own files, which a chroot may have or not */
        error = inet ? look_up(where + 1, &list) : 0;
        if (error == 0)
                error = become(manner);
        if (error != 0)
                return error;
        fd = inet ? connect_first(list) : connect_unix(manner, where + 1, outer, sizeof(outer));
        return fd >= 0 ? ask_connected(fd, kind) : fd;
}

/* The child's result, or what became of it. */
static int wait_for_child(pid_t pid, int fd)
{
        struct pollfd wanted = {.fd = fd, .events = POLLIN};
        int result = -EAGAIN;
        int ready;

        do {
                ready = poll(&wanted, 1, CHILD_TIME_MS);
        } while (ready < 0 && errno == EINTR);
        if (ready == 0)
                result = -ETIMEDOUT;
        else if (read(fd, &result, sizeof(result)) != sizeof(result))
                result = -EAGAIN;
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        return result;
}

int ask_as_postfix(const ask_manner_t *manner, const char *socket, enum ask_kind kind)
{
        int ends[2], result;
        pid_t pid;

        if (pipe2(ends, O_CLOEXEC) != 0)
                return -EAGAIN;
        pid = fork();
        if (pid == 0) {
                result = ask_in_child(manner, socket, kind);
                _exit(write(ends[1], &result, sizeof(result)) == sizeof(result) ? 0 : 1);
        }
        close(ends[1]);
        result = pid > 0 ? wait_for_child(pid, ends[0]) : -EAGAIN;
        close(ends[0]);
        return result;
}
