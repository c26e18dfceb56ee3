/*
 * command.h - the sub-commands of the operator's tool
 *
 * One file a sub-command (cli/NAME.c, with its parts as cli/NAME_*.c), and a row in the table of
 * main.c. Each has a manual page of its own, truefrom-NAME(1).
 */
#ifndef TRUEFROM_CLI_COMMAND_H
#define TRUEFROM_CLI_COMMAND_H

#define EX_NO_INPUT 66 /**< sysexits.h EX_NOINPUT: a file cannot be read */

/** What stands before the sub-command. */
typedef struct command_options {
        const char *config_path; /**< -c FILE or its default; never NULL */
} command_options_t;

/**
 * Run a sub-command.
 * @param argc, argv its own: argv[0] is its name; getopt may be used, it has been reset
 * @return the exit status; 64 for wrong usage, after a message on stderr
 */
typedef int command_fn(const command_options_t *options, int argc, char **argv);

/** truefrom stats [--json] [ENDPOINT...] */
command_fn stats_command;

#endif
