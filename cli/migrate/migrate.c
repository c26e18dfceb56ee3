/*
 * truefrom migrate: opendmarc.conf to truefrom.conf
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/migrate/ignore.h"
#include "cli/migrate/next.h"
#include "cli/migrate/parse.h"
#include "cli/migrate/translate.h"
#include "cli/migrate/writer.h"
#include "common/app/daemon.h"

#define FILE_OCTETS_MAX  ((size_t)1 << 20)  /* of opendmarc.conf */
#define HOSTS_OCTETS_MAX ((size_t)64 << 20) /* as IgnoreHosts may have */
#define ARENA_LIMIT      ((size_t)64 << 20)
#define EX_CANNOT_CREATE 73 /* sysexits.h EX_CANTCREAT */

struct request {
        const char *source;     /* opendmarc.conf */
        const char *output;     /* NULL = stdout */
        const char *config_dir; /* Postfix's; NULL = postconf's own */
        bool force;
};

static void usage(FILE *out)
{
        fprintf(out,
                "usage: truefrom migrate [-o FILE [--force]] [--config-dir DIR] OPENDMARC-CONF\n"
                "  -o, --output FILE  write to FILE, which must not exist, instead of stdout\n"
                "  -f, --force        replace FILE when it exists\n"
                "  --config-dir DIR   Postfix's configuration (default: postconf's)\n"
                "  -h, --help         print this help\n");
}

static int wrong_usage(const char *message)
{
        fprintf(stderr, "truefrom: migrate: %s\n", message);
        usage(stderr);
        return EX_USAGE_ERROR;
}

/* @return -1 to go on, else the exit status */
static int read_arguments(int argc, char **argv, struct request *request)
{
        enum { CONFIG_DIR = 256 };
        static const struct option long_options[] = {
            {"output", required_argument, NULL, 'o'},
            {"force", no_argument, NULL, 'f'},
            {"config-dir", required_argument, NULL, CONFIG_DIR},
            {"help", no_argument, NULL, 'h'},
            {NULL, 0, NULL, 0},
        };
        int option;

        while ((option = getopt_long(argc, argv, "o:fh", long_options, NULL)) != -1) {
                switch (option) {
                case 'o':
                        request->output = optarg;
                        break;
                case 'f':
                        request->force = true;
                        break;
                case CONFIG_DIR:
                        request->config_dir = optarg;
                        break;
                case 'h':
                        usage(stdout);
                        return EXIT_SUCCESS;
                default:
                        usage(stderr);
                        return EX_USAGE_ERROR;
                }
        }
        if (argc - optind != 1)
                return wrong_usage("one file is wanted, such as /etc/opendmarc.conf");
        if (request->force && request->output == NULL)
                return wrong_usage("--force goes with -o");
        request->source = argv[optind];
        return -1;
}

/* Read a whole file. @return 0 and *text (free), or a negative errno */
static int read_file(const char *path, size_t most, char **text, size_t *len)
{
        FILE *file = fopen(path, "re");
        struct stat status;
        int error = 0;

        if (file == NULL)
                return -errno;
        *text = NULL;
        if (fstat(fileno(file), &status) != 0)
                error = -errno;
        else if (S_ISDIR(status.st_mode))
                error = -EISDIR;
        else if (status.st_size > (off_t)most)
                error = -EFBIG;
        else if ((*text = malloc(most + 1)) == NULL)
                error = -ENOMEM;
        if (error == 0) {
                *len = fread(*text, 1, most + 1, file);
                error = ferror(file) ? -EIO : *len > most ? -EFBIG : 0;
        }
        fclose(file);
        if (error != 0)
                free(*text);
        return error;
}

/* Text from a file may be in both: it is escaped. */
static void warn(const char *file, unsigned line, const char *message)
{
        fputs("truefrom: warning: ", stderr);
        writer_put_escaped(stderr, file);
        if (line > 0)
                fprintf(stderr, ":%u", line);
        fputs(": ", stderr);
        writer_put_escaped(stderr, message);
        fputc('\n', stderr);
}

static void different_line(void *context, unsigned line, const char *message)
{
        warn(context, line, message);
}

