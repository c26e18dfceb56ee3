#include "common/app/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/app/config_loader.h"
#include "common/mail/domain.h"
#include "common/policy/ignore.h"

void loader_report(struct loader *loader, const config_setting_t *setting, const char *message)
{
        const char *file = setting != NULL ? config_setting_source_file(setting) : NULL;
        unsigned line = setting != NULL ? config_setting_source_line(setting) : 1;

        loader->failed = true;
        loader->error(loader->context, file != NULL ? file : loader->path, line, message);
}

void loader_report_option(struct loader *loader, const config_setting_t *setting, const char *name,
                          const char *message, const char *more)
{
        char text[512];

        snprintf(text, sizeof(text), "%s: %s%s", name, message, more);
        loader_report(loader, setting, text);
}

void loader_report_memory(struct loader *loader)
{
        if (!loader->out_of_memory)
                loader_report(loader, NULL,
                              "out of memory: too much is configured, or the host has none left");
        loader->out_of_memory = true;
}

static void *member(struct loader *loader, const option_schema_t *row)
{
        return (char *)&loader->holder->config + row->offset;
}

const char *loader_keep(struct loader *loader, const char *text, size_t len)
{
        const char *copy = arena_strndup(loader->holder->arena, text, len);

        if (copy == NULL)
                loader_report_memory(loader);
        return copy;
}

static bool checked(struct loader *loader, const config_setting_t *setting,
                    const option_schema_t *row, const char *value)
{
        const char *why = row->check != NULL ? row->check(value) : NULL;

        if (why == NULL)
                return true;
        loader_report_option(loader, setting, row->name, why, "");
        return false;
}

static void set_string(struct loader *loader, const config_setting_t *setting,
                       const option_schema_t *row)
{
        const char *value = config_setting_get_string(setting);

        if (value == NULL)
                loader_report_option(loader, setting, row->name,
                                     "must be a string in double quotes", "");
        else if (checked(loader, setting, row, value))
                *(const char **)member(loader, row) = loader_keep(loader, value, strlen(value));
}

static void set_bool(struct loader *loader, const config_setting_t *setting,
                     const option_schema_t *row)
{
        if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
                loader_report_option(loader, setting, row->name, "must be true or false", "");
        else
                *(bool *)member(loader, row) = config_setting_get_bool(setting);
}

static void set_number(struct loader *loader, const config_setting_t *setting,
                       const option_schema_t *row)
{
        char range[64];
        long long value;

        if (config_setting_type(setting) != CONFIG_TYPE_INT &&
            config_setting_type(setting) != CONFIG_TYPE_INT64) {
                loader_report_option(loader, setting, row->name, "must be a whole number", "");
                return;
        }
        value = config_setting_get_int64(setting);
        if (value < row->minimum || value > row->maximum) {
                snprintf(range, sizeof(range), "from %u to %u", row->minimum, row->maximum);
                loader_report_option(loader, setting, row->name, "must be ", range);
                return;
        }
        *(unsigned *)member(loader, row) = (unsigned)value;
}

static bool set_word(struct loader *loader, const option_schema_t *row, const char *word)
{
        for (int i = 0; row->choices[i] != NULL; i++) {
                if (strcmp(word, row->choices[i]) == 0) {
                        *(int *)member(loader, row) = i;
                        return true;
                }
        }
        return false;
}

/* A boolean, or a word that goes further than true. */
static void set_switch(struct loader *loader, const config_setting_t *setting,
                       const option_schema_t *row)
{
        const char *value = config_setting_get_string(setting);
        char words[64];

        if (config_setting_type(setting) == CONFIG_TYPE_BOOL) {
                *(int *)member(loader, row) = config_setting_get_bool(setting) != 0;
                return;
        }
        for (int i = 2; value != NULL && row->choices[i] != NULL; i++) {
                if (strcmp(value, row->choices[i]) == 0) {
                        *(int *)member(loader, row) = i;
                        return;
                }
        }
        snprintf(words, sizeof(words), "true, false or \"%s\"", row->choices[2]);
        loader_report_option(loader, setting, row->name, "must be ", words);
}

