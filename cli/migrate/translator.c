#include "cli/migrate/translator.h"

#include "common/app/config_schema.h"

const opendmarc_setting_t *translator_get(translator_t *translator, const char *name)
{
        const opendmarc_setting_t *setting = opendmarc_conf_get(translator->conf, name);

        if (setting != NULL)
                translator->seen[setting->option - opendmarc_options] = true;
        return setting;
}

const char *translator_made(translator_t *translator, const char *text)
{
        if (text == NULL)
                translator->out_of_memory = true;
        return text;
}

void translator_note(translator_t *translator, unsigned line, const char *message)
{
        migration_t *result = translator->result;
        migration_note_t *grown = arena_grow(translator->arena, result->notes, result->note_count,
                                             &result->note_room, sizeof(*grown));

        if (translator_made(translator, message) == NULL || grown == NULL) {
                translator->out_of_memory = true;
                return;
        }
        result->notes = grown;
        grown[result->note_count++] = (migration_note_t){.line = line, .message = message};
}

void translator_explain(translator_t *translator, const opendmarc_setting_t *setting,
                        const char *text)
{
        const char *original =
            translator_made(translator, arena_printf(translator->arena, "%s %s",
                                                     setting->option->name, setting->value));

        translator->result->explained++;
        if (original != NULL && translator_made(translator, text) != NULL)
                writer_explain(&translator->writer, original, text);
}

void translator_give_up(translator_t *translator, const opendmarc_setting_t *setting,
                        const char *why, const char *what_now)
{
        const char *text = arena_printf(translator->arena, "%s; %s", why, what_now);

        translator_explain(translator, setting, text);
        translator_note(
            translator, setting->line,
            arena_printf(translator->arena, "%s: %s; %s", setting->option->name, why, what_now));
}

void translator_comment(translator_t *translator, const char *text)
{
        writer_comment(&translator->writer, text);
}

bool translator_valid(const char *group, const char *name, const char *value, const char **why)
{
        *why = option_find(group, name)->check(value);
        return *why == NULL;
}

const char *translator_base_directory(const translator_t *translator)
{
        const opendmarc_setting_t *setting = opendmarc_conf_get(translator->conf, "BaseDirectory");

        return setting != NULL && *setting->value == '/' ? setting->value : "/";
}

void translator_boolean(translator_t *translator, const boolean_t *row)
{
        const opendmarc_setting_t *setting = translator_get(translator, row->name);
        const bool value = setting != NULL && setting->truth;
        const char *text = value ? row->when_true : row->when_false;

        if (setting == NULL && !option_find(row->group, row->name)->number_default)
                return;
        if (text != NULL)
                translator_comment(translator, text);
        writer_bool(&translator->writer, row->name, value);
        writer_gap(&translator->writer);
        translator->result->translated += setting != NULL;
}
