/* What is left to do, from the host's own Postfix. */
#include "cli/migrate/next.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor/postfix.h"
#include "cli/doctor/run.h"
#include "cli/migrate/maincf.h"
#include "cli/migrate/values.h"
#include "cli/migrate/writer.h"

#define POSTCONF_LIMIT   ((size_t)4 << 20)
#define POSTCONF_TIME_MS 10000
#define STOP_OPENDMARC   "systemctl disable --now opendmarc\n"
#define INSTALLED_CONFIG "/etc/truefrom/truefrom.conf"

static bool run_postconf(arena_t *arena, const char *config_dir, const char *const options[2],
                         run_output_t *output)
{
        const char *argv[6] = {"postconf"};
        size_t argc = 1;

        if (config_dir != NULL) {
                argv[argc++] = "-c";
                argv[argc++] = config_dir;
        }
        for (size_t i = 0; i < 2 && options[i] != NULL; i++)
                argv[argc++] = options[i];
        return run_program(arena, argv, POSTCONF_LIMIT, POSTCONF_TIME_MS, output) == 0 &&
               output->status == 0;
}

/* Asked first, since postconf sleeps for a second before it ends where there is no main.cf. */
static bool has_main_cf(arena_t *arena, const char *config_dir)
{
        static const char *const options[2] = {"-dh", "config_directory"};
        run_output_t output;
        const char *path;

        if (config_dir == NULL)
                config_dir = getenv("MAIL_CONFIG"); /* as Postfix's own programs */
        if (config_dir == NULL) {
                if (!run_postconf(arena, NULL, options, &output))
                        return false;
                output.out[strcspn(output.out, "\n")] = '\0';
                config_dir = output.out;
        }
        path = arena_printf(arena, "%s/main.cf", config_dir);
        return path != NULL && access(path, R_OK) == 0;
}

/* Postfix's configuration, or NULL: there is none that can be read */
static const postfix_t *read_postfix(arena_t *arena, const char *config_dir)
{
        static const struct {
                enum postfix_text what;
                const char *options[2];
        } texts[] = {
            {POSTFIX_MAIN, {NULL, NULL}},
            {POSTFIX_MAIN_EXPANDED, {"-x", NULL}},
            {POSTFIX_SERVICES, {"-F", NULL}},
            {POSTFIX_OVERRIDES, {"-P", NULL}},
            {POSTFIX_OVERRIDES_EXPANDED, {"-P", "-x"}},
        };
        postfix_t *postfix =
            has_main_cf(arena, config_dir) ? arena_calloc(arena, 1, sizeof(*postfix)) : NULL;

        for (size_t i = 0; postfix != NULL && i < sizeof(texts) / sizeof(*texts); i++) {
                run_output_t output;

                if (!run_postconf(arena, config_dir, texts[i].options, &output) ||
                    postfix_read(arena, postfix, texts[i].what, output.out) != 0)
                        return NULL;
        }
        return postfix;
}

/* As one word of a shell. What is no printable ASCII has no place in a parameter: it is escaped. */
static void put_word(FILE *out, const char *text)
{
        fputc('\'', out);
        for (; *text != '\0'; text++) {
                if (*text == '\'')
                        fputs("'\\''", out);
                else if (*text < ' ' || *text > '~')
                        fprintf(out, "\\%03o", (unsigned char)*text);
                else
                        fputc(*text, out);
        }
        fputc('\'', out);
}

static void put_command(arena_t *arena, FILE *out, const char *config_dir,
                        const maincf_line_t *line)
{
        const char *text =
            line->service != NULL
                ? arena_printf(arena, "%s/%s=%s", line->service, line->name, line->value)
                : arena_printf(arena, "%s = %s", line->name, line->value);

        fputs("postconf ", out);
        if (config_dir != NULL) {
                fputs("-c ", out);
                put_word(out, config_dir);
                fputc(' ', out);
        }
        fputs(line->service != NULL ? "-P " : "-e ", out);
        put_word(out, text != NULL ? text : "");
        fputc('\n', out);
}

static void put_check(FILE *out, const char *output)
{
        if (output != NULL && strcmp(output, INSTALLED_CONFIG) == 0) {
                fputs("truefrom -t\n", out);
                return;
        }
        fputs("truefrom -t -c ", out);
        put_word(out, output != NULL ? output : "RESULT");
        fputc('\n', out);
}

int migrate_print_next_steps(arena_t *arena, FILE *out, const char *config_dir, const char *output,
                             const migration_t *migration)
{
        const char *ours = migrate_postfix_socket(arena, migration->socket);
        const postfix_t *postfix = read_postfix(arena, config_dir);
        /* else both run until Postfix asks the new one, and no mail goes unchecked */
        const bool takes_over = migration->opendmarc_socket == migration->socket;
        maincf_t maincf;

        if (ours == NULL ||
            maincf_make(arena, postfix, migration->opendmarc_socket, ours, &maincf) != 0)
                return -ENOMEM;
        fprintf(out, "To do next, as root%s:\n",
                postfix != NULL ? " (from this host's main.cf)"
                                : " (there is no Postfix here to read: the documented lines)");
        put_check(out, output);
        if (takes_over)
                fputs(STOP_OPENDMARC, out);
        fputs("systemctl enable truefrom-policyd truefrom-milter\n"
              "systemctl restart truefrom-policyd truefrom-milter\n",
              out);
        for (size_t i = 0; i < maincf.count; i++)
                put_command(arena, out, config_dir, &maincf.lines[i]);
        fputs("postfix reload\n", out);
        if (!takes_over)
                fputs(STOP_OPENDMARC, out);
        fputs("truefrom doctor\n", out);
        return 0;
}
