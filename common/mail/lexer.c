#include "common/mail/lexer.h"

#include <string.h>

static bool is_control(char c)
{
        return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

char lexer_peek(const lexer_t *lexer)
{
        return lexer->at < lexer->end ? *lexer->at : '\0';
}

bool lexer_done(const lexer_t *lexer)
{
        return lexer->at == lexer->end;
}

bool lexer_accept(lexer_t *lexer, char c)
{
        if (lexer_done(lexer) || *lexer->at != c)
                return false;
        lexer->at++;
        return true;
}

/* A space, tab, or line end that a space or tab follows (FWS, obs-FWS); CR only before LF. */
static bool skip_space(lexer_t *lexer)
{
        const char *at = lexer->at;

        if (at < lexer->end && *at == '\r')
                at++;
        if (at < lexer->end && *at == '\n')
                at++;
        else if (at != lexer->at)
                return false;
        if (at < lexer->end && (*at == ' ' || *at == '\t'))
                at++;
        else if (at != lexer->end || at == lexer->at)
                return false;
        lexer->at = at;
        return true;
}

static bool skip_comment(lexer_t *lexer, unsigned depth)
{
        unsigned open = 0;

        do {
                char c = lexer_peek(lexer);

                if (lexer_done(lexer))
                        return false;
                if (skip_space(lexer))
                        continue;
                if (is_control(c))
                        return false;
                if (c == '\\') {
                        lexer->at++;
                        if (lexer_done(lexer) || is_control(*lexer->at))
                                return false;
                } else if (c == '(') {
                        if (++open > depth)
                                return false;
                } else if (c == ')') {
                        open--;
                }
                lexer->at++;
        } while (open > 0);
        return true;
}

bool lexer_cfws(lexer_t *lexer, unsigned depth)
{
        while (!lexer_done(lexer)) {
                if (skip_space(lexer))
                        continue;
                if (*lexer->at != '(')
                        return !is_control(*lexer->at);
                if (!skip_comment(lexer, depth))
                        return false;
        }
        return true;
}

bool lexer_quoted(lexer_t *lexer, char *out)
{
        lexer->at++;
        while (!lexer_done(lexer)) {
                char c = *lexer->at;

                if (c == '"') {
                        lexer->at++;
                        if (out != NULL)
                                *out = '\0';
                        return true;
                }
                if (c == '\r' || c == '\n') {
                        if (!skip_space(lexer))
                                return false;
                        c = ' '; /* the line end itself is not content */
                        lexer->at--;
                } else if (c == '\\') {
                        lexer->at++;
                        if (lexer_done(lexer))
                                return false;
                        c = *lexer->at;
                }
                if (is_control(c))
                        return false;
                if (out != NULL)
                        *out++ = c;
                lexer->at++;
        }
        return false;
}

static bool is_atext(char c)
{
        return (unsigned char)c >= 0x80 ||
               (c > ' ' && c < 0x7f && strchr("()<>[]:;@\\,.\"", c) == NULL);
}

static bool is_token(char c)
{
        return c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

size_t lexer_atom(lexer_t *lexer)
{
        const char *start = lexer->at;

        while (!lexer_done(lexer) && is_atext(*lexer->at))
                lexer->at++;
        return (size_t)(lexer->at - start);
}

size_t lexer_token(lexer_t *lexer)
{
        const char *start = lexer->at;

        while (!lexer_done(lexer) && is_token(*lexer->at))
                lexer->at++;
        return (size_t)(lexer->at - start);
}
