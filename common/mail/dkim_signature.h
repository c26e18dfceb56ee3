/*
 * dkim_signature.h - whose a DKIM-Signature field claims to be (RFC 6376 3.5)
 *
 * Verifies nothing. Pure, linear in the length of the field.
 */
#ifndef TRUEFROM_MAIL_DKIM_SIGNATURE_H
#define TRUEFROM_MAIL_DKIM_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/mail/domain.h"

/**
 * The signing domain (d=) of a field body.
 * @param out normalized
 * @return 0; -EINVAL when it is none that could be verified: a tag that every signature has is
 * missing or there twice, or d= is no domain; -ENOMEM
 */
int dkim_signature_domain(const char *body, size_t len, char out[DOMAIN_SIZE]);

/**
 * Whether the identity (i=) of a field body holds, in quoted-printable, a ";" or a control
 * character: OpenDKIM writes it decoded and without quotes into its Authentication-Results field
 * (header.i=), where what follows reads as a result of its own. No signer needs such an identity.
 */
bool dkim_signature_forges_results(const char *body, size_t len);

#endif
