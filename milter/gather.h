/*
 * gather.h - what earlier filters found out: the Authentication-Results fields that we believe
 *
 * Contract 5.2, 5.5 and 5.6.
 */
#ifndef TRUEFROM_MILTER_GATHER_H
#define TRUEFROM_MILTER_GATHER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/dmarc/dmarc.h"
#include "common/mail/arc_seal.h"
#include "milter/message.h"

/** Memory is the message's arena. */
typedef struct gathered {
        dmarc_identifier_t *dkim; /**< every dkim= of a believed field */
        size_t dkim_count, dkim_room;
        bool has_spf; /**< a believed spf= for this message's own envelope */
        dmarc_identifier_t spf;
        arc_results_t arc; /**< every arc= of a believed field */
        unsigned *remove;  /**< occurrences of fields that forge our authserv-id, ascending */
        size_t remove_count;
        unsigned ignored; /**< fields that are not believed */
} gathered_t;

/**
 * Read the fields of a complete message.
 * @param queue_id for the log
 * @return 0 or -ENOMEM
 */
int gather(const session_t *session, const char *queue_id, gathered_t *out);

#endif
