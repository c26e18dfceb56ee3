#include "common/app/preflight.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/app/account.h"
#include "common/app/endpoint.h"

#define INSTALLED_FOLDER "/var/spool/postfix/truefrom" /* etc/tmpfiles.d */
#define POLICYD_USER     "truefrom-policyd"            /* etc/sysusers.d */
#define MILTER_USER      "truefrom-milter"
#define MESSAGE_SIZE     1024
#define PATH_SIZE        4096

struct look {
        const char *path;
        const config_t *config;
        enum config_program program;
        const char *user; /* whose eyes; NULL = whoever asks */
        bool permissions; /* do they count? */
        bool installed;   /* the units' users exist */
        config_error_fn *error;
        void *context;
        bool failed;
};

/* An error of config_load or config_check_files, as another user has it. */
static void pass_on(void *context, const char *file, unsigned line, const char *message)
{
        struct look *look = context;
        char text[MESSAGE_SIZE];

        look->failed = true;
        snprintf(text, sizeof(text), look->user != NULL ? "%.900s (seen as the user %.60s)" : "%s",
                 message, look->user);
        look->error(look->context, file, line, text);
}

static __attribute__((format(printf, 3, 4))) void complain(struct look *look, const char *option,
                                                           const char *format, ...)
{
        char text[MESSAGE_SIZE];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        config_report(look->path, option, text, pass_on, look);
}

struct place {
        const char *option;
        const char *socket; /* NULL = unset */
};

#define PLACES 4

/* Sockets of both daemons. */
static void all_places(const config_t *config, struct place *places)
{
        places[0] = (struct place){"policyd.Socket", config->policyd.socket};
        places[1] = (struct place){"policyd.MetricsSocket", config->policyd.metrics_socket};
        places[2] = (struct place){"milter.Socket", config->milter.socket};
        places[3] = (struct place){"milter.MetricsSocket", config->milter.metrics_socket};
}

static bool concerns(enum config_program program, const char *option)
{
        return program == CONFIG_BOTH ||
               (program == CONFIG_POLICYD) == (strncmp(option, "policyd.", 8) == 0);
}

static void check_distinct(struct look *look)
{
        struct place places[PLACES];

        all_places(look->config, places);
        for (int i = 1; i < PLACES; i++)
                for (int k = 0; k < i; k++)
                        if (places[i].socket != NULL && places[k].socket != NULL &&
                            endpoint_same(places[i].socket, places[k].socket))
                                complain(look, places[i].option, "%s: the same socket as %s",
                                         places[i].option, places[k].option);
}

