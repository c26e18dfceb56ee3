#include "common/state/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/state/guard.h"

#define READERS_MAX     1024 /* a look-up takes a slot; the milter has a thread a connection */
#define PATH_SIZE       4096
#define LOCK_OCTETS     ((READERS_MAX + 2) * 64) /* LMDB takes 64 a reader, and some for itself */
#define LOCK_OCTETS_MIN 4096                     /* LMDB's own smallest is twice that */

static bool file_path(const char *directory, const char *name, char path[PATH_SIZE])
{
        int len = snprintf(path, PATH_SIZE, "%s/%s", directory, name);

        return len > 0 && len < PATH_SIZE;
}

/*
 * LMDB gives both files one mode. The reader, another user of the same group, must be able to lock,
 * but must not be able to write entries.
 */
static int set_modes(const char *directory)
{
        char path[PATH_SIZE];

        if (!file_path(directory, "data.mdb", path) || chmod(path, 0640) != 0)
                return errno;
        if (!file_path(directory, "lock.mdb", path) || chmod(path, 0660) != 0)
                return errno;
        return 0;
}

/*
 * The lock file is a map too, in which LMDB looks before it knows whether there is anything. One
 * that was cut, or is none, is as bad as a damaged data file. LMDB makes a missing one itself.
 */
static bool lock_file_usable(const char *directory)
{
        char path[PATH_SIZE];
        struct stat status;

        if (!file_path(directory, "lock.mdb", path))
                return false;
        if (lstat(path, &status) != 0)
                return errno == ENOENT;
        return S_ISREG(status.st_mode) && status.st_size >= LOCK_OCTETS_MIN;
}

/*
 * LMDB makes the lock file with a hole in it: on a full tmpfs to look into that would be a SIGBUS.
 * So its room is taken beforehand. Not while an environment is open: to close any descriptor of
 * that file gives back the process's locks on it.
 */
static int reserve_lock_file(const char *directory)
{
        char path[PATH_SIZE];
        int fd, error;

        if (!file_path(directory, "lock.mdb", path))
                return ENAMETOOLONG;
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
        if (fd < 0)
                return errno;
        error = posix_fallocate(fd, 0, LOCK_OCTETS);
        close(fd);
        return error;
}

static int map_lock_head(environment_t *environment, const char *directory)
{
        char path[PATH_SIZE];

        if (!file_path(directory, "lock.mdb", path))
                return ENAMETOOLONG;
        return heads_map_lock(&environment->heads, path);
}

static int note_lock_file(environment_t *environment, const char *directory)
{
        char path[PATH_SIZE];
        struct stat status;

        if (!file_path(directory, "lock.mdb", path))
                return ENAMETOOLONG;
        if (stat(path, &status) != 0)
                return errno;
        environment->lock_inode = status.st_ino;
        return status.st_ino == environment->heads.lock_inode ? 0 : MDB_CORRUPTED;
}

/* A file that is shorter than its own account of itself would end in SIGBUS when it is read. */
static int check_size(environment_t *environment, const char *directory)
{
        char path[PATH_SIZE];
        struct stat status;
        MDB_envinfo info;
        MDB_stat map;
        int error = mdb_env_info(environment->env, &info);

        if (error == 0)
                error = mdb_env_stat(environment->env, &map);
        if (error != 0)
                return error;
        if (!file_path(directory, "data.mdb", path))
                return ENAMETOOLONG;
        if (stat(path, &status) != 0)
                return errno;
        if ((uint64_t)status.st_size < ((uint64_t)info.me_last_pgno + 1) * map.ms_psize)
                return MDB_CORRUPTED;
        environment->device = status.st_dev;
        environment->inode = status.st_ino;
        environment->octets = status.st_size;
        error = note_lock_file(environment, directory);
        return error == 0 ? heads_note(&environment->heads, path, map.ms_psize) : error;
}

static int open_databases(environment_t *environment, unsigned txn_flags, unsigned dbi_flags)
{
        MDB_txn *txn;
        int error = mdb_txn_begin(environment->env, NULL, txn_flags, &txn);

        if (error != 0)
                return error;
        dbi_flags |= MDB_INTEGERKEY;
        error = mdb_dbi_open(txn, "results", dbi_flags, &environment->entries);
        if (error == 0)
                error = mdb_dbi_open(txn, "index", dbi_flags, &environment->index);
        if (error != 0) {
                mdb_txn_abort(txn);
                return error;
        }
        return mdb_txn_commit(txn);
}

/* What LMDB takes for impossible is a damaged file. */
static void on_assertion(MDB_env *env, const char *message)
{
        (void)env;
        (void)message;
        guard_leave();
}

static int create(environment_t *environment)
{
        int error = mdb_env_create(&environment->env);

        if (error == 0)
                error = mdb_env_set_assert(environment->env, on_assertion);
        if (error == 0)
                error = mdb_env_set_maxdbs(environment->env, 2);
        if (error == 0)
                error = mdb_env_set_maxreaders(environment->env, READERS_MAX);
        return error;
}