static void set_choice(struct loader *loader, const config_setting_t *setting,
                       const option_schema_t *row)
{
        const char *value = config_setting_get_string(setting);
        char words[128] = "";

        if (value != NULL && set_word(loader, row, value))
                return;
        for (int i = 0; row->choices[i] != NULL; i++) {
                size_t used = strlen(words);

                snprintf(words + used, sizeof(words) - used, "%s\"%s\"", i > 0 ? " or " : "",
                         row->choices[i]);
        }
        loader_report_option(loader, setting, row->name, "must be ", words);
}

static bool list_add(struct loader *loader, const config_setting_t *setting,
                     const option_schema_t *row, const char *text, size_t len)
{
        config_strings_t *list = member(loader, row);
        const char **items;
        const char *item = loader_keep(loader, text, len);

        if (item == NULL || !checked(loader, setting, row, item))
                return false;
        items = arena_grow(loader->holder->arena, (void *)(uintptr_t)list->items, list->count,
                           &list->room, sizeof(*items));
        if (items == NULL) {
                loader_report_memory(loader);
                return false;
        }
        items[list->count++] = item;
        list->items = items;
        return true;
}

/* OpenDMARC's manner: one string, members separated by commas. */
static void set_list_from_string(struct loader *loader, const config_setting_t *setting,
                                 const option_schema_t *row)
{
        const char *at = config_setting_get_string(setting);

        while (*at != '\0') {
                size_t len;

                at += strspn(at, ", \t");
                len = strcspn(at, ", \t");
                if (len > 0 && !list_add(loader, setting, row, at, len))
                        return;
                at += len;
        }
}

static void set_list(struct loader *loader, const config_setting_t *setting,
                     const option_schema_t *row)
{
        int type = config_setting_type(setting);

        if (type == CONFIG_TYPE_STRING) {
                set_list_from_string(loader, setting, row);
                return;
        }
        if (type != CONFIG_TYPE_LIST && type != CONFIG_TYPE_ARRAY) {
                loader_report_option(loader, setting, row->name,
                                     "must be a list of strings, such as ( \"one\", \"two\" )", "");
                return;
        }
        for (int i = 0; i < config_setting_length(setting) && !loader->out_of_memory; i++) {
                const config_setting_t *item = config_setting_get_elem(setting, (unsigned)i);
                const char *text = config_setting_get_string(item);

                if (text == NULL)
                        loader_report_option(loader, setting, row->name,
                                             "each member must be a string", "");
                else
                        list_add(loader, item, row, text, strlen(text));
        }
}

static void set_overrides(struct loader *loader, const config_setting_t *setting,
                          const option_schema_t *row)
{
        (void)row;
        loader_read_overrides(loader, setting);
}

static void set_option(struct loader *loader, const config_setting_t *setting,
                       const option_schema_t *row)
{
        static void (*const setters[])(struct loader *, const config_setting_t *,
                                       const option_schema_t *) = {
            [OPTION_STRING] = set_string,       [OPTION_LIST] = set_list,
            [OPTION_BOOL] = set_bool,           [OPTION_SWITCH] = set_switch,
            [OPTION_NUMBER] = set_number,       [OPTION_CHOICE] = set_choice,
            [OPTION_OVERRIDES] = set_overrides,
        };

        setters[row->type](loader, setting, row);
}

static void read_group(struct loader *loader, const config_setting_t *group, const char *name);

