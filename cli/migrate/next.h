/*
 * next.h - what the operator is told beside the new configuration
 */
#ifndef TRUEFROM_CLI_MIGRATE_NEXT_H
#define TRUEFROM_CLI_MIGRATE_NEXT_H

#include <stdio.h>

#include "cli/migrate/parse.h"
#include "cli/migrate/translate.h"
#include "common/base/arena.h"

/** Which mail is treated otherwise than OpenDMARC did under this configuration, a line each. */
void migrate_print_changes(FILE *out, const opendmarc_conf_t *conf);

/**
 * The commands that are left to do, finished, to be pasted into a root shell. Runs postconf:
 * without Postfix on this host the documented lines are printed, which is said.
 * @param config_dir Postfix's configuration; NULL = postconf's own
 * @param output the file that the configuration was written to, or NULL
 * @return 0 or -ENOMEM
 */
int migrate_print_next_steps(arena_t *arena, FILE *out, const char *config_dir, const char *output,
                             const migration_t *migration);

#endif
