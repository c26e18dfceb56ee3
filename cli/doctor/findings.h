/*
 * findings.h - what truefrom doctor found: a list that grows, and is printed at the end
 *
 * All texts are copied into the list's arena; bytes of any kind may stand in them (they are escaped
 * when they are printed).
 */
#ifndef TRUEFROM_CLI_DOCTOR_FINDINGS_H
#define TRUEFROM_CLI_DOCTOR_FINDINGS_H

#include <stdbool.h>
#include <stdio.h>

#include "common/base/arena.h"

enum severity { SEVERITY_OK, SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_ERROR, SEVERITIES };

/** One line to change in a file, or a command to run. */
typedef struct change {
        const char *file; /**< NULL: `line` is a command */
        const char
            *section; /**< where in the file (a master.cf service, a group); NULL = anywhere */
        const char *line;
        struct change *next;
} change_t;

typedef struct finding {
        enum severity severity;
        const char *keyword; /**< a constant, explained in truefrom-doctor(1) */
        const char *where;   /**< Postfix services that it is true for, or NULL */
        const char *text;    /**< what was found */
        const char *meaning; /**< what that does to mail; NULL when the text says it all */
        change_t *changes;
        struct finding *next;
} finding_t;

/** A file, and the command by which a change of it comes to hold. */
typedef struct followup {
        const char *file, *command;
} followup_t;

typedef struct findings {
        arena_t *arena; /**< the caller's */
        finding_t *first, **last;
        const struct followup
            *followups; /**< what to run after changes of a file; NULL = nothing */
        size_t followup_count;
        finding_t lost; /**< stands in for a finding that there was no memory for */
        bool failed;    /**< memory was out: the list is not complete */
} findings_t;

void findings_init(findings_t *findings, arena_t *arena);

/** Add one; never NULL. `keyword` is kept, `where` (may be NULL) is kept. */
finding_t *finding_add(findings_t *findings, enum severity severity, const char *keyword,
                       const char *where, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/** Say what it means. */
void finding_means(findings_t *findings, finding_t *finding, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Add a line to change; file, section (may be NULL) are kept. */
void finding_change(findings_t *findings, finding_t *finding, const char *file, const char *section,
                    const char *format, ...) __attribute__((format(printf, 5, 6)));

/** Add a command to run. */
void finding_command(findings_t *findings, finding_t *finding, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Findings that are the same but for `where` become one, with all places in it. */
void findings_merge(findings_t *findings);

/** How many there are of a severity. */
unsigned findings_count(const findings_t *findings, enum severity severity);

/** Is there a change of this file? */
bool findings_change_file(const findings_t *findings, const char *file);

/** Print as a list to read. @param colour with terminal colours */
void findings_print(const findings_t *findings, FILE *out, bool colour);

/** Print as one JSON object. @return false when memory is out */
bool findings_print_json(const findings_t *findings, FILE *out);

#endif
