/*
 * translator.h - what the parts of the translation share: where they read, write and count
 *
 * Internal to migrate_translate.c and migrate_groups.c.
 */
#ifndef TRUEFROM_CLI_MIGRATE_TRANSLATOR_H
#define TRUEFROM_CLI_MIGRATE_TRANSLATOR_H

#include <stdbool.h>

#include "cli/migrate/translate.h"
#include "cli/migrate/writer.h"

typedef struct translator {
        arena_t *arena;
        const opendmarc_conf_t *conf;
        migration_t *result;
        writer_t writer;
        bool *seen; /**< by the place in opendmarc_options: it is dealt with */
        bool out_of_memory;
} translator_t;

/** An option that is a boolean in both programs, and false in OpenDMARC when it is not set. */
typedef struct boolean {
        const char *group, *name;
        const char *when_true, *when_false; /**< what is to be said of it; may be NULL */
} boolean_t;

/** The setting of an option, which is dealt with from now on. NULL when it is not set. */
const opendmarc_setting_t *translator_get(translator_t *translator, const char *name);

/** For what arena_printf and the like return: `text`, after a mark when it is NULL. */
const char *translator_made(translator_t *translator, const char *text);

/** Something for the operator. @param message in the arena, or NULL: memory is out */
void translator_note(translator_t *translator, unsigned line, const char *message);

/** A comment in the file. */
void translator_comment(translator_t *translator, const char *text);

/** The setting as a comment, with what is to be said of it; counts as explained. */
void translator_explain(translator_t *translator, const opendmarc_setting_t *setting,
                        const char *text);

/** A value that has no form here: told in the file, and on its own to the operator. */
void translator_give_up(translator_t *translator, const opendmarc_setting_t *setting,
                        const char *why, const char *what_now);

/** May the option have this value here? Else *why is a constant text. */
bool translator_valid(const char *group, const char *name, const char *value, const char **why);

/** Write a boolean that is set, or whose defaults differ. */
void translator_boolean(translator_t *translator, const boolean_t *row);

/** Where relative paths begin: BaseDirectory, else where systemd starts a daemon. */
const char *translator_base_directory(const translator_t *translator);

/** The groups policyd and milter. */
void translator_policyd(translator_t *translator);
void translator_milter(translator_t *translator);

#endif