static void read_setting(struct loader *loader, const config_setting_t *setting, const char *group)
{
        const char *name = config_setting_name(setting);
        const option_schema_t *row = option_find(group, name);
        const char *hint;

        if (row != NULL) {
                set_option(loader, setting, row);
                return;
        }
        if (group == NULL && (strcmp(name, "policyd") == 0 || strcmp(name, "milter") == 0)) {
                if (config_setting_is_group(setting))
                        read_group(loader, setting, name);
                else
                        loader_report_option(loader, setting, name, "must be a group: { ... };",
                                             "");
                return;
        }
        hint = option_hint(group, name);
        loader_report_option(loader, setting, name, "unknown option here: ",
                             hint != NULL ? hint : "see truefrom.conf(5) for all there are");
}

static void read_group(struct loader *loader, const config_setting_t *group, const char *name)
{
        for (int i = 0; i < config_setting_length(group) && !loader->out_of_memory; i++)
                read_setting(loader, config_setting_get_elem(group, (unsigned)i), name);
}

static void set_defaults(struct loader *loader)
{
        for (size_t i = 0; i < option_schema_count; i++) {
                const option_schema_t *row = &option_schema[i];

                switch (row->type) {
                case OPTION_STRING:
                        *(const char **)member(loader, row) = row->text_default;
                        break;
                case OPTION_BOOL:
                        *(bool *)member(loader, row) = row->number_default != 0;
                        break;
                case OPTION_NUMBER:
                        *(unsigned *)member(loader, row) = row->number_default;
                        break;
                case OPTION_SWITCH:
                        *(int *)member(loader, row) = 0;
                        break;
                case OPTION_CHOICE:
                        set_word(loader, row, row->text_default);
                        break;
                case OPTION_LIST:
                case OPTION_OVERRIDES:
                        break;
                }
        }
}

static const char *resolve_id(struct loader *loader, const char *id)
{
        char name[256];

        if (strcmp(id, "HOSTNAME") != 0)
                return id;
        if (gethostname(name, sizeof(name)) != 0 || memchr(name, '\0', sizeof(name)) == NULL ||
            *name == '\0') {
                loader_report(loader, NULL, "AuthservID: must be set, as this host has no name");
                return id;
        }
        return loader_keep(loader, name, strlen(name));
}

static void resolve_ids(struct loader *loader, const config_setting_t *root)
{
        config_t *config = &loader->holder->config;
        config_strings_t *trusted = &config->trusted_authserv_ids;
        const option_schema_t *row = option_find(NULL, "TrustedAuthservIDs");
        const char **items;

        config->authserv_id_implicit = config_setting_get_member(root, "AuthservID") == NULL;
        config->authserv_id = resolve_id(loader, config->authserv_id);
        if (config->authserv_id == NULL)
                return;
        if (trusted->count == 0)
                list_add(loader, NULL, row, config->authserv_id, strlen(config->authserv_id));
        items = (const char **)trusted->items;
        for (size_t i = 0; i < trusted->count; i++)
                if (items[i] != NULL)
                        items[i] = resolve_id(loader, items[i]);
}

/* Author domains are compared in normalized form; the "." in front stays. */
static void normalize_domains(struct loader *loader)
{
        config_strings_t *list = &loader->holder->config.ignore_mail_from;
        const char **items = (const char **)list->items;

        for (size_t i = 0; i < list->count; i++) {
                const bool below = *items[i] == '.';
                const char *text = items[i] + (below ? 1 : 0);
                char domain[DOMAIN_SIZE];

                if (domain_normalize(text, strlen(text), domain) != 0)
                        continue; /* reported when it was read */
                items[i] = arena_printf(loader->holder->arena, "%s%s", below ? "." : "", domain);
                if (items[i] == NULL) {
                        loader_report_memory(loader);
                        return;
                }
        }
}

static void check_ignore_hosts(struct loader *loader, const config_setting_t *root)
{
        const char *path = loader->holder->config.ignore_hosts;

        char why[256];
        struct stat status;
        int error;

        if (path == NULL)
                return;
        error = access(path, R_OK) == 0 ? 0 : errno;
        if (error == 0 && stat(path, &status) == 0 && S_ISDIR(status.st_mode))
                error = EISDIR;
        if (error == 0)
                return;
        snprintf(why, sizeof(why), "cannot be read: %s: ", strerror(error));
        loader_report_option(loader, config_setting_get_member(root, "IgnoreHosts"), "IgnoreHosts",
                             why, path);
}

