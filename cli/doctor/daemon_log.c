/* The lines of a daemon in the mail log or the journal. */
#include <string.h>

#include "cli/doctor/doctor.h"
#include "cli/doctor/file.h"
#include "cli/doctor/last_error.h"
#include "cli/doctor/run.h"

#define LOG_LIMIT       ((size_t)1 << 20)
#define JOURNAL_LIMIT   ((size_t)4 << 20)
#define JOURNAL_TIME_MS 10000

const char *doctor_read_log(const doctor_t *doctor, const char *daemon)
{
        const char *const journal[] = {"journalctl", "-q",    "--no-pager", "-n",   "5000",
                                       "-o",         "short", "-t",         daemon, NULL};
        const char *file = doctor->options.log != NULL ? doctor->options.log : "/var/log/mail.log";
        run_output_t output;
        char *text;

        if (file_read_end(doctor->arena, file, LOG_LIMIT, &text) == 0)
                return text;
        if (doctor->options.log == NULL &&
            run_program(doctor->arena, journal, JOURNAL_LIMIT, JOURNAL_TIME_MS, &output) == 0 &&
            output.status == 0)
                return output.out;
        return NULL;
}

const char *doctor_last_error(const doctor_t *doctor, const char *daemon)
{
        const char *text = doctor_read_log(doctor, daemon);

        return text != NULL ? last_error_find(doctor->arena, text, daemon) : NULL;
}
