#include "cli/migrate/parse.h"

#include <stdlib.h>
#include <string.h>

#define LINE_OCTETS_MAX 1023 /* OpenDMARC takes a longer line for two */

struct parser {
        arena_t *arena;
        opendmarc_conf_t *conf;
        unsigned line;
        bool out_of_memory;
};

static void add_problem(struct parser *parser, unsigned line, const char *text, const char *message,
                        bool refused)
{
        opendmarc_conf_t *conf = parser->conf;
        opendmarc_problem_t *grown = arena_grow(parser->arena, conf->problems, conf->problem_count,
                                                &conf->problem_room, sizeof(*grown));

        if (grown == NULL) {
                parser->out_of_memory = true;
                return;
        }
        conf->problems = grown;
        grown[conf->problem_count++] = (opendmarc_problem_t){
            .line = line, .text = text, .message = message, .refused = refused};
}

static void refuse(struct parser *parser, const char *text, const char *message)
{
        add_problem(parser, parser->line, text, message, true);
}

/* @return what is wrong with the value, or NULL */
static const char *read_value(opendmarc_setting_t *setting)
{
        char *end;

        switch (setting->option->type) {
        case OPENDMARC_BOOL:
                setting->truth = strchr("tTyY1", setting->value[0]) != NULL;
                if (!setting->truth && strchr("fFnN0", setting->value[0]) == NULL)
                        return "the value must begin with y, t, 1 or n, f, 0";
                break;
        case OPENDMARC_NUMBER:
                setting->number = strtol(setting->value, &end, 0);
                if (*end != '\0')
                        return "the value must be a whole number";
                break;
        case OPENDMARC_STRING:
                break;
        }
        return NULL;
}

static void set(struct parser *parser, const opendmarc_setting_t *setting)
{
        opendmarc_setting_t *place = &parser->conf->settings[setting->option - opendmarc_options];
        const char *text;

        if (place->line != 0) {
                text = arena_printf(parser->arena, "%s %s", place->option->name, place->value);
                if (text == NULL)
                        parser->out_of_memory = true;
                else
                        add_problem(parser, place->line, text,
                                    "given again further down, which counts", false);
        }
        *place = *setting;
}

/* @param text NUL-terminated, in the arena, without white space at both ends and not empty */
static void parse_statement(struct parser *parser, const char *text)
{
        size_t name_len = strcspn(text, " \t");
        const char *name = arena_strndup(parser->arena, text, name_len);
        opendmarc_setting_t setting = {.line = parser->line};
        const char *why;

        if (name == NULL) {
                parser->out_of_memory = true;
                return;
        }
        setting.option = opendmarc_option_find(name);
        setting.value = text + name_len + strspn(text + name_len, " \t");
        if (setting.option == NULL) {
                refuse(parser, text, "OpenDMARC 1.4.2 has no such option");
                return;
        }
        if (*setting.value == '\0') {
                refuse(parser, text, "the value is missing");
                return;
        }
        why = read_value(&setting);
        if (why != NULL)
                refuse(parser, text, why);
        else
                set(parser, &setting);
}

static void parse_line(struct parser *parser, const char *text, size_t len)
{
        const char *hash = memchr(text, '#', len);
        const char *copy;

        if (len > LINE_OCTETS_MAX) {
                refuse(parser, "", "the line is longer than 1023 octets");
                return;
        }
        if (hash != NULL)
                len = (size_t)(hash - text);
        /* a carriage return too, which OpenDMARC would take into the value */
        while (len > 0 && strchr(" \t\r", text[len - 1]) != NULL && text[len - 1] != '\0')
                len--;
        while (len > 0 && (*text == ' ' || *text == '\t')) {
                text++;
                len--;
        }
        if (len == 0)
                return;
        if (memchr(text, '\0', len) != NULL) {
                refuse(parser, "", "the line has a NUL in it");
                return;
        }
        copy = arena_strndup(parser->arena, text, len);
        if (copy == NULL)
                parser->out_of_memory = true;
        else
                parse_statement(parser, copy);
}

static opendmarc_conf_t *conf_create(arena_t *arena)
{
        opendmarc_conf_t *conf = arena_alloc(arena, sizeof(*conf));

        if (conf == NULL)
                return NULL;
        conf->settings = arena_calloc(arena, opendmarc_option_count, sizeof(*conf->settings));
        if (conf->settings == NULL)
                return NULL;
        for (size_t i = 0; i < opendmarc_option_count; i++)
                conf->settings[i].option = &opendmarc_options[i];
        return conf;
}

opendmarc_conf_t *opendmarc_conf_parse(arena_t *arena, const char *text, size_t len)
{
        struct parser parser = {.arena = arena, .conf = conf_create(arena)};
        const char *end = text + len;

        if (parser.conf == NULL)
                return NULL;
        while (text < end && !parser.out_of_memory) {
                const char *newline = memchr(text, '\n', (size_t)(end - text));
                const char *stop = newline != NULL ? newline : end;

                parser.line++;
                parse_line(&parser, text, (size_t)(stop - text));
                text = newline != NULL ? newline + 1 : end;
        }
        return parser.out_of_memory ? NULL : parser.conf;
}

const opendmarc_setting_t *opendmarc_conf_get(const opendmarc_conf_t *conf, const char *name)
{
        const opendmarc_option_t *option = opendmarc_option_find(name);

        if (option == NULL || conf->settings[option - opendmarc_options].line == 0)
                return NULL;
        return &conf->settings[option - opendmarc_options];
}
