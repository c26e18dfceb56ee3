#include "common/state/environment.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/state/guard.h"

#define READERS_MAX 1024 /* a look-up takes a slot; the milter has a thread a connection */
#define PATH_SIZE   4096

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
        return 0;
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

void environment_close(environment_t *environment)
{
        if (environment->env != NULL)
                mdb_env_close(environment->env);
        environment->env = NULL;
}

void environment_remove(const char *directory)
{
        char path[PATH_SIZE];

        if (file_path(directory, "data.mdb", path))
                unlink(path);
        if (file_path(directory, "lock.mdb", path))
                unlink(path);
}

bool environment_replaced(const environment_t *environment, const char *directory)
{
        char path[PATH_SIZE];
        struct stat status;

        return !file_path(directory, "data.mdb", path) || stat(path, &status) != 0 ||
               status.st_dev != environment->device || status.st_ino != environment->inode;
}

bool environment_cut(environment_t *environment)
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
        return false;
}

bool environment_damaged(int error)
{
        switch (error) {
        case MDB_CORRUPTED:
        case MDB_PAGE_NOTFOUND:
        case MDB_PANIC:
        case MDB_VERSION_MISMATCH:
        case MDB_INVALID:
        case MDB_INCOMPATIBLE:
        case MDB_BAD_DBI:
        case MDB_BAD_TXN:
        case MDB_CURSOR_FULL:
                return true;
        default:
                return false;
        }
}