static void check_whole(struct loader *loader, const config_setting_t *root,
                        enum config_program program)
{
        config_t *config = &loader->holder->config;

        const bool both = program == CONFIG_BOTH;

        if ((both || program == CONFIG_POLICYD) && config->policyd.socket == NULL)
                loader_report(loader, config_setting_get_member(root, "policyd"),
                              "policyd.Socket: must be set, such as to "
                              "\"local:/var/spool/postfix/truefrom/policyd.sock\"");
        if ((both || program == CONFIG_MILTER) && config->milter.socket == NULL)
                loader_report(loader, config_setting_get_member(root, "milter"),
                              "milter.Socket: must be set, such as to "
                              "\"local:/var/spool/postfix/truefrom/milter.sock\"");
        config->umask_bits = (mode_t)strtoul(config->umask_text, NULL, 8);
        resolve_ids(loader, root);
        normalize_domains(loader);
        check_ignore_hosts(loader, root);
}

static int64_t clock_us(void)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void read_file(struct loader *loader, libconfig_t *parsed, enum config_program program)
{
        const config_setting_t *root;

        loader->holder->config.read_us = clock_us();
        if (!loader_parse(loader, parsed))
                return;
        root = config_root_setting(parsed);
        set_defaults(loader);
        read_group(loader, root, NULL);
        if (!loader->out_of_memory)
                check_whole(loader, root, program);
}

static void holder_free(struct holder *holder)
{
        if (holder == NULL)
                return;
        overrides_release(&holder->config.milter.overrides);
        arena_free(holder->arena);
        free(holder);
}

const config_t *config_load(const char *path, enum config_program program, config_error_fn *error,
                            void *context)
{
        struct loader loader = {.path = path, .error = error, .context = context};
        libconfig_t parsed;

        loader.holder = calloc(1, sizeof(*loader.holder));
        if (loader.holder != NULL)
                loader.holder->arena = arena_create((size_t)64 << 20);
        if (loader.holder == NULL || loader.holder->arena == NULL) {
                loader_report_memory(&loader);
                holder_free(loader.holder);
                return NULL;
        }
        loader.holder->references = 1;
        config_init(&parsed);
        read_file(&loader, &parsed, program);
        config_destroy(&parsed);
        if (!loader.failed)
                return &loader.holder->config;
        holder_free(loader.holder);
        return NULL;
}

const config_t *config_retain(const config_t *config)
{
        struct holder *holder = (struct holder *)(uintptr_t)config;

        __atomic_add_fetch(&holder->references, 1, __ATOMIC_RELAXED);
        return config;
}

void config_release(const config_t *config)
{
        struct holder *holder = (struct holder *)(uintptr_t)config;

        if (holder != NULL && __atomic_sub_fetch(&holder->references, 1, __ATOMIC_ACQ_REL) == 0)
                holder_free(holder);
}

struct line_check {
        const char *path;
        config_error_fn *error;
        void *context;
        bool failed;
};

static void broken_line(void *context, unsigned line, const char *message)
{
        struct line_check *check = context;

        check->failed = true;
        check->error(check->context, check->path, line, message);
}

bool config_check_files(const config_t *config, config_error_fn *error, void *context)
{
        struct line_check check = {
            .path = config->ignore_hosts, .error = error, .context = context};
        ignore_file_t *file;
        int result;

        if (config->ignore_hosts == NULL)
                return true;
        result = ignore_file_open(config->ignore_hosts, broken_line, &check, &file);
        if (result != 0) {
                broken_line(&check, 1, strerror(-result));
                return false;
        }
        ignore_file_free(file);
        return !check.failed;
}
