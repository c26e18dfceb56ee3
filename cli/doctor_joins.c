#include "cli/doctor_joins.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "cli/doctor.h"
#include "cli/doctor_file.h"
#include "cli/doctor_run.h"

#define LOG_LIMIT       ((size_t)1 << 20)
#define JOURNAL_TIME_MS 10000
#define TAG_WORDS_MAX                                                                              \
        4 /* words before "program[pid]:" in syslog's forms: "Nov 24 10:00:00 host"                \
           */
#define FEW 10

static const char *const kind_names[JOINS_KINDS] = {
    [JOINS_QUEUE_ID] = "queueid", [JOINS_ENVELOPE] = "envelope", [JOINS_HEADER] = "header",
    [JOINS_SELF] = "self",        [JOINS_NONE] = "none",
};

/* What stands behind "truefrom-milter[PID]: " when that is this line's tag, else NULL. */
static const char *after_tag(const char *line, const char *end)
{
        static const char tag[] = "truefrom-milter[";

        for (int word = 0; word <= TAG_WORDS_MAX && line < end; word++) {
                const char *blank = memchr(line, ' ', (size_t)(end - line));

                if (blank == NULL)
                        return NULL;
                if ((size_t)(blank - line) > sizeof(tag) &&
                    strncmp(line, tag, sizeof(tag) - 1) == 0)
                        return blank[-1] == ':' ? blank + 1 : NULL;
                line = blank + strspn(blank, " ");
        }
        return NULL;
}

static void count_line(const char *line, const char *end, joins_t *joins)
{
        static const char mark[] = " join=";
        const char *text = after_tag(line, end);
        const char *kind = end;

        if (text == NULL)
                return;
        while (kind > text && *kind != '=')
                kind--;
        kind++; /* the last word's value */
        if (kind - text < (ptrdiff_t)sizeof(mark) ||
            strncmp(kind - (sizeof(mark) - 1), mark, sizeof(mark) - 1) != 0)
                return;
        for (int i = 0; i < JOINS_KINDS; i++) {
                if (strlen(kind_names[i]) != (size_t)(end - kind) ||
                    strncmp(kind_names[i], kind, (size_t)(end - kind)) != 0)
                        continue;
                joins->count[i]++;
                joins->total++;
        }
}

void joins_count(const char *text, joins_t *joins)
{
        memset(joins, 0, sizeof(*joins));
        while (*text != '\0') {
                size_t len = strcspn(text, "\n");

                count_line(text, text + len, joins);
                text += len + (text[len] == '\n' ? 1 : 0);
        }
}

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
