/*
 * ulabel.h - U-labels that the DNS has and IDNA2008 does not allow; internal to common/mail
 *
 * Emoji and other symbols are registered, and readers show them (UTS 46 lets them pass). libidn2
 * refuses them, so that such labels are made here. Pure.
 */
#ifndef TRUEFROM_MAIL_ULABEL_H
#define TRUEFROM_MAIL_ULABEL_H

#include <stddef.h>

/**
 * Room for what ulabel_to_ascii writes. A label that is over 63 octets as A-label comes out as 64
 * octets that stand for it: no name in the DNS has it.
 */
#define ULABEL_SIZE 65

/**
 * One label as A-label, in lower case.
 * @param text, len UTF-8, without a dot
 * @return 0, -EINVAL when it is none, -ENOMEM
 */
int ulabel_to_ascii(const char *text, size_t len, char out[ULABEL_SIZE]);

#endif