static bool below(const char *path, const char *folder)
{
        size_t len = strlen(folder);

        return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static bool may_be_missing(const struct look *look, const char *folder)
{
        return below(folder, "/run") || below(folder, "/var/run") ||
               (!look->installed && below(folder, INSTALLED_FOLDER));
}

/* The folder on the way to `path` that this process may not pass, or that is no folder. */
static const char *barrier(const char *path, char *folder)
{
        for (const char *at = strchr(path + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
                struct stat status;

                snprintf(folder, PATH_SIZE, "%.*s", (int)(at - path), path);
                if (stat(folder, &status) != 0)
                        break;
                if (!S_ISDIR(status.st_mode) || access(folder, X_OK) != 0)
                        return folder;
        }
        return NULL;
}

/* @return the error that counts, or 0; *where is what it is about */
static int try_folder(const struct look *look, const char *folder, int mode, const char **where,
                      char *buffer)
{
        struct stat status;
        int error = stat(folder, &status) == 0 ? 0 : errno;

        *where = folder;
        if (error == ENOENT)
                return may_be_missing(look, folder) ? 0 : error;
        if (error == EACCES && !look->permissions)
                return 0;
        if (error == 0 && !S_ISDIR(status.st_mode))
                return ENOTDIR;
        if (error == 0 && look->permissions && access(folder, mode) != 0)
                return errno;
        if (error != 0 && barrier(folder, buffer) != NULL)
                *where = buffer;
        return error;
}

static void check_folder(struct look *look, const char *option, const char *folder, int mode)
{
        char buffer[PATH_SIZE];
        const char *where;
        int error = try_folder(look, folder, mode, &where, buffer);

        if (error == ENOENT)
                complain(look, option, "%s: no such directory: %.400s; make it, or change %s",
                         option, where, option);
        else if (error == ENOTDIR)
                complain(look, option, "%s: %.400s is in the way: not a directory", option, where);
        else if (error != 0)
                complain(look, option, "%s: %.400s: %s", option, where, strerror(error));
}

/* The folder that something is in: "/" at least. */
static void parent_of(const char *path, char *parent)
{
        size_t len = strlen(path);

        while (len > 1 && path[len - 1] == '/')
                len--;
        while (len > 0 && path[len - 1] != '/')
                len--;
        while (len > 1 && path[len - 1] == '/')
                len--;
        snprintf(parent, PATH_SIZE, "%.*s", (int)len, path);
}

static void check_socket_file(struct look *look, const struct place *place)
{
        const char *path = endpoint_path(place->socket);
        char folder[PATH_SIZE];
        struct stat status;

        if (lstat(path, &status) == 0 && !S_ISSOCK(status.st_mode)) {
                complain(look, place->option, "%s: %s", place->option,
                         endpoint_error_text(-EEXIST));
                return;
        }
        parent_of(path, folder);
        check_folder(look, place->option, folder, W_OK | X_OK);
}

static void check_sockets(struct look *look)
{
        struct place places[PLACES];

        all_places(look->config, places);
        for (int i = 0; i < PLACES; i++) {
                int error;

                if (places[i].socket == NULL || !concerns(look->program, places[i].option))
                        continue;
                error = endpoint_check(places[i].socket);
                if (error != 0)
                        complain(look, places[i].option, "%s: %s: %s%s", places[i].option,
                                 places[i].socket,
                                 error == -EADDRNOTAVAIL ? "its host is not known, or " : "",
                                 endpoint_error_text(error));
                else if (endpoint_path(places[i].socket) != NULL)
                        check_socket_file(look, &places[i]);
        }
}

/* truefrom-policyd makes the directory where it is missing; the milter goes without until then. */
static void check_state(struct look *look)
{
        static const char option[] = "StateDirectory";
        const char *folder = look->config->state_directory;
        const bool writes = look->program != CONFIG_MILTER;
        char parent[PATH_SIZE];
        struct stat status;

        if (stat(folder, &status) == 0 || errno != ENOENT) {
                check_folder(look, option, folder, R_OK | X_OK | (writes ? W_OK : 0));
                return;
        }
        if (may_be_missing(look, folder))
                return;
        parent_of(folder, parent);
        check_folder(look, option, parent, X_OK | (writes ? W_OK : 0));
}

/* The file of the configuration itself: where exactly is it closed? */
static bool can_read(struct look *look)
{
        char folder[PATH_SIZE], text[MESSAGE_SIZE];
        const char *closed;

        if (access(look->path, R_OK) == 0)
                return true;
        closed = barrier(look->path, folder);
        snprintf(text, sizeof(text), "cannot be read: %s%s%.400s", strerror(EACCES),
                 closed != NULL ? ": " : "", closed != NULL ? closed : "");
        pass_on(look, look->path, 1, text);
        return false;
}

static void look_whole(struct look *look)
{
        const config_t *config;

        if (!can_read(look))
                return;
        config = config_load(look->path, look->program, pass_on, look);
        if (config == NULL)
                return;
        config_check_files(config, pass_on, look);
        look->config = config;
        check_state(look);
        if (config->user_id == NULL) /* else root makes the sockets */
                check_sockets(look);
        config_release(config);
}

/* In a process of its own, since there is no way back. */
static void look_as(const struct look *whole, enum config_program program, const account_t *account,
                    bool *failed)
{
        struct look look = *whole;
        int status = 0;
        pid_t child;

        look.program = program;
        look.user = account->user;
        look.permissions = true;
        fflush(NULL);
        child = fork();
        if (child == 0) {
                int error = account_become(account);

                if (error != 0)
                        pass_on(&look, look.path, 1, strerror(-error));
                else
                        look_whole(&look);
                fflush(NULL);
                _exit(look.failed ? EXIT_FAILURE : EXIT_SUCCESS);
        }
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
                *failed = true;
}

static bool find_account(const config_t *config, const char *unit_user, account_t *account)
{
        return config->user_id != NULL ? account_find(config->user_id, account) == 0
                                       : account_of_unit(unit_user, account) == 0;
}

static void look_as_daemons(struct look *look)
{
        static const struct {
                enum config_program program;
                const char *user;
        } daemons[] = {{CONFIG_POLICYD, POLICYD_USER}, {CONFIG_MILTER, MILTER_USER}};
        account_t account;

        for (size_t i = 0; i < sizeof(daemons) / sizeof(*daemons); i++)
                if ((look->program == CONFIG_BOTH || look->program == daemons[i].program) &&
                    find_account(look->config, daemons[i].user, &account))
                        look_as(look, daemons[i].program, &account, &look->failed);
}

static void check_user(struct look *look)
{
        const char *user_id = look->config->user_id;
        account_t account;

        if (user_id != NULL && account_find(user_id, &account) != 0)
                complain(look, "UserID", "UserID: no such user or group: %.200s", user_id);
}

bool preflight(const char *path, const config_t *config, enum config_program program,
               config_error_fn *error, void *context)
{
        const bool root = geteuid() == 0;
        account_t account;
        struct look look = {
            .path = path,
            .config = config,
            .program = program,
            .permissions = !root && program != CONFIG_BOTH,
            .installed = account_of_unit(POLICYD_USER, &account) == 0,
            .error = error,
            .context = context,
        };

        check_user(&look);
        check_distinct(&look);
        check_sockets(&look);
        check_state(&look);
        if (root && !look.failed)
                look_as_daemons(&look);
        return !look.failed;
}
