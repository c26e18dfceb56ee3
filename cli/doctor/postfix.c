#include "cli/doctor/postfix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* "name = value" of one line of postconf; false for anything else. */
static bool read_line(arena_t *arena, const char *line, size_t len, const char **name,
                      const char **value)
{
        const char *equals = memchr(line, '=', len);
        size_t name_len;

        if (equals == NULL)
                return false;
        name_len = (size_t)(equals - line);
        while (name_len > 0 && line[name_len - 1] == ' ')
                name_len--;
        equals++;
        while (equals < line + len && *equals == ' ')
                equals++;
        *name = arena_strndup(arena, line, name_len);
        *value = arena_strndup(arena, equals, (size_t)(line + len - equals));
        return name_len > 0;
}

static postfix_setting_t *find_setting(const postfix_settings_t *settings, const char *name)
{
        for (size_t i = 0; i < settings->count; i++)
                if (strcmp(settings->items[i].name, name) == 0)
                        return &settings->items[i];
        return NULL;
}

static int add_setting(arena_t *arena, postfix_settings_t *settings, const char *name,
                       const char *value)
{
        postfix_setting_t *items =
            arena_grow(arena, settings->items, settings->count, &settings->room, sizeof(*items));

        if (items == NULL)
                return -ENOMEM;
        settings->items = items;
        items[settings->count++] =
            (postfix_setting_t){.name = name, .value = value, .expanded = value};
        return 0;
}

/* postconf prints a main.cf in the same order with and without -x; `hint` saves a search. */
static void expand_setting(postfix_settings_t *settings, size_t hint, const char *name,
                           const char *value)
{
        postfix_setting_t *setting = NULL;

        if (hint < settings->count && strcmp(settings->items[hint].name, name) == 0)
                setting = &settings->items[hint];
        else
                setting = find_setting(settings, name);
        if (setting != NULL)
                setting->expanded = value;
}

/* "smtp/inet/chroot": the service's label (a copy) and what stands behind it. Neither a type nor a
 * parameter's name has a slash in it. */
static const char *split_label(arena_t *arena, const char *name, const char **member)
{
        const char *slash = strrchr(name, '/');

        if (slash == NULL || memchr(name, '/', (size_t)(slash - name)) == NULL)
                return NULL;
        *member = slash + 1;
        return arena_strndup(arena, name, (size_t)(slash - name));
}

static postfix_service_t *find_service(const postfix_t *postfix, const char *label)
{
        for (size_t i = postfix->service_count; i > 0; i--)
                if (strcmp(postfix->services[i - 1].label, label) == 0)
                        return &postfix->services[i - 1];
        return NULL;
}

static postfix_service_t *add_service(arena_t *arena, postfix_t *postfix, const char *label)
{
        const char *slash = strrchr(label, '/');
        postfix_service_t *services = arena_grow(arena, postfix->services, postfix->service_count,
                                                 &postfix->service_room, sizeof(*services));
        postfix_service_t *service;

        if (services == NULL)
                return NULL;
        postfix->services = services;
        service = &services[postfix->service_count];
        *service = (postfix_service_t){.label = label, .program = "", .chroot = '-'};
        service->name = arena_strndup(arena, label, (size_t)(slash - label));
        service->type = slash + 1;
        if (service->name == NULL)
                return NULL;
        postfix->service_count++;
        return service;
}

static int read_service_field(arena_t *arena, postfix_t *postfix, const char *name,
                              const char *value)
{
        const char *field;
        const char *label = split_label(arena, name, &field);
        postfix_service_t *service;

        if (label == NULL)
                return 0;
        service = find_service(postfix, label);
        if (service == NULL)
                service = add_service(arena, postfix, label);
        if (service == NULL)
                return -ENOMEM;
        if (strcmp(field, "chroot") == 0 && *value != '\0')
                service->chroot = *value;
        if (strcmp(field, "command") != 0)
                return 0;
        service->program = arena_strndup(arena, value, strcspn(value, " \t"));
        return service->program != NULL ? 0 : -ENOMEM;
}

static int read_override(arena_t *arena, postfix_t *postfix, bool expanded, const char *name,
                         const char *value)
{
        const char *parameter;
        const char *label = split_label(arena, name, &parameter);
        postfix_service_t *service = label != NULL ? find_service(postfix, label) : NULL;

        if (service == NULL)
                return 0;
        if (!expanded)
                return add_setting(arena, &service->overrides, parameter, value);
        expand_setting(&service->overrides, service->overrides.count, parameter, value);
        return 0;
}

int postfix_read(arena_t *arena, postfix_t *postfix, enum postfix_text what, const char *text)
{
        size_t index = 0;

        for (const char *line = text; *line != '\0'; index++) {
                size_t len = strcspn(line, "\n");
                const char *name, *value;
                int error = 0;

                if (read_line(arena, line, len, &name, &value)) {
                        if (name == NULL || value == NULL)
                                return -ENOMEM;
                        if (what == POSTFIX_MAIN)
                                error = add_setting(arena, &postfix->main, name, value);
                        else if (what == POSTFIX_MAIN_EXPANDED)
                                expand_setting(&postfix->main, index, name, value);
                        else if (what == POSTFIX_SERVICES)
                                error = read_service_field(arena, postfix, name, value);
                        else
                                error =
                                    read_override(arena, postfix,
                                                  what == POSTFIX_OVERRIDES_EXPANDED, name, value);
                }
                if (error != 0)
                        return error;
                line += len + (line[len] == '\n' ? 1 : 0);
        }
        return 0;
}

const postfix_setting_t *postfix_find(const postfix_t *postfix, const postfix_service_t *service,
                                      const char *name, bool *overridden)
{
        const postfix_setting_t *setting = NULL;

        if (service != NULL)
                setting = find_setting(&service->overrides, name);
        if (overridden != NULL)
                *overridden = setting != NULL;
        return setting != NULL ? setting : find_setting(&postfix->main, name);
}

const char *postfix_value(const postfix_t *postfix, const postfix_service_t *service,
                          const char *name)
{
        const postfix_setting_t *setting = postfix_find(postfix, service, name, NULL);

        return setting != NULL ? setting->expanded : "";
}

/* COMPATIBILITY_README: "-" meant yes before compatibility level 1 */
bool postfix_chroots(const postfix_t *postfix, const postfix_service_t *service)
{
        if (service->chroot != '-')
                return service->chroot == 'y';
        return strcmp(postfix_value(postfix, NULL, "compatibility_level"), "0") == 0;
}

long postfix_seconds(const char *value)
{
        static const struct {
                char unit;
                long seconds;
        } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
        char *end;
        long number;

        if (*value < '0' || *value > '9')
                return -1;
        errno = 0;
        number = strtol(value, &end, 10);
        if (errno != 0 || number > 100000000)
                return -1;
        if (*end == '\0')
                return number;
        for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
                if (end[0] == units[i].unit && end[1] == '\0')
                        return number * units[i].seconds;
        return -1;
}
