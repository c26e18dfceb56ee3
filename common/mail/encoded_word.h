/*
 * encoded_word.h - what a reader makes of encoded-words (RFC 2047), as far as ASCII goes
 *
 * Looks for the addresses that a reader may be shown, so it decodes wherever some reader does:
 * in quoted-strings and in the middle of words too. Octets of other characters come out as they
 * stand in their charset; those of one that is not ASCII's superset are left out. Pure, takes
 * linear time.
 */
#ifndef TRUEFROM_MAIL_ENCODED_WORD_H
#define TRUEFROM_MAIL_ENCODED_WORD_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Decode every encoded-word in a text; the white space between two of them goes (RFC 2047 6.2).
 * @param out has room for `len` octets; may not be `text`
 * @param unreadable set to true when there is one that readers may decode in different ways: an
 * unknown charset, broken base64; else left as it is
 * @return octets in `out`
 */
size_t encoded_words_decode(const char *text, size_t len, char *out, bool *unreadable);

#endif
