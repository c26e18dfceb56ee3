/*
 * translate.h - a truefrom.conf that says what an opendmarc.conf says
 *
 * Where the defaults of the two programs differ, and opendmarc.conf is silent, OpenDMARC's is
 * written, so that mail is treated as before. Each option that is set there is translated, or
 * explained in a comment. Whatever the input, truefrom -t accepts the result, provided that the
 * file that IgnoreHosts names can be read. Pure: no I/O.
 */
#ifndef TRUEFROM_CLI_MIGRATE_TRANSLATE_H
#define TRUEFROM_CLI_MIGRATE_TRANSLATE_H

#include <stddef.h>

#include "cli/migrate/parse.h"
#include "common/base/arena.h"

#define MIGRATE_POLICY_SOCKET "local:/var/spool/postfix/truefrom/policyd.sock"
#define MIGRATE_MILTER_SOCKET "local:/var/spool/postfix/truefrom/milter.sock"

/** Something that needs the operator's hand. */
typedef struct migration_note {
        unsigned line; /**< of opendmarc.conf; 0 = of no line */
        const char *message;
} migration_note_t;

typedef struct migration {
        char *text; /**< the configuration: migration_free */
        size_t len;
        unsigned translated, explained; /**< options of opendmarc.conf */
        unsigned refused;               /**< lines that OpenDMARC 1.4.2 would not start with */
        const char *socket;             /**< milter.Socket, as it is written */
        const char *opendmarc_socket;   /**< its Socket in our form; NULL = not set, or nonsense */
        const char *ignore_hosts;       /**< IgnoreHosts, as it is written; NULL = it is not */
        migration_note_t *notes;
        size_t note_count, note_room;
} migration_t;

/**
 * Translate.
 * @param arena what the result lives in, but for its text
 * @param conf what opendmarc.conf says
 * @param source its name, for the first comment
 * @return 0, or -ENOMEM: then there is nothing to free
 */
int migrate_translate(arena_t *arena, const opendmarc_conf_t *conf, const char *source,
                      migration_t *migration);

void migration_free(migration_t *migration);

#endif
