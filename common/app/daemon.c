#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "common/app/daemon.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/app/account.h"
#include "common/app/preflight.h"

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
                "  -V       print the version (or --version)\n"
                "  -h       print this help (or --help)\n"
                "%s",
                program, commands != NULL ? " | COMMAND ..." : "",
                commands != NULL ? commands : "");
}

void daemon_print_version(const char *program)
{
        printf("%s %s\n", program, PACKAGE_VERSION);
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

/* The tool checks for both daemons. */
static int check(const char *path, enum config_program which)
{
        const enum config_program program = which == CONFIG_TOOL ? CONFIG_BOTH : which;
        const config_t *config = config_load(path, program, error_to_stderr, NULL);
        bool ok = config != NULL && config_check_files(config, error_to_stderr, NULL) &&
                  preflight(path, config, program, error_to_stderr, NULL);

        config_release(config);
        return ok ? EXIT_SUCCESS : EX_CONFIG_ERROR;
}

int daemon_options(int argc, char **argv, const char *program, enum config_program which,
                   daemon_options_t *options)
{
        static const struct option long_options[] = {
            {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
        bool test = false;
        int option;

        options->config_path = DEFAULT_CONFIG;
        while ((option = getopt_long(argc, argv, "+c:tVh", long_options, NULL)) != -1) {
                switch (option) {
                case 'c':
                        options->config_path = optarg;
                        options->config_given = true;
                        break;
                case 't':
                        test = true;
                        break;
                case 'V':
                        daemon_print_version(program);
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

int daemon_drop_privileges(const config_t *config)
{
        const char *allowed = getenv("TRUEFROM_ALLOW_ROOT");
        account_t account;
        int error;

        if (geteuid() != 0)
                return 0;
        if (config->user_id == NULL) {
                if (allowed != NULL && strcmp(allowed, "1") == 0)
                        return 0;
                log_fatal("started as root: set UserID, or start as an unprivileged user");
                return -EPERM;
        }
        error = account_find(config->user_id, &account);
        if (error == 0)
                error = account_become(&account);
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
