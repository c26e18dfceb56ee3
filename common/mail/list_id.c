#include "common/mail/list_id.h"

#include <ctype.h>
#include <string.h>

#include "common/mail/domain.h"
#include "common/mail/lexer.h"

#define COMMENT_DEPTH 20

_Static_assert(LIST_ID_SIZE >= DOMAIN_SIZE, "a domain must fit");

/* dot-atom-text (RFC 5322 3.2.3), ASCII only */
static bool is_dot_atom(const char *text, size_t len)
{
        lexer_t lexer = {.at = text, .end = text + len};

        for (size_t i = 0; i < len; i++)
                if ((unsigned char)text[i] >= 0x80)
                        return false;
        do {
                if (lexer_atom(&lexer) == 0)
                        return false;
        } while (lexer_accept(&lexer, '.'));
        return lexer_done(&lexer);
}

bool list_id_normalize(const char *text, size_t len, char out[LIST_ID_SIZE])
{
        if (domain_normalize(text, len, out) == 0)
                return true;
        if (len > LIST_ID_MAX || !is_dot_atom(text, len))
                return false;
        for (size_t i = 0; i < len; i++)
                out[i] = (char)tolower((unsigned char)text[i]);
        out[len] = '\0';
        return true;
}

static bool skip_space(lexer_t *lexer)
{
        return lexer_cfws(lexer, COMMENT_DEPTH);
}

bool list_id_parse(const char *body, size_t len, char out[LIST_ID_SIZE])
{
        const char *open = memrchr(body, '<', len), *close;
        lexer_t lexer = {.at = body, .end = body + len};

        if (open == NULL) {
                if (!skip_space(&lexer))
                        return false;
                open = lexer.at;
                lexer_atom(&lexer);
                while (lexer_accept(&lexer, '.'))
                        lexer_atom(&lexer);
                close = lexer.at;
        } else {
                open++;
                close = memchr(open, '>', (size_t)(lexer.end - open));
                if (close == NULL)
                        return false;
                lexer.at = close + 1;
        }
        return skip_space(&lexer) && lexer_done(&lexer) &&
               list_id_normalize(open, (size_t)(close - open), out);
}
