/* The option Overrides: a list of groups, each an exception from the general handling. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/app/config_loader.h"
#include "common/mail/domain.h"
#include "common/mail/lexer.h"
#include "common/mail/list_id.h"

#define NAME_OCTETS_MAX 64
#define CLIENT_SPACE    " \t"

static const char *const action_words[] = {
    [OVERRIDE_ENFORCE] = "enforce",
    [OVERRIDE_ANNOTATE] = "annotate",
    [OVERRIDE_QUARANTINE] = "quarantine",
};

typedef bool normalize_fn(const char *text, char out[LIST_ID_SIZE]);

static bool normalize_domain(const char *text, char out[LIST_ID_SIZE])
{
        return domain_normalize(text, strlen(text), out) == 0;
}

static bool normalize_list_id(const char *text, char out[LIST_ID_SIZE])
{
        return list_id_normalize(text, strlen(text), out);
}

/* Conditions that are domains, or look like them. */
static const struct pattern_key {
        const char *name;
        size_t offset; /* in override_t */
        normalize_fn *normalize;
} pattern_keys[] = {
    {"AuthorDomain", offsetof(override_t, author_domains), normalize_domain},
    {"RecipientDomain", offsetof(override_t, recipient_domains), normalize_domain},
    {"ListId", offsetof(override_t, list_ids), normalize_list_id},
    {"ARCSealer", offsetof(override_t, arc_sealers), normalize_domain},
};

static void complain(struct loader *loader, const config_setting_t *setting, const char *key,
                     const char *message)
{
        char name[64];

        snprintf(name, sizeof(name), "Overrides: %s", key);
        loader_report_option(loader, setting, name, message, "");
}

/* A value is one string or a list of them. @return how many; 0 after complaining */
static int value_count(struct loader *loader, const config_setting_t *setting)
{
        int count = config_setting_is_aggregate(setting) ? config_setting_length(setting) : 1;

        if (!config_setting_is_group(setting) && count > 0)
                return count;
        complain(loader, setting, config_setting_name(setting),
                 "must be a string or a list of strings");
        return 0;
}

static const config_setting_t *value_at(const config_setting_t *setting, int i)
{
        return config_setting_is_aggregate(setting) ? config_setting_get_elem(setting, (unsigned)i)
                                                    : setting;
}

/* The string at a place, or NULL after complaining. */
static const char *value_text(struct loader *loader, const config_setting_t *setting, int i)
{
        const config_setting_t *value = value_at(setting, i);
        const char *text = config_setting_get_string(value);

        if (text == NULL)
                complain(loader, value, config_setting_name(setting),
                         "must be a string or a list of strings");
        return text;
}

static void read_patterns(struct loader *loader, const config_setting_t *setting,
                          const struct pattern_key *key, override_patterns_t *patterns)
{
        arena_t *arena = loader->holder->arena;
        const int count = value_count(loader, setting);
        const char **items = arena_calloc(arena, (size_t)count + 1, sizeof(*items));

        if (items == NULL) {
                loader_report_memory(loader);
                return;
        }
        patterns->items = items;
        for (int i = 0; i < count; i++) {
                const char *text = value_text(loader, setting, i);
                char normalized[LIST_ID_SIZE];
                bool below;

                if (text == NULL)
                        continue;
                below = *text == '.';
                if (!key->normalize(text + below, normalized)) {
                        complain(loader, value_at(setting, i), key->name, "not a domain name");
                        continue;
                }
                items[patterns->count] = arena_printf(arena, "%s%s", below ? "." : "", normalized);
                if (items[patterns->count] == NULL) {
                        loader_report_memory(loader);
                        return;
                }
                patterns->count++;
        }
}

/* For the error function of the list of clients: a line is a value. */
struct client_values {
        struct loader *loader;
        const config_setting_t *setting;
};

static void client_error(void *context, unsigned line, const char *message)
{
        const struct client_values *values = context;

        complain(values->loader, value_at(values->setting, (int)line - 1), "Client", message);
}

