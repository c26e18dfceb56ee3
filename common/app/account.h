/*
 * account.h - the user and the groups that a daemon runs as
 */
#ifndef TRUEFROM_APP_ACCOUNT_H
#define TRUEFROM_APP_ACCOUNT_H

#include <stddef.h>
#include <sys/types.h>

#define ACCOUNT_NAME_SIZE  256
#define ACCOUNT_GROUPS_MAX 64

typedef struct account {
        char user[ACCOUNT_NAME_SIZE];
        uid_t uid;
        gid_t gid;
        gid_t groups[ACCOUNT_GROUPS_MAX]; /**< supplementary ones */
        size_t group_count;
} account_t;

/** Look up "user" or "user:group" (UserID), with the user's supplementary groups.
 * @return 0, -EINVAL, or -ENOENT when there is no such user or group */
int account_find(const char *user_id, account_t *account);

/** As account_find, for the user that a unit of etc/systemd names (User=, Group=,
 * SupplementaryGroups=). */
int account_of_unit(const char *user, account_t *account);

/** Become it, for good. @return 0 or a negative errno */
int account_become(const account_t *account);

#endif
