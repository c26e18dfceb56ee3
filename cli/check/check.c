/*
 * check: evaluate one message now, by options or as it is stored
 */
#include "cli/check/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/mailbox.h"
#include "cli/paint.h"
#include "cli/stored.h"
#include "common/app/daemon.h"

static int complain(const char *what, const char *why, int status)
{
        fprintf(stderr, "truefrom check: %s: %s\n", what, why);
        return status;
}

static int read_message(check_t *check)
{
        const check_options_t *options = check->options;
        const stored_rules_t rules = {.examiner = &check->examiner,
                                      .receivers = &options->receivers};
        bool standard_input = strcmp(options->message, "-") == 0;
        int fd = standard_input ? dup(STDIN_FILENO) : open(options->message, O_RDONLY | O_CLOEXEC);
        int error = fd < 0 ? -errno : 0;
        char *text = NULL;
        size_t len = 0;

        if (error == 0)
                error = mailbox_read_header(fd, -1, check->arena, &text, &len);
        if (fd >= 0)
                close(fd);
        if (error != 0)
                return complain(options->message,
                                error == -E2BIG ? "its header is over 4 MiB" : strerror(-error),
                                EX_NO_INPUT);
        error = stored_read(check->arena, text, len, &rules, &check->subject, &check->message_id);
        return error == 0 ? -1 : complain("-", strerror(-error), EX_OS_ERROR);
}

static int from_fields(check_t *check)
{
        const text_list_t *given = &check->options->from;
        from_field_t *fields = arena_calloc(check->arena, given->count, sizeof(*fields));

        if (fields == NULL)
                return -ENOMEM;
        for (size_t i = 0; i < given->count; i++)
                fields[i] = (from_field_t){.body = given->items[i], .len = strlen(given->items[i])};
        check->subject.from = fields;
        check->subject.from_count = given->count;
        check->subject.fields.count[FIELD_FROM] = (unsigned)given->count;
        return 0;
}

static int recipients(const check_t *check)
{
        const text_list_t *given = &check->options->recipients;
        struct override_input *input = check->subject.override_input;

        if (input == NULL || given->count == 0)
                return 0;
        input->recipient_count = 0;
        input->recipients_incomplete = false;
        for (size_t i = 0; i < given->count; i++)
                if (!override_input_recipient(input, given->items[i]))
                        return -ENOMEM;
        return 0;
}

/* Options stand in place of what a stored message says. */
static int apply_options(check_t *check)
{
        const check_options_t *options = check->options;
        subject_t *subject = &check->subject;

        if (options->message == NULL)
                subject->fields.count[FIELD_DATE] = 1; /* nothing is known of the others */
        if (options->has_client) {
                subject->has_client = true;
                subject->client = options->client;
                subject->client_name = NULL;
                subject->authenticated = false;
        }
        if (options->client_name != NULL)
                subject->client_name = options->client_name;
        if (options->helo != NULL)
                subject->helo = options->helo;
        if (options->sender != NULL)
                subject->sender = options->sender;
        subject->dkim_given = options->message == NULL || options->dkim_count > 0;
        subject->dkim = options->dkim;
        subject->dkim_count = options->dkim_count;
        if (recipients(check) != 0)
                return -ENOMEM;
        return options->from.count > 0 ? from_fields(check) : 0;
}

static void observe_field(void *context, const authres_field_t *field, enum gather_belief belief,
                          const char *authserv_id)
{
        check_t *check = context;
        check_belief_t *grown = arena_grow(check->arena, check->beliefs, check->belief_count,
                                           &check->belief_room, sizeof(*grown));

        if (grown == NULL) {
                check->failed = true;
                return;
        }
        check->beliefs = grown;
        check->beliefs[check->belief_count++] = (check_belief_t){
            .index = field->index,
            .belief = belief,
            .authserv_id = authserv_id != NULL ? paint_text(check->arena, authserv_id) : NULL,
        };
}

/* Without the client there is an SPF result only in a believed field. */
static int need_envelope(const check_t *check)
{
        const subject_t *subject = &check->subject;
        const char *file = check->options->message;

        if (subject->sender == NULL)
                return complain(file, "no Return-Path field: give --sender", CHECK_USAGE_ERROR);
        if (subject->has_client || check->examination.gathered.has_spf)
                return -1;
        return complain(file,
                        "no Received field of Postfix's SMTP server tells the client: give "
                        "--client and --helo, or --receiver when another host received it",
                        CHECK_USAGE_ERROR);
}

static int examine(check_t *check)
{
        const int64_t deadline_ms = dns_clock_ms() + EXAMINE_LIMIT_MS;
        spf_evaluator_t *evaluator;
        int error, status;

        error = examine_fields(&check->examiner, check->arena, &check->subject, observe_field,
                               check, &check->examination);
        status = error == 0 ? need_envelope(check) : -1;
        if (status >= 0)
                return status;
        evaluator = error == 0 ? spf_evaluator_create(check->examiner.resolver) : NULL;
        if (evaluator != NULL) {
                check->trace.phase = TRACE_SPF;
                examine_spf(evaluator, &check->subject, deadline_ms, &check->examination);
                spf_evaluator_free(evaluator);
                check->trace.phase = TRACE_DMARC;
                error =
                    examine_dmarc(&check->examiner, check->arena, deadline_ms, &check->examination);
        }
        if (evaluator == NULL || error != 0 || check->failed || check->trace.failed)
                return complain("cannot evaluate", "out of memory", EX_OS_ERROR);
        return -1;
}

enum auth_result check_result(const check_t *check)
{
        return check->examination.evaluation.outcome->result;
}

static int exit_status(const check_t *check)
{
        switch (check_result(check)) {
        case AUTH_PASS:
        case AUTH_NONE:
                return EXIT_SUCCESS;
        case AUTH_TEMPERROR:
                return EX_TEMP_FAIL;
        default:
                return EXIT_FAILURE;
        }
}

static int run(check_t *check)
{
        int status = -1;

        if (check->options->message != NULL)
                status = read_message(check);
        else if (subject_init(&check->examiner, check->arena, &check->subject) != 0)
                status = complain("cannot evaluate", "out of memory", EX_OS_ERROR);
        if (status < 0 && apply_options(check) != 0)
                status = complain("cannot evaluate", "out of memory", EX_OS_ERROR);
        if (status < 0)
                status = examine(check);
        if (status >= 0)
                return status;
        if (!check->options->json)
                check_print_text(check);
        else if (check_print_json(check) != 0)
                return complain("cannot print", "out of memory", EX_OS_ERROR);
        if (fflush(stdout) != 0 || ferror(stdout))
                return complain("standard output", strerror(errno), EX_OS_ERROR);
        return exit_status(check);
}

int check_command(const command_options_t *options, int argc, char **argv)
{
        arena_t *arena = arena_create(STORED_ARENA_LIMIT);
        check_options_t asked;
        check_t check = {.arena = arena, .options = &asked, .trace = {.arena = arena}};
        int status;

        if (arena == NULL)
                return complain("cannot start", "out of memory", EX_OS_ERROR);
        status = check_read_options(arena, argc, argv, &asked);
        if (status < 0) {
                status = examiner_open(options, &asked.nameservers, trace_observe, &check.trace,
                                       &check.examiner);
                if (status == 0) {
                        status = run(&check);
                        examiner_close(&check.examiner);
                }
        }
        arena_free(arena);
        return status;
}
