#include "common/policy/ignore.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_OCTETS_MAX ((size_t)64 << 20)

static const char default_list[] = "127.0.0.0/8\n::1\n";

struct ignore_file {
        char *path; /* NULL = the default list */
        ignore_error_fn *error;
        void *context;
        pthread_rwlock_t lock; /* guards list */
        ignore_list_t *list;
        pthread_mutex_t loading; /* one thread at a time looks at the file; guards the rest */
        struct stat seen;
        bool unreadable;
        _Atomic int64_t checked; /* monotonic seconds */
};

static int64_t monotonic_seconds(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec;
}

static int read_all(int fd, size_t size, char **text, size_t *len)
{
        char *buffer = malloc(size + 1);

        if (buffer == NULL)
                return -ENOMEM;
        for (*len = 0; *len < size;) {
                ssize_t got = read(fd, buffer + *len, size - *len);

                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0) {
                        int error = -errno;

                        free(buffer);
                        return error;
                }
                if (got == 0)
                        break;
                *len += (size_t)got;
        }
        *text = buffer;
        return 0;
}

static int read_file(const char *path, struct stat *seen, char **text, size_t *len)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        int error = 0;

        if (fd < 0)
                return -errno;
        if (fstat(fd, seen) != 0)
                error = -errno;
        else if (S_ISDIR(seen->st_mode))
                error = -EISDIR;
        else if (!S_ISREG(seen->st_mode))
                error = -EINVAL;
        else if ((size_t)seen->st_size > FILE_OCTETS_MAX)
                error = -EFBIG;
        else
                error = read_all(fd, (size_t)seen->st_size, text, len);
        close(fd);
        return error;
}

static int load(ignore_file_t *file)
{
        ignore_list_t *list, *old;
        struct stat seen;
        char *text = NULL;
        size_t len = 0;
        int error = read_file(file->path, &seen, &text, &len);

        if (error != 0)
                return error;
        list = ignore_list_parse(text, len, file->error, file->context);
        free(text);
        if (list == NULL)
                return -ENOMEM;
        pthread_rwlock_wrlock(&file->lock);
        old = file->list;
        file->list = list;
        pthread_rwlock_unlock(&file->lock);
        ignore_list_free(old);
        file->seen = seen;
        return 0;
}

int ignore_file_open(const char *path, ignore_error_fn *error, void *context, ignore_file_t **out)
{
        ignore_file_t *file = calloc(1, sizeof(*file));
        int result = 0;

        if (file == NULL)
                return -ENOMEM;
        pthread_rwlock_init(&file->lock, NULL);
        pthread_mutex_init(&file->loading, NULL);
        file->error = error;
        file->context = context;
        file->checked = monotonic_seconds();
        if (path != NULL) {
                file->path = strdup(path);
                result = file->path != NULL ? load(file) : -ENOMEM;
        } else {
                file->list = ignore_list_parse(default_list, strlen(default_list), NULL, NULL);
                result = file->list != NULL ? 0 : -ENOMEM;
        }
        if (result != 0) {
                ignore_file_free(file);
                return result;
        }
        *out = file;
        return 0;
}

void ignore_file_free(ignore_file_t *file)
{
        if (file == NULL)
                return;
        ignore_list_free(file->list);
        pthread_mutex_destroy(&file->loading);
        pthread_rwlock_destroy(&file->lock);
        free(file->path);
        free(file);
}

static bool same(const struct stat *a, const struct stat *b)
{
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
               a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
               a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void look(ignore_file_t *file)
{
        struct stat now;
        int error = stat(file->path, &now) == 0 ? 0 : -errno;

        if (error == 0 && !file->unreadable && same(&now, &file->seen))
                return;
        if (error == 0)
                error = load(file);
        if (error != 0 && !file->unreadable && file->error != NULL)
                file->error(file->context, 0, strerror(-error));
        file->unreadable = error != 0;
}

static void follow(ignore_file_t *file)
{
        int64_t now = monotonic_seconds(), checked = file->checked;

        if (file->path == NULL || now == checked ||
            !atomic_compare_exchange_strong(&file->checked, &checked, now))
                return;
        if (pthread_mutex_trylock(&file->loading) != 0)
                return;
        look(file);
        pthread_mutex_unlock(&file->loading);
}

void ignore_file_reload(ignore_file_t *file)
{
        if (file->path == NULL)
                return;
        pthread_mutex_lock(&file->loading);
        look(file);
        pthread_mutex_unlock(&file->loading);
}

bool ignore_file_match(ignore_file_t *file, const address_t *client, const char *verified_name)
{
        bool ignored;

        follow(file);
        pthread_rwlock_rdlock(&file->lock);
        ignored = ignore_list_match(file->list, client, verified_name);
        pthread_rwlock_unlock(&file->lock);
        return ignored;
}
