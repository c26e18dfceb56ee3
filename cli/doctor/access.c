#include "cli/doctor/access.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define GROUPS_MAX     1024
#define COMPONENTS_MAX 200 /* a child tells by its exit status which one it cannot pass */
#define EXIT_ALLOWED   0
#define EXIT_FAILED    255

static const char *user_name(arena_t *arena, uid_t uid)
{
        const struct passwd *passwd = getpwuid(uid);

        return passwd != NULL ? arena_strdup(arena, passwd->pw_name)
                              : arena_printf(arena, "%lu", (unsigned long)uid);
}

int credentials_of_user(arena_t *arena, const char *name, credentials_t *credentials)
{
        const struct passwd *passwd = getpwnam(name);
        int count = GROUPS_MAX;

        if (passwd == NULL)
                return -ENOENT;
        credentials->uid = passwd->pw_uid;
        credentials->gid = passwd->pw_gid;
        credentials->name = arena_strdup(arena, passwd->pw_name);
        credentials->groups = arena_calloc(arena, GROUPS_MAX, sizeof(gid_t));
        if (credentials->name == NULL || credentials->groups == NULL)
                return -ENOMEM;
        if (getgrouplist(name, credentials->gid, credentials->groups, &count) < 0)
                count = 0;
        credentials->group_count = (size_t)count;
        return 0;
}

/* What stands behind "name:" at the start of a line, or NULL. */
static const char *status_line(const char *status, const char *name)
{
        const size_t len = strlen(name);

        while (status != NULL && strncmp(status, name, len) != 0) {
                status = strchr(status, '\n');
                if (status != NULL)
                        status++;
        }
        return status != NULL ? status + len : NULL;
}

/* The next number of the line. */
static bool read_number(const char **at, unsigned *number)
{
        unsigned long value;
        char *end;

        *at += strspn(*at, " \t");
        if (**at < '0' || **at > '9')
                return false;
        errno = 0;
        value = strtoul(*at, &end, 10);
        if (errno != 0 || value > UINT_MAX)
                return false;
        *number = (unsigned)value;
        *at = end;
        return true;
}

/* Of "Uid: real effective saved file-system", the effective one. */
static bool read_effective(const char *at, unsigned *number)
{
        return at != NULL && read_number(&at, number) && read_number(&at, number);
}

int credentials_parse(arena_t *arena, const char *status, credentials_t *credentials)
{
        const char *groups = status_line(status, "Groups:");
        unsigned number;

        if (!read_effective(status_line(status, "Uid:"), &credentials->uid) ||
            !read_effective(status_line(status, "Gid:"), &credentials->gid) || groups == NULL)
                return -EPROTO;
        credentials->groups = arena_calloc(arena, GROUPS_MAX, sizeof(gid_t));
        if (credentials->groups == NULL)
                return -ENOMEM;
        credentials->group_count = 0;
        while (credentials->group_count < GROUPS_MAX && read_number(&groups, &number))
                credentials->groups[credentials->group_count++] = number;
        return 0;
}

int credentials_of_process(arena_t *arena, pid_t pid, credentials_t *credentials)
{
        char path[64], text[8192];
        ssize_t len;
        int fd, error;

        snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -ENOENT;
        len = read(fd, text, sizeof(text) - 1);
        close(fd);
        if (len <= 0)
                return -ENOENT;
        text[len] = '\0';
        error = credentials_parse(arena, text, credentials);
        if (error != 0)
                return error;
        credentials->name = user_name(arena, credentials->uid);
        return credentials->name != NULL ? 0 : -ENOMEM;
}

/* Length of the first `index` + 1 components of the path. */
static size_t prefix_length(const char *path, int index)
{
        size_t len = 0;

        for (int i = 0; i <= index; i++) {
                while (path[len] == '/')
                        len++;
                while (path[len] != '\0' && path[len] != '/')
                        len++;
        }
        return len;
}

/* In the child: walk down the path as the other user. @return the exit status */
static int try_path(const credentials_t *credentials, const char *path, int mode)
{
        const size_t whole = strlen(path);
        char prefix[PATH_MAX];

        if (setgroups(credentials->group_count, credentials->groups) != 0 ||
            setgid(credentials->gid) != 0 || setuid(credentials->uid) != 0)
                return EXIT_FAILED;
        for (int i = 0; i < COMPONENTS_MAX; i++) {
                size_t len = prefix_length(path, i);

                memcpy(prefix, path, len);
                prefix[len] = '\0';
                if (access(prefix, len < whole ? X_OK : mode) != 0)
                        return errno == EACCES ? i + 1 : EXIT_FAILED;
                if (len >= whole)
                        return EXIT_ALLOWED;
        }
        return EXIT_FAILED;
}

int access_as(arena_t *arena, const credentials_t *credentials, const char *path, int mode,
              const char **refused)
{
        int status;
        pid_t pid;

        if (geteuid() != 0)
                return -EPERM;
        if (*path != '/' || strlen(path) >= PATH_MAX)
                return -EINVAL;
        if (access(path, F_OK) != 0)
                return -errno;
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                _exit(try_path(credentials, path, mode));
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        if (!WIFEXITED(status) || WEXITSTATUS(status) == EXIT_FAILED)
                return -EIO;
        if (WEXITSTATUS(status) == EXIT_ALLOWED)
                return 0;
        *refused = arena_strndup(arena, path, prefix_length(path, WEXITSTATUS(status) - 1));
        return *refused != NULL ? -EACCES : -ENOMEM;
}
