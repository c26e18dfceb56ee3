/*
 * replay: evaluate mailboxes as if enforcement were on
 */
#include "cli/replay/replay.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/app/daemon.h"

enum { OPTION_RECEIVER = 256, OPTION_NAMESERVER, OPTION_JOBS, OPTION_JSON, OPTION_LIST };

static const struct option long_options[] = {
    {"receiver", required_argument, NULL, OPTION_RECEIVER},
    {"nameserver", required_argument, NULL, OPTION_NAMESERVER},
    {"jobs", required_argument, NULL, OPTION_JOBS},
    {"json", no_argument, NULL, OPTION_JSON},
    {"list", no_argument, NULL, OPTION_LIST},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void usage(FILE *out)
{
        fprintf(out,
                "usage: truefrom [-c FILE] replay [OPTION]... FOLDER...\n"
                "  FOLDER                a Maildir or an mbox file; it is only read\n"
                "  --list                show every message that would not be accepted\n"
                "  --receiver HOST       the host whose Received fields are ours; may be repeated\n"
                "  --nameserver ADDRESS[@PORT]  ask this one; may be repeated\n"
                "  --jobs N              messages evaluated at once (default %d, at most %d)\n"
                "  --json                print one JSON object\n"
                "Exit status: 0 nothing would be rejected or held, 1 something would, 64 usage,\n"
                "66 a folder cannot be read, 75 the DNS leaves verdicts open.\n",
                REPLAY_JOBS_DEFAULT, REPLAY_JOBS_MAX);
}

static int wrong(const char *what, const char *text)
{
        fprintf(stderr, "truefrom replay: %s%s; see truefrom replay -h\n", what, text);
        return EX_USAGE_ERROR;
}

static int complain(const char *what, const char *why, int status)
{
        fprintf(stderr, "truefrom replay: %s: %s\n", what, why);
        return status;
}

static int read_jobs(replay_t *replay, const char *text)
{
        char *end;
        unsigned long jobs = strtoul(text, &end, 10);

        if (*text < '0' || *text > '9' || *end != '\0' || jobs < 1 || jobs > REPLAY_JOBS_MAX)
                return wrong("--jobs: not a number from 1 to 64: ", text);
        replay->jobs = (unsigned)jobs;
        return -1;
}

static int add_text(replay_t *replay, text_list_t *list, const char *text)
{
        if (text_list_add(replay->arena, list, text) == 0)
                return -1;
        return complain(text, "out of memory", EX_OS_ERROR);
}

static int read_option(replay_t *replay, int option)
{
        switch (option) {
        case OPTION_RECEIVER:
                return add_text(replay, &replay->receivers, optarg);
        case OPTION_NAMESERVER:
                if (!dns_nameserver_valid(optarg))
                        return wrong("--nameserver: not ADDRESS or ADDRESS@PORT: ", optarg);
                return add_text(replay, &replay->nameservers, optarg);
        case OPTION_JOBS:
                return read_jobs(replay, optarg);
        case OPTION_JSON:
                replay->json = true;
                return -1;
        case OPTION_LIST:
                replay->list = true;
                return -1;
        case 'h':
                usage(stdout);
                return EXIT_SUCCESS;
        default:
                usage(stderr);
                return EX_USAGE_ERROR;
        }
}

static int read_options(replay_t *replay, int argc, char **argv)
{
        int option, status = -1;

        replay->jobs = REPLAY_JOBS_DEFAULT;
        while (status < 0 && (option = getopt_long(argc, argv, "h", long_options, NULL)) != -1)
                status = read_option(replay, option);
        if (status < 0 && optind == argc)
                return wrong("a folder is missing", "");
        for (; status < 0 && optind < argc; optind++)
                status = add_text(replay, &replay->folders, argv[optind]);
        return status;
}

/* All folders are looked at before the first message is evaluated: a typing error shows at once. */
static int find_messages(replay_t *replay)
{
        for (size_t i = 0; i < replay->folders.count; i++) {
                const char *folder = replay->folders.items[i];
                int error = mailbox_add(&replay->mailbox, folder);

                if (error != 0)
                        return complain(folder,
                                        error == -EINVAL ? "neither a Maildir nor an mbox file"
                                                         : strerror(-error),
                                        error == -ENOMEM ? EX_OS_ERROR : EX_NO_INPUT);
        }
        return -1;
}

static int exit_status(const replay_totals_t *totals)
{
        if (totals->decisions[DECISION_REJECT] > 0 || totals->decisions[DECISION_HOLD] > 0)
                return EXIT_FAILURE;
        return totals->decisions[DECISION_TEMPFAIL] > 0 ? EX_TEMP_FAIL : EXIT_SUCCESS;
}

static int run(replay_t *replay)
{
        replay_summary_t summary;
        int status = find_messages(replay);
        int error;

        if (status >= 0)
                return status;
        error = replay_run(replay);
        if (error == 0)
                error = replay_summarize(replay, &summary);
        if (error == 0 && replay->json)
                error = replay_print_json(replay, &summary);
        else if (error == 0)
                replay_print_text(replay, &summary);
        if (error != 0)
                return complain("cannot go on", strerror(-error), EX_OS_ERROR);
        if (fflush(stdout) != 0 || ferror(stdout))
                return complain("standard output", strerror(errno), EX_OS_ERROR);
        return exit_status(&summary.totals);
}

int replay_command(const command_options_t *options, int argc, char **argv)
{
        arena_t *arena = arena_create(REPLAY_ARENA_LIMIT);
        replay_t replay = {.arena = arena, .mailbox = {.arena = arena}};
        int status;

        if (arena == NULL)
                return complain("cannot start", "out of memory", EX_OS_ERROR);
        status = read_options(&replay, argc, argv);
        if (status < 0) {
                status = examiner_open(options, &replay.nameservers, NULL, NULL, &replay.examiner);
                if (status == 0) {
                        status = run(&replay);
                        examiner_close(&replay.examiner);
                }
        }
        for (unsigned i = 0; i < REPLAY_JOBS_MAX; i++)
                arena_free(replay.keep[i]);
        arena_free(arena);
        return status;
}
