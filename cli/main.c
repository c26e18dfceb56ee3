/*
 * truefrom: the operator's tool
 */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "common/app/daemon.h"

static const struct command {
        const char *name;
        command_fn *run;
        const char *summary;
} commands[] = {
    {"check", check_command, "evaluate a message now, and show each DNS question and decision"},
    {"replay", replay_command, "what would enforcement have done to these mailboxes?"},
    {"migrate", migrate_command, "translate an opendmarc.conf"},
    {"doctor", doctor_command, "look at this host's set-up, and say what to change"},
    {"stats", stats_command, "what both daemons have counted"},
    {NULL, NULL, NULL},
};

static const struct command *find_command(const char *name)
{
        for (const struct command *command = commands; command->name != NULL; command++)
                if (strcmp(command->name, name) == 0)
                        return command;
        return NULL;
}

static int list_commands(char *text, size_t size)
{
        int len = snprintf(text, size, "commands (each has a manual page, truefrom-COMMAND):\n");

        for (const struct command *command = commands; command->name != NULL; command++)
                len += snprintf(text + len, size - (size_t)len, "  %-8s %s\n", command->name,
                                command->summary);
        return len;
}

static int usage_error(const char *what, const char *name)
{
        fprintf(stderr, "truefrom: %s%s; see truefrom -h\n", what, name);
        return EX_USAGE_ERROR;
}

/* "-c FILE" may stand behind the command as well: take it out. @return the arguments that are left
 */
static int take_config(int argc, char **argv, command_options_t *given)
{
        int kept = 0, i = 0;

        for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
                if (strcmp(argv[i], "-c") == 0 && i + 1 < argc) {
                        given->config_path = argv[++i];
                        given->config_given = true;
                } else {
                        argv[kept++] = argv[i];
                }
        }
        while (i < argc)
                argv[kept++] = argv[i++];
        argv[kept] = NULL;
        return kept;
}

/* "truefrom COMMAND --version": the commands have no versions of their own. */
static bool asks_version(int argc, char **argv)
{
        return argc == 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0);
}

int main(int argc, char **argv)
{
        char help[1024];
        daemon_options_t options = {.commands = help};
        command_options_t given;
        const struct command *command;
        int status;

        list_commands(help, sizeof(help));
        status = daemon_options(argc, argv, "truefrom", CONFIG_TOOL, &options);
        if (status >= 0)
                return status;
        if (options.arguments >= argc)
                return usage_error("a command is missing", "");
        command = find_command(argv[options.arguments]);
        if (command == NULL)
                return usage_error("no such command: ", argv[options.arguments]);
        given.config_path = options.config_path;
        given.config_given = options.config_given;
        argv += options.arguments;
        argc = take_config(argc - options.arguments, argv, &given);
        if (asks_version(argc, argv)) {
                daemon_print_version("truefrom");
                return EXIT_SUCCESS;
        }
        optind = 0; /* glibc: getopt begins anew */
        return command->run(&given, argc, argv);
}
