#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "common/app/daemon.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>
#endif

#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif
#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unreleased"
#endif
#define DEFAULT_CONFIG SYSCONFDIR "/truefrom/truefrom.conf"

static void usage(FILE *out, const char *program, const char *commands)
{
        fprintf(out,
                "usage: %s [-c FILE] [-t | -V | -h%s]\n"
                "  -c FILE  configuration (default: " DEFAULT_CONFIG ")\n"
                "  -t       check the configuration and the files that it names\n"
                "  -V       print the version\n"
                "  -h       print this help\n"
                "%s",
                program, commands != NULL ? " | COMMAND ..." : "",
                commands != NULL ? commands : "");
}

static void error_to_stderr(void *context, const char *file, unsigned line, const char *message)
{
        (void)context;
        fprintf(stderr, "%s:%u: %s\n", file, line, message);
}

static void error_to_log(void *context, const char *file, unsigned line, const char *message)
{
        (void)context;
        log_error("%s:%u: %s", file, line, message);
}

static int check(const char *path, enum config_program which)
{
        const config_t *config = config_load(path, which, error_to_stderr, NULL);
        bool files_ok = config != NULL && config_check_files(config, error_to_stderr, NULL);

        config_release(config);
        return files_ok ? EXIT_SUCCESS : EX_CONFIG_ERROR;
}

int daemon_options(int argc, char **argv, const char *program, enum config_program which,
                   daemon_options_t *options)
{
        bool test = false;
        int option;

        options->config_path = DEFAULT_CONFIG;
        while ((option = getopt(argc, argv, "+c:tVh")) != -1) {
                switch (option) {
                case 'c':
                        options->config_path = optarg;
                        options->config_given = true;
                        break;
                case 't':
                        test = true;
                        break;
                case 'V':
                        printf("%s %s\n", program, PACKAGE_VERSION);
                        return EXIT_SUCCESS;
                case 'h':
                        usage(stdout, program, options->commands);
                        return EXIT_SUCCESS;
                default:
                        usage(stderr, program, options->commands);
                        return EX_USAGE_ERROR;
                }
        }
        options->arguments = optind;
        if (optind < argc && (test || options->commands == NULL)) {
                fprintf(stderr, "%s: unexpected argument: %s\n", program, argv[optind]);
                usage(stderr, program, options->commands);
                return EX_USAGE_ERROR;
        }
        return test ? check(options->config_path, which) : -1;
}

const config_t *daemon_load(const char *path, enum config_program which)
{
        return config_load(path, which, error_to_stderr, NULL);
}

const config_t *daemon_reload(const char *path, enum config_program which)
{
        return config_load(path, which, error_to_log, NULL);
}

static int look_up_user(const char *user_id, char *user, size_t size, uid_t *uid, gid_t *gid)
{
        const char *colon = strchr(user_id, ':');
        size_t len = colon != NULL ? (size_t)(colon - user_id) : strlen(user_id);
        const struct passwd *passwd;
        const struct group *group;

        if (len == 0 || len >= size)
                return -EINVAL;
        memcpy(user, user_id, len);
        user[len] = '\0';
        passwd = getpwnam(user);
        if (passwd == NULL)
                return -ENOENT;
        *uid = passwd->pw_uid;
        *gid = passwd->pw_gid;
        if (colon == NULL)
                return 0;
        group = getgrnam(colon + 1);
        if (group == NULL)
                return -ENOENT;
        *gid = group->gr_gid;
        return 0;
}

static int become(const char *user, uid_t uid, gid_t gid)
{
        if (initgroups(user, gid) != 0 || setgid(gid) != 0 || setuid(uid) != 0)
                return -errno;
        return uid != 0 && setuid(0) == 0 ? -EPERM : 0;
}

int daemon_drop_privileges(const config_t *config)
{
        const char *allowed = getenv("TRUEFROM_ALLOW_ROOT");
        char user[256];
        uid_t uid = 0;
        gid_t gid = 0;
        int error;

        if (geteuid() != 0)
                return 0;
        if (config->user_id == NULL) {
                if (allowed != NULL && strcmp(allowed, "1") == 0)
                        return 0;
                log_fatal("started as root: set UserID, or start as an unprivileged user");
                return -EPERM;
        }
        error = look_up_user(config->user_id, user, sizeof(user), &uid, &gid);
        if (error == 0)
                error = become(user, uid, gid);
        if (error != 0)
                log_fatal("UserID %s: %s", config->user_id,
                          error == -ENOENT ? "no such user or group; add it or change UserID"
                                           : strerror(-error));
        return error;
}

void daemon_notify(const char *state)
{
#ifdef HAVE_LIBSYSTEMD
        sd_notify(0, state);
#else
        (void)state;
#endif
}
