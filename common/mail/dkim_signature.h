/*
 * dkim_signature.h - whose a DKIM-Signature field claims to be (RFC 6376 3.5)
 *
 * Verifies nothing. Pure, linear in the length of the field.
 */
#ifndef TRUEFROM_MAIL_DKIM_SIGNATURE_H
#define TRUEFROM_MAIL_DKIM_SIGNATURE_H

#include <stddef.h>

#include "common/mail/domain.h"

/**
 * The signing domain (d=) of a field body.
 * @param out normalized
 * @return 0; -EINVAL when it is none that could be verified: a tag that every signature has is
 * missing or there twice, or d= is no domain; -ENOMEM
 */
int dkim_signature_domain(const char *body, size_t len, char out[DOMAIN_SIZE]);

#endif
