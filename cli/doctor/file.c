#include "cli/doctor/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Read `size` octets from `offset`; fewer when the file has become shorter. */
static int read_part(arena_t *arena, int fd, off_t offset, size_t size, char **text)
{
        size_t len = 0;

        *text = arena_alloc(arena, size + 1);
        if (*text == NULL)
                return -ENOMEM;
        while (len < size) {
                ssize_t got = pread(fd, *text + len, size - len, offset + (off_t)len);

                if (got < 0 && errno != EINTR)
                        return -errno;
                if (got == 0)
                        break;
                len += got > 0 ? (size_t)got : 0;
        }
        (*text)[len] = '\0';
        return 0;
}

static int open_regular(const char *path, int *fd, off_t *size)
{
        struct stat status;

        /* a FIFO in its place would make open(2) wait */
        *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (*fd < 0)
                return -errno;
        if (fstat(*fd, &status) == 0 && S_ISREG(status.st_mode)) {
                *size = status.st_size;
                return 0;
        }
        close(*fd);
        return -EINVAL;
}

int file_read(arena_t *arena, const char *path, size_t limit, char **text)
{
        off_t size = 0;
        int fd;
        int error = open_regular(path, &fd, &size);

        if (error != 0)
                return error;
        if ((size_t)size > limit)
                error = -EFBIG;
        else
                error = read_part(arena, fd, 0, (size_t)size, text);
        close(fd);
        return error;
}

int file_read_end(arena_t *arena, const char *path, size_t limit, char **text)
{
        off_t size = 0;
        int fd;
        int error = open_regular(path, &fd, &size);
        size_t part;
        char *newline;

        if (error != 0)
                return error;
        part = (size_t)size > limit ? limit : (size_t)size;
        error = read_part(arena, fd, size - (off_t)part, part, text);
        close(fd);
        if (error != 0 || part == (size_t)size)
                return error;
        newline = strchr(*text, '\n');
        *text = newline != NULL ? newline + 1 : *text + strlen(*text);
        return 0;
}
