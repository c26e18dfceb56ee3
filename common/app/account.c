#include "common/app/account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#define UNIT_GROUP       "truefrom"
#define UNIT_EXTRA_GROUP "postfix"

static int find_user(const char *name, size_t len, account_t *account)
{
        const struct passwd *passwd;

        if (len == 0 || len >= sizeof(account->user))
                return -EINVAL;
        memcpy(account->user, name, len);
        account->user[len] = '\0';
        passwd = getpwnam(account->user);
        if (passwd == NULL)
                return -ENOENT;
        account->uid = passwd->pw_uid;
        account->gid = passwd->pw_gid;
        return 0;
}

static int find_group(const char *name, gid_t *gid)
{
        const struct group *group = getgrnam(name);

        if (group == NULL)
                return -ENOENT;
        *gid = group->gr_gid;
        return 0;
}

/* One place stays free, for account_of_unit. Further groups than these are left out. */
static void find_groups(account_t *account)
{
        int count = ACCOUNT_GROUPS_MAX - 1;

        if (getgrouplist(account->user, account->gid, account->groups, &count) < 0)
                count = ACCOUNT_GROUPS_MAX - 1;
        account->group_count = (size_t)count;
}

int account_find(const char *user_id, account_t *account)
{
        const char *colon = strchr(user_id, ':');
        size_t len = colon != NULL ? (size_t)(colon - user_id) : strlen(user_id);
        int error = find_user(user_id, len, account);

        if (error == 0 && colon != NULL)
                error = find_group(colon + 1, &account->gid);
        if (error == 0)
                find_groups(account);
        return error;
}

int account_of_unit(const char *user, account_t *account)
{
        int error = find_user(user, strlen(user), account);

        if (error == 0)
                error = find_group(UNIT_GROUP, &account->gid);
        if (error != 0)
                return error;
        find_groups(account);
        if (find_group(UNIT_EXTRA_GROUP, &account->groups[account->group_count]) == 0)
                account->group_count++;
        return 0;
}

int account_become(const account_t *account)
{
        if (setgroups(account->group_count, account->groups) != 0 || setgid(account->gid) != 0 ||
            setuid(account->uid) != 0)
                return -errno;
        return account->uid != 0 && setuid(0) == 0 ? -EPERM : 0;
}
