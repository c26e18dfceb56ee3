#include "common/state/heads.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/state/guard.h"

static int map_beginning(const char *path, size_t size, const uint8_t **map, ino_t *inode)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat status;
        void *mapped;
        int error;

        if (fd < 0)
                return errno;
        error = fstat(fd, &status) == 0 ? 0 : errno;
        mapped = error == 0 ? mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
        if (error == 0 && mapped == MAP_FAILED)
                error = errno;
        close(fd);
        if (error != 0)
                return error;
        *map = mapped;
        *inode = status.st_ino;
        return 0;
}

int heads_map_lock(heads_t *heads, const char *path)
{
        return map_beginning(path, HEADS_LOCK_OCTETS, &heads->lock, &heads->lock_inode);
}

int heads_note(heads_t *heads, const char *path, size_t page_size)
{
        ino_t inode;
        int error = map_beginning(path, 2 * page_size, &heads->data, &inode);

        if (error != 0)
                return error;
        heads->page_size = page_size;
        memcpy(heads->lock_seen, heads->lock, HEADS_LOCK_OCTETS);
        for (size_t i = 0; i < 2; i++)
                memcpy(heads->data_seen[i], heads->data + i * page_size, HEADS_META_OCTETS);
        return 0;
}

/* Its members outlive a jump out of it. */
struct comparison {
        const heads_t *heads;
        bool same;
};

static void compare(void *context)
{
        struct comparison *comparison = context;
        const heads_t *heads = comparison->heads;
        bool same = memcmp(heads->lock, heads->lock_seen, HEADS_LOCK_OCTETS) == 0;

        for (size_t i = 0; i < 2; i++)
                same = same && memcmp(heads->data + i * heads->page_size, heads->data_seen[i],
                                      HEADS_META_OCTETS) == 0;
        comparison->same = same;
}

bool heads_intact(const heads_t *heads)
{
        struct comparison comparison = {.heads = heads};

        return guard_run(compare, &comparison) && comparison.same;
}

void heads_release(heads_t *heads)
{
        if (heads->lock != NULL)
                munmap((void *)(uintptr_t)heads->lock, HEADS_LOCK_OCTETS);
        if (heads->data != NULL)
                munmap((void *)(uintptr_t)heads->data, 2 * heads->page_size);
        heads->lock = heads->data = NULL;
}
