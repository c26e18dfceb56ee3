/* Reading the file of a configuration: what libconfig says in two words is told with a hint here.
 */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "common/app/config_loader.h"
#include "common/app/opendmarc.h"

#define INCLUDE_DEPTH_MAX 10 /* libconfig's own */
#define PATH_SIZE         4096
#define MESSAGE_SIZE      1024
#define SHOWN             60 /* characters of a line of the file */
#define BLANKS            " \t\f\r\n"
#define BOM               "\xef\xbb\xbf"

#define EXPECTED                                                                                   \
        "expected NAME = VALUE; where VALUE is true, false, a number, a string in double quotes, " \
        "or a list such as ( \"one\", \"two\" ); look at the line before as well"

static void report_at(struct loader *loader, const char *file, unsigned line, const char *message)
{
        loader->failed = true;
        loader->error(loader->context, file, line, message);
}

/* What @include "NAME" names: relative to the folder of the configuration. libconfig before 1.7
 * takes a path that begins with / in that way too. */
static void include_path(const libconfig_t *parsed, const char *name, size_t len, char *path)
{
        const char *folder = parsed->include_dir != NULL ? parsed->include_dir : ".";

#if LIBCONFIG_VER_MAJOR > 1 || LIBCONFIG_VER_MINOR >= 7
        if (*name == '/') {
                snprintf(path, PATH_SIZE, "%.*s", (int)len, name);
                return;
        }
#endif
        snprintf(path, PATH_SIZE, "%s/%.*s", folder, (int)len, name);
}

/* The name in a line that begins with @include "NAME", or NULL. */
static const char *include_name(const char *line, size_t *len)
{
        static const char word[] = "@include";
        const char *at = line + strspn(line, " \t");

        if (strncmp(at, word, sizeof(word) - 1) != 0)
                return NULL;
        at += sizeof(word) - 1;
        at += strspn(at, " \t");
        if (*at++ != '"')
                return NULL;
        *len = strcspn(at, "\"\r\n");
        return at[*len] == '"' && *len < PATH_SIZE / 2 ? at : NULL;
}

static bool is_directory(FILE *file)
{
        struct stat status;

        return fstat(fileno(file), &status) == 0 && S_ISDIR(status.st_mode);
}

static void skip_bom(FILE *file)
{
        char start[sizeof(BOM) - 1];

        if (fread(start, 1, sizeof(start), file) != sizeof(start) ||
            memcmp(start, BOM, sizeof(start)) != 0)
                rewind(file);
}

/*
 * libconfig's scanner ends the process when it cannot read what it could open, such as a directory:
 * a reload must not do that. A file that cannot be opened it reports itself. Recursion is bounded.
 */
static bool directories_included(struct loader *loader, const libconfig_t *parsed, const char *from,
                                 unsigned depth)
{
        FILE *file = fopen(from, "re");
        char *line = NULL, path[PATH_SIZE];
        size_t room = 0;
        bool found = false;

        if (file == NULL)
                return false;
        if (is_directory(file)) {
                report_at(loader, from, 1,
                          "is a directory: name a file, such as the truefrom.conf in it");
                fclose(file);
                return true;
        }
        while (!found && depth < INCLUDE_DEPTH_MAX && getline(&line, &room, file) >= 0) {
                size_t len;
                const char *name = include_name(line, &len);

                if (name == NULL)
                        continue;
                include_path(parsed, name, len, path);
                found = directories_included(loader, parsed, path, depth + 1);
        }
        free(line);
        fclose(file);
        return found;
}

/* The text of a line, to be freed, or NULL. */
static char *line_of(const char *path, unsigned number)
{
        FILE *file = fopen(path, "re");
        char *line = NULL;
        size_t room = 0;
        ssize_t len = 0;

        if (file == NULL)
                return NULL;
        for (unsigned i = 0; i < number && len >= 0; i++)
                len = getline(&line, &room, file);
        fclose(file);
        if (len >= 0)
                return line;
        free(line);
        return NULL;
}

static bool is_opendmarc(const char *line)
{
        char name[64];
        const char *at = line + strspn(line, BLANKS);
        size_t len = strcspn(at, BLANKS "=:");

        if (len == 0 || len >= sizeof(name))
                return false;
        memcpy(name, at, len);
        name[len] = '\0';
        at += len;
        at += strspn(at, BLANKS);
        return *at != '\0' && *at != '=' && *at != ':' && opendmarc_option_find(name) != NULL;
}