/* One line with something in it. */
static bool is_client_line(const char *text)
{
        return text != NULL && strpbrk(text, "#\r\n") == NULL &&
               text[strspn(text, CLIENT_SPACE)] != '\0';
}

/* Complain of what no line of the list can be. @return octets of the lines */
static size_t check_clients(struct loader *loader, const config_setting_t *setting, int count)
{
        bool only_exceptions = count > 0;
        size_t octets = 0;

        for (int i = 0; i < count; i++) {
                const char *text = value_text(loader, setting, i);

                if (text != NULL && !is_client_line(text))
                        complain(loader, value_at(setting, i), "Client", "not a client");
                if (text == NULL || text[strspn(text, CLIENT_SPACE)] != '!')
                        only_exceptions = false;
                octets += (text != NULL ? strlen(text) : 0) + 1;
        }
        if (only_exceptions)
                complain(loader, setting, "Client", "has only exceptions, and so no client");
        return octets;
}

/* The values become the lines of a list as in ignore.hosts, which knows all the forms. */
static void read_clients(struct loader *loader, const config_setting_t *setting, override_t *entry)
{
        struct client_values values = {.loader = loader, .setting = setting};
        const int count = value_count(loader, setting);
        char *lines = arena_alloc(loader->holder->arena, check_clients(loader, setting, count) + 1);
        char *at = lines;

        for (int i = 0; i < count && lines != NULL; i++) {
                const char *text = config_setting_get_string(value_at(setting, i));

                if (is_client_line(text))
                        at = stpcpy(at, text);
                *at++ = '\n';
        }
        if (lines != NULL)
                entry->clients = ignore_list_parse(lines, strlen(lines), client_error, &values);
        if (entry->clients == NULL)
                loader_report_memory(loader);
}

/* A name goes into the log and into Authentication-Results as it is. */
static void read_name(struct loader *loader, const config_setting_t *setting, override_t *entry)
{
        const char *text = config_setting_get_string(setting);
        lexer_t lexer = {.at = text, .end = text != NULL ? text + strlen(text) : NULL};

        if (text == NULL || *text == '#' || lexer_token(&lexer) == 0 || !lexer_done(&lexer) ||
            strlen(text) > NAME_OCTETS_MAX) {
                complain(loader, setting, "Name",
                         "must be at most 64 letters, digits, and characters such as - _ . +");
                return;
        }
        text = loader_keep(loader, text, strlen(text));
        if (text != NULL)
                entry->name = text;
}

static void read_action(struct loader *loader, const config_setting_t *setting, override_t *entry)
{
        const char *text = setting != NULL ? config_setting_get_string(setting) : NULL;

        for (size_t i = 0; text != NULL && i < sizeof(action_words) / sizeof(*action_words); i++) {
                if (strcmp(text, action_words[i]) == 0) {
                        entry->action = (enum override_action)i;
                        return;
                }
        }
        complain(loader, setting, "Action",
                 "must be \"enforce\" or \"annotate\" or \"quarantine\"");
}

static void read_key(struct loader *loader, const config_setting_t *setting, override_t *entry)
{
        const char *name = config_setting_name(setting);

        for (size_t i = 0; i < sizeof(pattern_keys) / sizeof(*pattern_keys); i++) {
                const struct pattern_key *key = &pattern_keys[i];

                if (strcmp(name, key->name) == 0) {
                        read_patterns(loader, setting, key, (void *)((char *)entry + key->offset));
                        return;
                }
        }
        if (strcmp(name, "Client") == 0)
                read_clients(loader, setting, entry);
        else if (strcmp(name, "Name") == 0)
                read_name(loader, setting, entry);
        else if (strcmp(name, "Action") == 0)
                read_action(loader, setting, entry);
        else
                complain(loader, setting, name,
                         "unknown here: an entry has Name, AuthorDomain, Client, RecipientDomain, "
                         "ListId, ARCSealer and Action");
}

