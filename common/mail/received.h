/*
 * received.h - the Received fields of Postfix's SMTP server: from whom a stored message came
 *
 *   from HELO (NAME [ADDRESS]) (comments) by HOST (comments) with ESMTPS ...
 *
 * as smtpd(8) writes it, with "IPv6:" before an IPv6 address. Fields of other forms (local
 * submission, LMTP, other mail systems) are passed over. Whether a field is to be believed is not
 * decided here. Pure, without recursion, takes linear time.
 */
#ifndef TRUEFROM_MAIL_RECEIVED_H
#define TRUEFROM_MAIL_RECEIVED_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/address.h"
#include "common/base/arena.h"

typedef struct received {
        const char *helo; /**< as Postfix gives it to policy servers too */
        const char *name; /**< the client's verified host name, or NULL ("unknown") */
        address_t client;
        const char *by;     /**< the host that wrote the field */
        bool authenticated; /**< the client had logged in (RFC 3848: ESMTPA, ESMTPSA) */
} received_t;

/**
 * Read one field body.
 * @param out its memory is the arena's
 * @return 1, 0 when it has another form, or -ENOMEM
 */
int received_parse(arena_t *arena, const char *body, size_t len, received_t *out);

#endif
