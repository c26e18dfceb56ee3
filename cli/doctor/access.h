/*
 * access.h - may another user reach a file? Asked as that user, in a child process
 *
 * So that the answer is the kernel's (groups, ACLs), not our own reading of mode bits. Only root
 * can ask. Call it while the process has one thread.
 */
#ifndef TRUEFROM_CLI_DOCTOR_ACCESS_H
#define TRUEFROM_CLI_DOCTOR_ACCESS_H

#include <stddef.h>
#include <sys/types.h>

#include "common/base/arena.h"

/** Whose rights. */
typedef struct credentials {
        const char *name; /**< the user's name, or its number */
        uid_t uid;
        gid_t gid;
        gid_t *groups; /**< supplementary ones */
        size_t group_count;
} credentials_t;

/** Those that a user has after a login. @return 0, -ENOENT (no such user), -ENOMEM */
int credentials_of_user(arena_t *arena, const char *name, credentials_t *credentials);

/** Those that a process has now. @return 0, -ENOENT (no such process), -ENOMEM */
int credentials_of_process(arena_t *arena, pid_t pid, credentials_t *credentials);

/** The text of /proc/PID/status, read. Pure. @return 0, -EPROTO, -ENOMEM */
int credentials_parse(arena_t *arena, const char *status, credentials_t *credentials);

/**
 * May this user do `mode` (R_OK, W_OK, X_OK as of access(2)) with the file?
 * @param path absolute; `*refused` becomes the part of it that is out of reach, in the arena
 * @return 0; -EACCES with *refused; -ENOENT when it is not there; -EPERM when we are not root;
 * another negative errno when it could not be asked
 */
int access_as(arena_t *arena, const credentials_t *credentials, const char *path, int mode,
              const char **refused);

#endif
