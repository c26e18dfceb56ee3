#include "cli/doctor/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/dns/resolver.h"

#define ERR_LIMIT ((size_t)8 << 10)

/* One of the child's two streams. */
struct stream {
        int fd; /* -1 = at its end */
        char *data;
        size_t len, room, limit;
        bool strict; /* more than the limit is an error, not cut */
};

static const char *find_program(arena_t *arena, const char *name)
{
        static const char *const folders[] = {"/usr/sbin", "/usr/local/sbin", "/sbin"};

        for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
                const char *path = arena_printf(arena, "%s/%s", folders[i], name);

                if (path != NULL && access(path, X_OK) == 0)
                        return path;
        }
        return name;
}

static int spawn(const char *path, const char *const argv[], int out, int err, pid_t *pid)
{
        posix_spawn_file_actions_t actions;
        int error = posix_spawn_file_actions_init(&actions);

        if (error != 0)
                return -error;
        error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (error == 0)
                error = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
        if (error == 0)
                error = posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
        if (error == 0)
                error = posix_spawnp(pid, path, &actions, NULL, (char *const *)(uintptr_t)argv,
                                     environ);
        posix_spawn_file_actions_destroy(&actions);
        return -error;
}

/* Read what is there. @return 0 or a negative errno */
static int take(arena_t *arena, struct stream *stream)
{
        char piece[4096];
        ssize_t got = read(stream->fd, piece, sizeof(piece));
        size_t wanted;

        if (got < 0)
                return errno == EINTR || errno == EAGAIN ? 0 : -errno;
        if (got == 0) {
                close(stream->fd);
                stream->fd = -1;
                return 0;
        }
        wanted = (size_t)got;
        if (wanted > stream->limit - stream->len) {
                if (stream->strict)
                        return -E2BIG;
                wanted = stream->limit - stream->len;
        }
        for (size_t i = 0; i < wanted; i++) {
                char *data = arena_grow(arena, stream->data, stream->len, &stream->room, 1);

                if (data == NULL)
                        return -ENOMEM;
                stream->data = data;
                data[stream->len++] = piece[i];
        }
        return 0;
}

static int collect(arena_t *arena, struct stream streams[2], int64_t deadline_ms)
{
        while (streams[0].fd >= 0 || streams[1].fd >= 0) {
                struct pollfd fds[2] = {{.fd = streams[0].fd, .events = POLLIN},
                                        {.fd = streams[1].fd, .events = POLLIN}};
                int64_t left = deadline_ms - dns_clock_ms();
                int ready = left > 0 ? poll(fds, 2, (int)left) : 0;

                if (ready < 0 && errno != EINTR)
                        return -errno;
                if (ready == 0)
                        return -ETIMEDOUT;
                for (int i = 0; ready > 0 && i < 2; i++) {
                        int error = fds[i].revents != 0 ? take(arena, &streams[i]) : 0;

                        if (error != 0)
                                return error;
                }
        }
        return 0;
}

static int finish(pid_t pid, int error, run_output_t *output)
{
        int status;

        if (error != 0)
                kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        output->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return error;
}

static char *terminated(arena_t *arena, const struct stream *stream)
{
        return stream->len > 0 ? arena_strndup(arena, stream->data, stream->len)
                               : arena_strdup(arena, "");
}

int run_program(arena_t *arena, const char *const argv[], size_t limit, int timeout_ms,
                run_output_t *output)
{
        const int64_t deadline_ms = dns_clock_ms() + timeout_ms;
        struct stream streams[2] = {{.fd = -1, .limit = limit, .strict = true},
                                    {.fd = -1, .limit = ERR_LIMIT}};
        int out[2], err[2];
        pid_t pid = 0;
        int error;

        memset(output, 0, sizeof(*output));
        if (pipe2(out, O_CLOEXEC) != 0)
                return -errno;
        if (pipe2(err, O_CLOEXEC) != 0) {
                error = -errno;
                close(out[0]);
                close(out[1]);
                return error;
        }
        streams[0].fd = out[0];
        streams[1].fd = err[0];
        error = spawn(find_program(arena, argv[0]), argv, out[1], err[1], &pid);
        close(out[1]);
        close(err[1]);
        if (error == 0)
                error = finish(pid, collect(arena, streams, deadline_ms), output);
        for (int i = 0; i < 2; i++)
                if (streams[i].fd >= 0)
                        close(streams[i].fd);
        if (error != 0)
                return error;
        output->out = terminated(arena, &streams[0]);
        output->err = terminated(arena, &streams[1]);
        output->out_len = streams[0].len;
        return output->out != NULL && output->err != NULL ? 0 : -ENOMEM;
}
