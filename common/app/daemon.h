/*
 * daemon.h - what both daemons do to start: options, privileges, the service manager
 */
#ifndef TRUEFROM_APP_DAEMON_H
#define TRUEFROM_APP_DAEMON_H

#include "common/app/config.h"

#define EX_CONFIG_ERROR 78 /**< sysexits.h EX_CONFIG */
#define EX_USAGE_ERROR  64

typedef struct daemon_options {
        const char *config_path;
        bool config_given;    /**< by -c, so that it must be there */
        const char *commands; /**< set by the caller: help text for its sub-commands, which may
                                   follow the options; NULL = it has none */
        int arguments;        /**< index in argv of what follows the options */
} daemon_options_t;

/**
 * Read -c FILE, -t, -V or --version, -h or --help. With -t checks the configuration and what it
 * names (preflight.h), prints errors as "FILE:LINE: message" on stderr; -V prints the version, -h
 * the usage on stdout.
 * @return -1 to go on, else the exit status to end with at once
 */
int daemon_options(int argc, char **argv, const char *program, enum config_program which,
                   daemon_options_t *options);

/** As -V does. */
void daemon_print_version(const char *program);

/** Load the configuration; errors go to stderr as "FILE:LINE: message". NULL after an error. */
const config_t *daemon_load(const char *path, enum config_program which);

/** As daemon_load, for a reload: errors go to the log, and the old configuration is to stay. */
const config_t *daemon_reload(const char *path, enum config_program which);

/**
 * Become UserID when started as root ("user" or "user:group"; supplementary groups of the user are
 * set). Started as root without UserID is an error unless the environment has
 * TRUEFROM_ALLOW_ROOT=1 (test systems). Not root: UserID is ignored.
 * @return 0, or a negative errno after logging why
 */
int daemon_drop_privileges(const config_t *config);

/** Tell the service manager: "READY=1", "STOPPING=1", "RELOADING=1". No-op without one. */
void daemon_notify(const char *state);

#endif
