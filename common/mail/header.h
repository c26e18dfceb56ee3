/*
 * header.h - the header of a stored message, field by field (RFC 5322 2.1 and 2.2)
 *
 * Ends where Postfix's cleanup(8) ends a header: at an empty line, or at the first line that is no
 * field. Lines end with LF or CRLF. A "From " or ">From " line in front is skipped. Pure, takes
 * linear time.
 */
#ifndef TRUEFROM_MAIL_HEADER_H
#define TRUEFROM_MAIL_HEADER_H

#include <stddef.h>

#include "common/base/arena.h"

/** Where we are in the text. */
typedef struct header {
        const char *at;
        const char *end;
} header_t;

/** One field, in the form in which libmilter hands it to a filter. */
typedef struct header_field {
        const char *name; /**< without white space at its end */
        const char *body; /**< without the space after the colon; lines joined by "\n" and the white
                               space that the next one begins with; NUL-terminated, may hold NUL */
        size_t len;
} header_field_t;

/** Begin. @param text stays in place; any bytes; what follows the header does no harm */
void header_begin(header_t *header, const char *text, size_t len);

/** The next field. @param field its memory is the arena's
 * @return 1, 0 at the end of the header, or -ENOMEM */
int header_next(arena_t *arena, header_t *header, header_field_t *field);

#endif
