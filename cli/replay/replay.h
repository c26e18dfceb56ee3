/*
 * replay.h - truefrom replay: what its parts share
 */
#ifndef TRUEFROM_CLI_REPLAY_H
#define TRUEFROM_CLI_REPLAY_H

#include "cli/examine.h"
#include "cli/mailbox.h"
#include "cli/stored.h"

#define REPLAY_JOBS_DEFAULT 8
#define REPLAY_JOBS_MAX     64
/* All paths and results of a run: some hundred octets a message. */
#define REPLAY_ARENA_LIMIT ((size_t)8 << 30)

enum replay_state {
        REPLAY_UNREADABLE,  /**< gone, no plain file, or with too long a header */
        REPLAY_NO_ENVELOPE, /**< client or sender cannot be told */
        REPLAY_IGNORED,     /**< the milter would not evaluate it */
        REPLAY_EVALUATED
};

/** What became of one message. Text is in printable form. */
typedef struct replay_result {
        enum replay_state state;
        bool believed; /**< it has a believed Authentication-Results field */
        /* of an evaluated one: */
        enum decision_kind decision; /**< with RejectFailures */
        const char *domain;          /**< the author domain that decided; "-" = none */
        /* of one that would not be accepted: */
        const char *client, *sender, *message_id; /**< client "-" = not known */
        const char *spf;                          /**< "pass/example.org" */
        const char *dkim;                         /**< "pass/a.example fail/b.example", or "none" */
        const char *reason;                       /**< the DMARC reason, or what breaks RFC 5322 */
} replay_result_t;

typedef struct replay {
        arena_t *arena;
        bool json, list; /**< --json, --list */
        unsigned jobs;
        text_list_t nameservers, receivers, folders;
        examiner_t examiner;
        mailbox_list_t mailbox;
        replay_result_t *results;       /**< one a message */
        arena_t *keep[REPLAY_JOBS_MAX]; /**< the results' text, an arena a thread */
} replay_t;

/** Evaluate all messages; a progress bar on standard error when it is a terminal.
 * @return 0 or -ENOMEM */
int replay_run(replay_t *replay);

/** Counts of a run. */
typedef struct replay_totals {
        size_t unreadable, no_envelope, ignored, evaluated, believed;
        size_t decisions[DECISION_TEMPFAIL + 1]; /**< of the evaluated, by enum decision_kind */
} replay_totals_t;

/** One author domain of which messages would not be accepted. */
typedef struct replay_domain {
        const char *domain;
        size_t decisions[DECISION_TEMPFAIL + 1];
        size_t example; /**< number of the first message that would not be accepted */
} replay_domain_t;

typedef struct replay_summary {
        replay_totals_t totals;
        replay_domain_t *domains; /**< most affected first, then by name */
        size_t domain_count;
} replay_summary_t;

/** Sum up a run. @param out its memory is the replay's arena. @return 0 or -ENOMEM */
int replay_summarize(const replay_t *replay, replay_summary_t *out);

/** For people. */
void replay_print_text(const replay_t *replay, const replay_summary_t *summary);

/** For programs: one object, as doc/truefrom-replay.schema.json says. @return 0 or -ENOMEM */
int replay_print_json(const replay_t *replay, const replay_summary_t *summary);

#endif
