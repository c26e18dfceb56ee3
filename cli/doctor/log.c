/* The mail log: does truefrom-milter find what truefrom-policyd stored? */
#include <string.h>

#include "cli/doctor/doctor.h"
#include "cli/doctor/file.h"
#include "cli/doctor/joins.h"
#include "cli/doctor/run.h"

#define LOG_LIMIT       ((size_t)1 << 20)
#define JOURNAL_TIME_MS 10000
#define FEW             10

/* The end of the mail log, or the journal's lines of the milter. @return NULL after a finding */
static const char *read_log(doctor_t *doctor, const char **name)
{
        static const char *const journal[] = {
            "journalctl", "-q", "--no-pager",      "-n", "5000", "-o",
            "short",      "-t", "truefrom-milter", NULL};
        const char *file = doctor->options.log != NULL ? doctor->options.log : "/var/log/mail.log";
        run_output_t output;
        char *text;
        int error = file_read_end(doctor->arena, file, LOG_LIMIT, &text);

        *name = file;
        if (error == 0)
                return text;
        if (doctor->options.log == NULL) {
                *name = "the journal";
                if (run_program(doctor->arena, journal, (size_t)4 << 20, JOURNAL_TIME_MS,
                                &output) == 0 &&
                    output.status == 0)
                        return output.out;
        }
        finding_add(&doctor->findings, SEVERITY_NOTE, "join-unread", NULL,
                    "%s: %s; whether SPF results join was not seen: give the log by --log FILE, or "
                    "look at join= in truefrom-milter's lines",
                    file, strerror(-error));
        return NULL;
}

static void report_self(doctor_t *doctor, const joins_t *joins)
{
        const unsigned lost = joins->count[JOINS_SELF] + joins->count[JOINS_NONE];
        finding_t *finding;

        if (lost * 10 <= joins->total)
                return;
        finding = finding_add(
            &doctor->findings, joins->total < FEW ? SEVERITY_NOTE : SEVERITY_WARNING, "join-self",
            NULL, "of the last %u messages, %u had no stored SPF result", joins->total, lost);
        finding_means(
            &doctor->findings, finding,
            "truefrom-milter evaluated SPF itself: Postfix did not ask truefrom-policyd, or "
            "it was down, or the store could not be read.");
}

void doctor_check_joins(doctor_t *doctor)
{
        const char *name, *text = read_log(doctor, &name);
        joins_t joins;

        if (text == NULL)
                return;
        joins_count(text, &joins);
        if (joins.total == 0) {
                finding_add(&doctor->findings, SEVERITY_NOTE, "join-unseen", NULL,
                            "%s has no line of a message from truefrom-milter yet", name);
                return;
        }
        report_self(doctor, &joins);
        finding_add(
            &doctor->findings, SEVERITY_OK, "join", NULL,
            "SPF results of the last %u messages in %s: by queue ID %u, by envelope %u, from "
            "a header %u, evaluated by truefrom-milter %u, none %u",
            joins.total, name, joins.count[JOINS_QUEUE_ID], joins.count[JOINS_ENVELOPE],
            joins.count[JOINS_HEADER], joins.count[JOINS_SELF], joins.count[JOINS_NONE]);
}