/* The value of NAME = VALUE when it begins with a letter and is not true or false, or NULL. */
static const char *bare_word(const char *line, size_t *len)
{
        const char *at = line + strcspn(line, "=:");

        if (*at == '\0')
                return NULL;
        at++;
        at += strspn(at, BLANKS);
        *len = strcspn(at, BLANKS ";,\"");
        if ((*len == 4 && strncasecmp(at, "true", 4) == 0) ||
            (*len == 5 && strncasecmp(at, "false", 5) == 0))
                return NULL;
        return (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ? at : NULL;
}

static void word_hint(const char *word, size_t len, char *message)
{
        static const char *const switches[] = {"yes", "no", "on", "off"};

        for (size_t i = 0; i < sizeof(switches) / sizeof(*switches); i++) {
                if (len != strlen(switches[i]) || strncasecmp(word, switches[i], len) != 0)
                        continue;
                snprintf(message, MESSAGE_SIZE, "syntax error: write true or false, not %s",
                         switches[i]);
                return;
        }
        snprintf(message, MESSAGE_SIZE, "syntax error: %.*s must stand in double quotes",
                 (int)(len < SHOWN ? len : SHOWN), word);
}

static void include_hint(const libconfig_t *parsed, const char *line, const char *what,
                         char *message)
{
        char path[PATH_SIZE];
        size_t len = 0;
        const char *name = include_name(line, &len);
        FILE *file;

        snprintf(message, MESSAGE_SIZE, "%s", what);
        if (name == NULL)
                return;
        include_path(parsed, name, len, path);
        file = fopen(path, "re");
        snprintf(message, MESSAGE_SIZE,
                 "@include \"%.*s\": %s: %.500s (the path is relative to the folder of the "
                 "configuration)",
                 (int)(len < SHOWN ? len : SHOWN), name, file == NULL ? strerror(errno) : what,
                 path);
        if (file != NULL)
                fclose(file);
}

static void hint(const libconfig_t *parsed, const char *line, const char *what, char *message)
{
        size_t len = 0;
        const char *word = bare_word(line, &len);

        if (strstr(what, "include") != NULL)
                include_hint(parsed, line, what, message);
        else if (strncmp(line, BOM, strlen(BOM)) == 0)
                snprintf(message, MESSAGE_SIZE,
                         "%s: the file begins with a byte order mark; save it without", what);
        else if (strncmp(line, "\xff\xfe", 2) == 0 || strncmp(line, "\xfe\xff", 2) == 0)
                snprintf(message, MESSAGE_SIZE, "%s: the file is UTF-16; save it as UTF-8", what);
        else if (is_opendmarc(line))
                snprintf(message, MESSAGE_SIZE,
                         "%s: this is OpenDMARC's syntax; \"truefrom migrate FILE\" translates it, "
                         "here it is NAME = VALUE;",
                         what);
        else if (word != NULL)
                word_hint(word, len, message);
        else if (strcmp(what, "syntax error") == 0)
                snprintf(message, MESSAGE_SIZE, "%s: " EXPECTED, what);
        else
                snprintf(message, MESSAGE_SIZE, "%s", what);
}

static void explain(struct loader *loader, const libconfig_t *parsed)
{
        const char *name = config_error_file(parsed);
        const char *file = name != NULL ? name : loader->path;
        const unsigned number =
            config_error_line(parsed) > 0 ? (unsigned)config_error_line(parsed) : 1;
        char *line = line_of(file, number);
        char message[MESSAGE_SIZE];

        if (line == NULL) {
                report_at(loader, file, number,
                          "syntax error at the end of the file: is a brace, a bracket, a quote or "
                          "a comment not closed?");
                return;
        }
        hint(parsed, line, config_error_text(parsed), message);
        free(line);
        report_at(loader, file, number, message);
}

static void set_include_dir(libconfig_t *parsed, const char *path)
{
        char *copy = strdup(path);

        if (copy != NULL)
                config_set_include_dir(parsed, dirname(copy));
        free(copy);
}

bool loader_parse(struct loader *loader, libconfig_t *parsed)
{
        FILE *file = fopen(loader->path, "re");
        bool good;

        if (file == NULL) {
                loader_report(loader, NULL, strerror(errno));
                return false;
        }
        set_include_dir(parsed, loader->path);
        if (directories_included(loader, parsed, loader->path, 0)) {
                fclose(file);
                return false;
        }
        skip_bom(file);
        good = config_read(parsed, file) == CONFIG_TRUE;
        fclose(file);
        if (!good)
                explain(loader, parsed);
        return good;
}

static void nobody(void *context, const char *file, unsigned line, const char *message)
{
        (void)context;
        (void)file;
        (void)line;
        (void)message;
}

void config_report(const char *path, const char *option, const char *message,
                   config_error_fn *error, void *context)
{
        struct loader loader = {.path = path, .error = nobody};
        const config_setting_t *setting = NULL;
        libconfig_t parsed;

        config_init(&parsed);
        if (loader_parse(&loader, &parsed))
                setting = config_lookup(&parsed, option);
        loader.error = error;
        loader.context = context;
        loader_report(&loader, setting, message);
        config_destroy(&parsed);
}
