/*
 * command.h - the sub-commands of the operator's tool
 *
 * One folder a sub-command (cli/NAME/), what several need beside it, and a row in the table of
 * main.c. Each has a manual page of its own, truefrom-NAME(1).
 */
#ifndef TRUEFROM_CLI_COMMAND_H
#define TRUEFROM_CLI_COMMAND_H

#include <stdbool.h>

#define EX_NO_INPUT  66 /**< sysexits.h EX_NOINPUT: a file cannot be read */
#define EX_OS_ERROR  71 /**< sysexits.h EX_OSERR: out of memory and the like */
#define EX_TEMP_FAIL 75 /**< sysexits.h EX_TEMPFAIL: the DNS did not answer */

/** What concerns all sub-commands. */
typedef struct command_options {
        const char *config_path; /**< -c FILE or its default; never NULL */
        bool config_given;       /**< by -c, so that it must be there */
} command_options_t;

/**
 * Run a sub-command.
 * @param argc, argv its own: argv[0] is its name; getopt may be used, it has been reset
 * @return the exit status; 64 for wrong usage, after a message on stderr
 */
typedef int command_fn(const command_options_t *options, int argc, char **argv);

command_fn check_command, doctor_command, migrate_command, replay_command, stats_command;

#endif