int environment_open_writer(environment_t *environment, const char *directory, size_t size)
{
        int error;

        memset(environment, 0, sizeof(*environment));
        if (mkdir(directory, 0750) != 0 && errno != EEXIST)
                return errno;
        error = lock_file_usable(directory) ? reserve_lock_file(directory) : MDB_CORRUPTED;
        if (error == 0)
                error = map_lock_head(environment, directory);
        if (error == 0)
                error = create(environment);
        if (error == 0)
                error = mdb_env_set_mapsize(environment->env, size);
        /* without WRITEMAP a full tmpfs is an error of write(2), and no stray store can reach the
         * map */
        if (error == 0)
                error = mdb_env_open(environment->env, directory, MDB_NOSYNC | MDB_NOTLS, 0660);
        if (error == 0)
                error = set_modes(directory);
        if (error == 0)
                error = check_size(environment, directory);
        if (error == 0)
                error = open_databases(environment, 0, MDB_CREATE);
        if (error != 0)
                environment_close(environment);
        return error;
}

int environment_open_reader(environment_t *environment, const char *directory)
{
        int error;

        memset(environment, 0, sizeof(*environment));
        error = lock_file_usable(directory) ? map_lock_head(environment, directory) : MDB_CORRUPTED;
        if (error == 0)
                error = create(environment);
        if (error == 0)
                error = mdb_env_open(environment->env, directory, MDB_RDONLY | MDB_NOTLS, 0660);
        if (error == 0)
                error = check_size(environment, directory);
        if (error == 0)
                error = open_databases(environment, MDB_RDONLY, 0);
        if (error != 0)
                environment_close(environment);
        return error == MDB_NOTFOUND ? ENOENT : error;
}

static void close_guarded(void *env)
{
        mdb_env_close(env);
}

void environment_close(environment_t *environment)
{
        if (environment->env != NULL)
                guard_run(close_guarded, environment->env);
        environment_abandon(environment);
}

void environment_abandon(environment_t *environment)
{
        heads_release(&environment->heads);
        environment->env = NULL;
}

static void abort_guarded(void *txn)
{
        mdb_txn_abort(txn);
}

bool environment_abort(MDB_txn *txn)
{
        return guard_run(abort_guarded, txn);
}

static void reset_guarded(void *txn)
{
        mdb_txn_reset(txn);
}

bool environment_reset(MDB_txn *txn)
{
        return guard_run(reset_guarded, txn);
}

size_t environment_file_size(const environment_t *environment)
{
        struct stat status;
        mdb_filehandle_t fd;

        if (mdb_env_get_fd(environment->env, &fd) != 0 || fstat(fd, &status) != 0)
                return 0;
        return (size_t)status.st_size;
}

static void remove_file(const char *directory, const char *name)
{
        char path[PATH_SIZE], aside[PATH_SIZE + 64];
        struct timespec now;

        if (!file_path(directory, name, path) || unlink(path) == 0 || errno == ENOENT)
                return;
        clock_gettime(CLOCK_REALTIME, &now);
        snprintf(aside, sizeof(aside), "%s.aside.%lld.%09ld", path, (long long)now.tv_sec,
                 now.tv_nsec);
        (void)rename(path, aside); /* what cannot be done is an error when it is opened */
}

void environment_remove(const char *directory)
{
        remove_file(directory, "data.mdb");
        remove_file(directory, "lock.mdb");
}

bool environment_replaced(const environment_t *environment, const char *directory)
{
        char path[PATH_SIZE];
        struct stat status;

        if (!file_path(directory, "data.mdb", path) || stat(path, &status) != 0 ||
            status.st_dev != environment->device || status.st_ino != environment->inode)
                return true;
        return !file_path(directory, "lock.mdb", path) || stat(path, &status) != 0 ||
               status.st_ino != environment->lock_inode || status.st_size < LOCK_OCTETS_MIN;
}

bool environment_spoiled(environment_t *environment)
{
        struct stat status;
        mdb_filehandle_t fd;
        int64_t seen = environment->octets;

        if (mdb_env_get_fd(environment->env, &fd) != 0 || fstat(fd, &status) != 0)
                return false;
        if (status.st_size < seen)
                return true;
        if (status.st_size > seen)
                environment->octets = status.st_size;
        return !heads_intact(&environment->heads);
}

/* LMDB's own errors are negative. Those of the system: what a mutex in garbage gives, and what is
 * no file. Files of another user are none: the operator is to be told. */
bool environment_damaged(int error)
{
        switch (error) {
        case MDB_KEYEXIST:
        case MDB_NOTFOUND:
        case MDB_MAP_FULL:
        case MDB_DBS_FULL:
        case MDB_READERS_FULL:
        case MDB_TLS_FULL:
        case MDB_TXN_FULL:
        case MDB_MAP_RESIZED:
                return false;
        case EINVAL:
        case ENOTRECOVERABLE:
        case EISDIR:
                return true;
        default:
                return error < 0;
        }
}
