/*
 * null_policy SOCKET: what any policy server costs: reads requests, answers each with DUNNO.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 256
#define REPLY          "action=DUNNO\n\n"

static int listen_at(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        unlink(path);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
            listen(fd, SOMAXCONN) != 0)
                return -1;
        return fd;
}

static void watch(int epoll, int fd)
{
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
                close(fd);
}

/* A request comes whole, one at a time: Postfix waits for each reply. */
static void answer(int fd)
{
        char request[16384];
        ssize_t len = recv(fd, request, sizeof(request), 0);

        if (len < 2 || memcmp(request + len - 2, "\n\n", 2) != 0 ||
            send(fd, REPLY, strlen(REPLY), MSG_NOSIGNAL) < 0)
                close(fd);
}

int main(int argc, char **argv)
{
        struct epoll_event events[EVENTS_AT_ONCE];
        int epoll = epoll_create1(EPOLL_CLOEXEC), listener;

        if (argc != 2) {
                fputs("usage: null_policy SOCKET\n", stderr);
                return 2;
        }
        listener = listen_at(argv[1]);
        if (listener < 0 || epoll < 0) {
                perror(argv[1]);
                return EXIT_FAILURE;
        }
        watch(epoll, listener);
        for (;;) {
                int count = epoll_wait(epoll, events, EVENTS_AT_ONCE, -1);

                for (int i = 0; i < count; i++) {
                        if (events[i].data.fd == listener)
                                watch(epoll, accept4(listener, NULL, NULL, SOCK_CLOEXEC));
                        else
                                answer(events[i].data.fd);
                }
        }
}
