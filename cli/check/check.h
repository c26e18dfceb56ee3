/*
 * check.h - truefrom check: what its parts share
 */
#ifndef TRUEFROM_CLI_CHECK_H
#define TRUEFROM_CLI_CHECK_H

#include "cli/examine.h"
#include "cli/trace.h"

#define CHECK_USAGE_ERROR 2 /* contract 10 */

/** What the user asks for; strings are the user's or an arena's. */
typedef struct check_options {
        bool has_client;
        address_t client;
        const char *client_name;
        const char *helo;   /**< policy-service form, or NULL */
        const char *sender; /**< policy-service form, or NULL */
        text_list_t from;   /**< From field bodies */
        text_list_t recipients;
        dmarc_identifier_t *dkim;
        size_t dkim_count, dkim_room;
        const char *message; /**< file to read, "-" = standard input, or NULL */
        text_list_t nameservers, receivers;
        bool json;
} check_options_t;

/** Read the options. @return -1 to go on, else the exit status, after a message */
int check_read_options(arena_t *arena, int argc, char **argv, check_options_t *options);

/** What became of an Authentication-Results field. */
typedef struct check_belief {
        unsigned index; /**< among all fields, from 0 */
        enum gather_belief belief;
        const char *authserv_id; /**< printable, or NULL */
} check_belief_t;

/** A check on its way, and at its end what there is to tell. */
typedef struct check {
        arena_t *arena;
        const check_options_t *options;
        examiner_t examiner;
        subject_t subject;
        const char *message_id; /**< of a stored message, or NULL */
        trace_t trace;
        check_belief_t *beliefs;
        size_t belief_count, belief_room;
        bool failed; /**< memory ran out in an observer */
        examination_t examination;
} check_t;

/** The result that is told: that of the author domain which decided. */
enum auth_result check_result(const check_t *check);

/** For people. */
void check_print_text(const check_t *check);

/** For programs: one object, as doc/truefrom-check.schema.json says. @return 0 or -ENOMEM */
int check_print_json(const check_t *check);

#endif
