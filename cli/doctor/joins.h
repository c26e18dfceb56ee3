/*
 * joins.h - where SPF results came from, by the milter's lines in a mail log
 */
#ifndef TRUEFROM_CLI_DOCTOR_JOINS_H
#define TRUEFROM_CLI_DOCTOR_JOINS_H

enum joins_kind {
        JOINS_QUEUE_ID, /**< join=queueid */
        JOINS_ENVELOPE, /**< join=envelope */
        JOINS_HEADER,   /**< join=header */
        JOINS_SELF,     /**< join=self */
        JOINS_NONE,     /**< join=none */
        JOINS_KINDS
};

/** Messages of each kind. */
typedef struct joins {
        unsigned count[JOINS_KINDS];
        unsigned total;
} joins_t;

/** Count the verdict lines of truefrom-milter in a log's text (syslog's forms, or the daemon's own
 * standard error). Text that others can write into a log line is not taken for one. Pure. */
void joins_count(const char *text, joins_t *joins);

#endif