static bool has(const config_setting_t *group, const char *key)
{
        return config_setting_get_member(group, key) != NULL;
}

static void check_entry(struct loader *loader, const config_setting_t *group)
{
        bool conditions = has(group, "Client");

        for (size_t i = 0; i < sizeof(pattern_keys) / sizeof(*pattern_keys); i++)
                conditions = conditions || has(group, pattern_keys[i].name);
        if (!has(group, "Action"))
                complain(loader, group, "Action", "is required");
        if (!conditions)
                loader_report_option(loader, group, "Overrides",
                                     "an entry needs a condition; RejectFailures is for all mail",
                                     "");
        if (has(group, "ListId") && !has(group, "Client") && !has(group, "ARCSealer"))
                complain(loader, config_setting_get_member(group, "ListId"), "ListId",
                         "anyone can write that field: give the list's Client or ARCSealer too");
}

static void read_entry(struct loader *loader, const config_setting_t *group, override_t *entry)
{
        override_list_t *list = &loader->holder->config.milter.overrides;

        if (!config_setting_is_group(group)) {
                loader_report_option(loader, group, "Overrides",
                                     "each entry must be a group: { … }", "");
                return;
        }
        for (int i = 0; i < config_setting_length(group); i++)
                read_key(loader, config_setting_get_elem(group, (unsigned)i), entry);
        check_entry(loader, group);
        list->wants_recipients |= entry->recipient_domains.count > 0;
        list->wants_list_id |= entry->list_ids.count > 0;
        list->wants_arc_sealer |= entry->arc_sealers.count > 0;
}

static int compare_names(const void *a, const void *b)
{
        const override_t *const *first = a, *const *second = b;
        int order = strcmp((*first)->name, (*second)->name);

        return order != 0 ? order : (*first > *second) - (*first < *second);
}

static void check_names(struct loader *loader, const config_setting_t *setting)
{
        const override_list_t *list = &loader->holder->config.milter.overrides;
        const override_t **sorted =
            arena_calloc(loader->holder->arena, list->count + 1, sizeof(*sorted));

        if (sorted == NULL) {
                loader_report_memory(loader);
                return;
        }
        for (size_t i = 0; i < list->count; i++)
                sorted[i] = &list->items[i];
        qsort(sorted, list->count, sizeof(*sorted), compare_names);
        for (size_t i = 1; i < list->count; i++) {
                const config_setting_t *entry;

                if (strcmp(sorted[i - 1]->name, sorted[i]->name) != 0)
                        continue;
                entry = config_setting_get_elem(setting, (unsigned)(sorted[i] - list->items));
                complain(loader, config_setting_get_member(entry, "Name"), "Name",
                         "another entry has this name");
        }
}

void loader_read_overrides(struct loader *loader, const config_setting_t *setting)
{
        override_list_t *list = &loader->holder->config.milter.overrides;
        const int count = config_setting_length(setting);
        arena_t *arena = loader->holder->arena;
        override_t *entries;

        if (!config_setting_is_list(setting)) {
                loader_report_option(loader, setting, "Overrides",
                                     "must be a list of groups: ( { … }, { … } )", "");
                return;
        }
        entries = arena_calloc(arena, (size_t)count + 1, sizeof(*entries));
        if (entries == NULL) {
                loader_report_memory(loader);
                return;
        }
        list->items = entries;
        for (int i = 0; i < count && !loader->out_of_memory; i++) {
                entries[i].name = arena_printf(arena, "#%d", i + 1);
                if (entries[i].name == NULL) {
                        loader_report_memory(loader);
                        return;
                }
                list->count++;
                read_entry(loader, config_setting_get_elem(setting, (unsigned)i), &entries[i]);
        }
        if (!loader->out_of_memory)
                check_names(loader, setting);
}

void overrides_release(const override_list_t *overrides)
{
        for (size_t i = 0; i < overrides->count; i++)
                ignore_list_free(overrides->items[i].clients);
}
