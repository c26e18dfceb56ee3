#include "cli/stats/fetch.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/app/endpoint.h"

#define PAGE_MAX        ((size_t)1 << 20)
#define WAIT_MS         5000 /* for one answer of the network */
#define SECONDS_AT_MOST 10   /* for all */

static const char request[] = "GET /metrics HTTP/1.0\r\nConnection: close\r\n\r\n";

static int64_t clock_seconds(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec;
}

static int receive(int fd, char *text, size_t size, size_t *len)
{
        const int64_t until = clock_seconds() + SECONDS_AT_MOST;

        *len = 0;
        while (*len < size) {
                struct pollfd readable = {.fd = fd, .events = POLLIN};
                ssize_t got;

                if (poll(&readable, 1, WAIT_MS) == 0)
                        return -ETIMEDOUT;
                got = recv(fd, text + *len, size - *len, 0);
                if (got == 0)
                        return 0;
                if (got < 0 && errno != EINTR && errno != EAGAIN)
                        return -errno;
                if (clock_seconds() > until)
                        return -ETIMEDOUT;
                *len += got > 0 ? (size_t)got : 0;
        }
        return -E2BIG;
}

/* RFC 9112: the status line, fields, an empty line, the body. */
static int find_body(const char *text, size_t len, const char **body, size_t *body_len)
{
        static const char version[] = "HTTP/1.", ok[] = " 200 ";
        const size_t version_len = sizeof(version) - 1, ok_len = sizeof(ok) - 1;
        const char *empty = memmem(text, len, "\r\n\r\n", 4);

        if (empty == NULL || len < version_len + 1 + ok_len ||
            memcmp(text, version, version_len) != 0 ||
            memcmp(text + version_len + 1, ok, ok_len) != 0)
                return -EPROTO;
        *body = empty + 4;
        *body_len = len - (size_t)(*body - text);
        return 0;
}

int stats_fetch(arena_t *arena, const char *endpoint, const char **page, size_t *len)
{
        char *text = arena_alloc(arena, PAGE_MAX);
        size_t text_len = 0;
        int fd, error = 0;

        if (text == NULL)
                return -ENOMEM;
        fd = endpoint_connect(endpoint, WAIT_MS);
        if (fd < 0)
                return fd;
        if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(request) - 1)
                error = -errno;
        if (error == 0)
                error = receive(fd, text, PAGE_MAX, &text_len);
        close(fd);
        return error == 0 ? find_body(text, text_len, page, len) : error;
}
