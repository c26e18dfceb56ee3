/*
 * lexer.h - the lexical elements that header fields share (RFC 5322 3.2, RFC 2045 5.1)
 *
 * Works on any bytes, never reads past the end, never recurses, takes linear time. Pure.
 */
#ifndef TRUEFROM_MAIL_LEXER_H
#define TRUEFROM_MAIL_LEXER_H

#include <stdbool.h>
#include <stddef.h>

/** Where we are in a field's body. */
typedef struct lexer {
        const char *at;
        const char *end;
} lexer_t;

/** The next byte, or '\0' at the end (and for a NUL in the text, which nothing accepts). */
char lexer_peek(const lexer_t *lexer);

/** True at the end of the text. */
bool lexer_done(const lexer_t *lexer);

/** Step over `c` if it is next. @return whether it was */
bool lexer_accept(lexer_t *lexer, char c);

/**
 * Skip white space, folding and comments.
 * @return false for an unterminated comment, one nested deeper than `depth`, or a control character
 */
bool lexer_cfws(lexer_t *lexer, unsigned depth);

/**
 * Read a quoted-string; the next byte must be '"'.
 * @param out its content without quotes and backslashes, NUL-terminated; has room for the rest of
 * the text and a NUL; NULL = only skip it
 * @return false when it is not terminated or has a control character
 */
bool lexer_quoted(lexer_t *lexer, char *out);

/** Step over atext (RFC 5322 3.2.3), bytes from 0x80 on included (RFC 6532). @return octets */
size_t lexer_atom(lexer_t *lexer);

/** Step over a token (RFC 2045 5.1). @return octets */
size_t lexer_token(lexer_t *lexer);

#endif
