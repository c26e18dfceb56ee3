/* What the daemons run with, beside what is written. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"
#include "common/app/endpoint.h"

#define PAGE_SIZE_MAX   ((size_t)64 << 10)
#define ANSWER_TIME_MS  5000
#define START_FIELD     20 /* of /proc/PID/stat, behind the program's name */
#define TEXT_SIZE       4096
#define CLOCK_ROUGHNESS 1.0 /* seconds: a start's time comes in ticks */

struct running {
        const char *name, *metrics_socket;
        pid_t pid;
        const credentials_t *credentials;
};

/* A file below /proc, whose size is not known before. @return how many octets */
static size_t read_proc(pid_t pid, const char *name, char *text, size_t size)
{
        char path[64];
        size_t len = 0;
        FILE *file;

        snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
        file = fopen(path, "re");
        if (file != NULL) {
                len = fread(text, 1, size - 1, file);
                fclose(file);
        }
        text[len] = '\0';
        return len;
}

/* The file that the process was started with, by -c; "" when it was not. */
static const char *started_with(pid_t pid, char *text, size_t size)
{
        const size_t len = read_proc(pid, "cmdline", text, size);

        for (size_t at = 0; at < len; at += strlen(text + at) + 1)
                if (strcmp(text + at, "-c") == 0 && at + 3 < len)
                        return text + at + 3;
        return "";
}

static bool same_file(const char *one, const struct stat *other)
{
        struct stat status;

        return *one == '/' && stat(one, &status) == 0 && status.st_dev == other->st_dev &&
               status.st_ino == other->st_ino;
}

/* When it was started, in seconds since 1970; 0 = not known. */
static double start_time(pid_t pid)
{
        struct timespec now, up;
        char text[TEXT_SIZE];
        const char *at;

        read_proc(pid, "stat", text, sizeof(text));
        at = strrchr(text, ')');
        for (int i = 0; at != NULL && i < START_FIELD; i++)
                at = strchr(at + 1, ' ');
        if (at == NULL || clock_gettime(CLOCK_REALTIME, &now) != 0 ||
            clock_gettime(CLOCK_BOOTTIME, &up) != 0)
                return 0;
        return (double)now.tv_sec - (double)up.tv_sec +
               strtod(at, NULL) / (double)sysconf(_SC_CLK_TCK);
}

/* When it loaded its configuration, as it says itself; 0 = not known. */
static double loaded_by_metric(doctor_t *doctor, const char *socket)
{
        static const char mark[] = "\ntruefrom_config_loaded_timestamp_seconds ";
        char *page = arena_alloc(doctor->arena, PAGE_SIZE_MAX + 1);
        const char *at = NULL;
        ssize_t len;
        int fd = page != NULL ? endpoint_connect(socket, ANSWER_TIME_MS) : -ENOMEM;

        if (fd < 0)
                return 0;
        len = ask_page(fd, page, PAGE_SIZE_MAX);
        close(fd);
        if (len > 0) {
                page[len] = '\0';
                at = strstr(page, mark);
        }
        return at != NULL ? strtod(at + sizeof(mark) - 1, NULL) : 0;
}

/* Did it reload since its start? The log has no time that could be told from its place. */
static bool reloaded(const doctor_t *doctor, const struct running *running)
{
        const char *mark =
            arena_printf(doctor->arena, "%s[%ld]: reloaded", running->name, (long)running->pid);
        const char *text = doctor_read_log(doctor, running->name);

        return mark == NULL || text == NULL || strstr(text, mark) != NULL;
}

static double loaded(doctor_t *doctor, const struct running *running)
{
        double time =
            running->metrics_socket != NULL ? loaded_by_metric(doctor, running->metrics_socket) : 0;

        if (time > 0)
                return time;
        return reloaded(doctor, running) ? 0 : start_time(running->pid);
}

static void check_age(doctor_t *doctor, const struct running *running, const struct stat *status)
{
        const double time = loaded(doctor, running);
        finding_t *finding;

        if (!(time > 0) || (double)status->st_mtim.tv_sec <= time + CLOCK_ROUGHNESS)
                return;
        finding = finding_add(&doctor->findings, SEVERITY_WARNING, "config-older", NULL,
                              "%s runs with a configuration that is older than %s", running->name,
                              doctor->options.config_path);
        finding_means(&doctor->findings, finding,
                      "What was changed there does not hold yet: it was not reloaded, or the file "
                      "was broken then.");
        finding_command(&doctor->findings, finding, "systemctl reload %s", running->name);
}

static void check_ignore_hosts(doctor_t *doctor, const struct running *running)
{
        const char *path = doctor->config->ignore_hosts;
        const char *refused = NULL;
        finding_t *finding;

        if (path == NULL || running->credentials->name == NULL ||
            access_as(doctor->arena, running->credentials, path, R_OK, &refused) != -EACCES)
                return;
        finding = finding_add(&doctor->findings, SEVERITY_ERROR, "ignore-hosts", NULL,
                              "%s, which runs as %s, may not %s %s", running->name,
                              running->credentials->name,
                              strcmp(refused, path) == 0 ? "read" : "enter the folder", refused);
        finding_means(&doctor->findings, finding,
                      "Changes of the list do not reach it, and it does not start again.");
        finding_command(&doctor->findings, finding, "chmod o+%c %s",
                        strcmp(refused, path) == 0 ? 'r' : 'x', refused);
}

void doctor_check_running(doctor_t *doctor)
{
        const struct running daemons[] = {
            {"truefrom-policyd", doctor->config->policyd.metrics_socket, doctor->policyd_pid,
             &doctor->policyd},
            {"truefrom-milter", doctor->config->milter.metrics_socket, doctor->milter_pid,
             &doctor->milter},
        };

        struct stat status;

        if (stat(doctor->options.config_path, &status) != 0)
                return;
        for (size_t i = 0; i < sizeof(daemons) / sizeof(*daemons); i++) {
                char text[TEXT_SIZE];

                /* one of another instance has another file */
                if (daemons[i].pid <= 0 ||
                    !same_file(started_with(daemons[i].pid, text, sizeof(text)), &status))
                        continue;
                check_ignore_hosts(doctor, &daemons[i]);
                check_age(doctor, &daemons[i], &status);
        }
}