/* What becomes of the hosts that OpenDMARC ignored. */
static void look_at_ignore_hosts(const char *path)
{
        void *context = (void *)(uintptr_t)path;
        char *text = NULL;
        size_t len = 0;
        int error = read_file(path, HOSTS_OCTETS_MAX, &text, &len);
        char message[256];

        if (error != 0) {
                snprintf(
                    message, sizeof(message),
                    "%s: the daemons will not start without it; make it, or remove IgnoreHosts",
                    strerror(-error));
                warn(path, 0, message);
                return;
        }
        migrate_ignore_check(text, len, different_line, context);
        free(text);
}

/* Replaces or makes the file as a whole, or leaves what is there. @return 0 or a negative errno */
static int write_new_file(const struct request *request, const migration_t *migration)
{
        char *temporary;
        FILE *file = NULL;
        int error = 0;
        int fd;

        if (asprintf(&temporary, "%s.XXXXXX", request->output) < 0)
                return -ENOMEM;
        fd = mkostemp(temporary, O_CLOEXEC);
        if (fd < 0) {
                error = -errno;
                free(temporary);
                return error;
        }
        if (fchmod(fd, 0644) != 0 || (file = fdopen(fd, "w")) == NULL) {
                error = -errno;
                close(fd);
        } else {
                if (fwrite(migration->text, 1, migration->len, file) != migration->len)
                        error = -errno;
                if (fclose(file) != 0 && error == 0)
                        error = -errno;
        }
        if (error == 0 && request->force)
                error = rename(temporary, request->output) == 0 ? 0 : -errno;
        else if (error == 0)
                error = link(temporary, request->output) == 0 ? 0 : -errno;
        if (!request->force || error != 0)
                unlink(temporary);
        free(temporary);
        return error;
}

static int write_result(const struct request *request, const migration_t *migration)
{
        int error = 0;

        if (request->output != NULL) {
                error = write_new_file(request, migration);
        } else {
                fwrite(migration->text, 1, migration->len, stdout);
                if (fflush(stdout) != 0 || ferror(stdout))
                        error = errno != 0 ? -errno : -EIO;
        }
        if (error == 0)
                return 0;
        fprintf(stderr, "truefrom: migrate: %s: %s%s\n",
                request->output != NULL ? request->output : "stdout", strerror(-error),
                error == -EEXIST ? "; --force replaces it" : "");
        return EX_CANNOT_CREATE;
}

static int migrate(arena_t *arena, const struct request *request, const char *text, size_t len)
{
        const opendmarc_conf_t *conf = opendmarc_conf_parse(arena, text, len);
        migration_t migration;
        int status;

        if (conf == NULL || migrate_translate(arena, conf, request->source, &migration) != 0) {
                fprintf(stderr, "truefrom: migrate: out of memory\n");
                return EXIT_FAILURE;
        }
        status = write_result(request, &migration);
        if (status == 0) {
                for (size_t i = 0; i < migration.note_count; i++)
                        warn(request->source, migration.notes[i].line, migration.notes[i].message);
                if (migration.ignore_hosts != NULL)
                        look_at_ignore_hosts(migration.ignore_hosts);
                fprintf(
                    stderr,
                    "truefrom: %s: %u options translated, %u explained, %u lines not understood\n",
                    request->source, migration.translated, migration.explained, migration.refused);
                migrate_print_changes(stderr, conf);
                if (migrate_print_next_steps(arena, stderr, request->config_dir, request->output,
                                             &migration) != 0)
                        fprintf(stderr, "truefrom: migrate: out of memory\n");
                status = migration.refused > 0 ? EX_CONFIG_ERROR : EXIT_SUCCESS;
        }
        migration_free(&migration);
        return status;
}

int migrate_command(const command_options_t *options, int argc, char **argv)
{
        struct request request = {0};
        int status = read_arguments(argc, argv, &request);
        arena_t *arena;
        char *text = NULL;
        size_t len = 0;
        int error;

        (void)options;
        if (status >= 0)
                return status;
        error = read_file(request.source, FILE_OCTETS_MAX, &text, &len);
        if (error != 0) {
                fprintf(stderr, "truefrom: migrate: %s: %s\n", request.source, strerror(-error));
                return EX_NO_INPUT;
        }
        arena = arena_create(ARENA_LIMIT);
        if (arena == NULL) {
                fprintf(stderr, "truefrom: migrate: out of memory\n");
                status = EXIT_FAILURE;
        } else {
                status = migrate(arena, &request, text, len);
        }
        arena_free(arena);
        free(text);
        return status;
}
