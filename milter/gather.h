/*
 * gather.h - what earlier filters found out of a message of the milter (common/auth/gather.h)
 */
#ifndef TRUEFROM_MILTER_GATHER_H
#define TRUEFROM_MILTER_GATHER_H

#include "common/auth/gather.h"
#include "milter/message.h"

/**
 * Read the fields of a complete message, and log those that are not believed.
 * @param queue_id for the log
 * @param author with whose domains a signature could align
 * @param out its memory is the message's arena
 * @return 0 or -ENOMEM
 */
int gather(const session_t *session, const char *queue_id, const from_author_t *author,
           gathered_t *out);

#endif
