/*
 * opendkim.h - opendkim.conf(5): what concerns the milter behind OpenDKIM
 */
#ifndef TRUEFROM_CLI_DOCTOR_OPENDKIM_H
#define TRUEFROM_CLI_DOCTOR_OPENDKIM_H

#include <stdbool.h>

#include "common/base/arena.h"

/** Settings; of one given twice the last counts. NULL = not set. */
typedef struct opendkim {
        const char *authserv_id;       /**< AuthservID */
        const char *with_job_id;       /**< AuthservIDWithJobID */
        const char *keep_auth_results; /**< KeepAuthResults */
        const char *mode;              /**< Mode */
        const char *remove_from;       /**< RemoveARFrom */
        const char *socket;            /**< Socket */
        const char *umask;             /**< UMask */
        const char *include;           /**< Include: not followed */
} opendkim_t;

/** Read a file's text. Pure. @return 0 or -ENOMEM */
int opendkim_parse(arena_t *arena, const char *text, opendkim_t *opendkim);

/** Does a list such as RemoveARFrom's name this authserv-id, itself or as ".domain"? */
bool opendkim_lists(const char *list, const char *authserv_id);

/** A value that means yes ("yes", "true", "1", any case); NULL is no. */
bool opendkim_yes(const char *value);

#endif
