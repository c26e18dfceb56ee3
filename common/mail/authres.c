#include "common/mail/authres.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/mail/domain.h"
#include "common/mail/lexer.h"

#define PROPERTIES_MAX 100 /* of one result; more is malformed */

#define BIT(result) (1U << (result))

/* Results registered for each method (RFC 8601 2.7, RFC 9989 9.1, IANA). Other methods are ignored.
 */
static const struct {
        const char *name;
        unsigned results;
} methods[] = {
    {"dkim", BIT(AUTH_NONE) | BIT(AUTH_PASS) | BIT(AUTH_FAIL) | BIT(AUTH_POLICY) |
                 BIT(AUTH_NEUTRAL) | BIT(AUTH_TEMPERROR) | BIT(AUTH_PERMERROR)},
    {"spf", BIT(AUTH_NONE) | BIT(AUTH_PASS) | BIT(AUTH_FAIL) | BIT(AUTH_SOFTFAIL) |
                BIT(AUTH_POLICY) | BIT(AUTH_NEUTRAL) | BIT(AUTH_TEMPERROR) | BIT(AUTH_PERMERROR)},
    {"dmarc",
     BIT(AUTH_NONE) | BIT(AUTH_PASS) | BIT(AUTH_FAIL) | BIT(AUTH_TEMPERROR) | BIT(AUTH_PERMERROR)},
    {"arc", BIT(AUTH_NONE) | BIT(AUTH_PASS) | BIT(AUTH_FAIL)},
    {"auth",
     BIT(AUTH_NONE) | BIT(AUTH_PASS) | BIT(AUTH_FAIL) | BIT(AUTH_TEMPERROR) | BIT(AUTH_PERMERROR)},
    {"iprev", BIT(AUTH_PASS) | BIT(AUTH_FAIL) | BIT(AUTH_TEMPERROR) | BIT(AUTH_PERMERROR)},
};

static const char *const ptypes[] = {
    [AUTHRES_SMTP] = "smtp",     [AUTHRES_HEADER] = "header", [AUTHRES_BODY] = "body",
    [AUTHRES_POLICY] = "policy", [AUTHRES_DNS] = "dns",       [AUTHRES_ARC] = "arc",
};

/* Errors of the steps: 0, or one of these. A result that breaks the grammar is left out, and
 * reading goes on behind it; where a quoted-string or comment has no end, nobody can tell what is a
 * result. */
enum { MALFORMED = -1, NO_MEMORY = -2, BROKEN = -3 };

struct parser {
        lexer_t lexer;
        arena_t *arena;
        authres_t *out;
        authres_result_t *results;
        size_t room;
        authres_property_t properties[PROPERTIES_MAX];
        size_t property_count;
        char *scratch; /* as long as the field */
};

static int skip(struct parser *parser)
{
        return lexer_cfws(&parser->lexer, AUTHRES_COMMENT_DEPTH) ? 0 : MALFORMED;
}

static char *lower(arena_t *arena, const char *text, size_t len)
{
        char *copy = arena_strndup(arena, text, len);

        for (char *at = copy; at != NULL && *at != '\0'; at++)
                *at = (char)tolower((unsigned char)*at);
        return copy;
}

/* Keyword: letters, digits and "-", not ending in "-" (RFC 8601 2.2). In lower case. */
static int read_keyword(struct parser *parser, const char **keyword)
{
        lexer_t *lexer = &parser->lexer;
        const char *start = lexer->at;

        while (!lexer_done(lexer) && (isalnum((unsigned char)*lexer->at) || *lexer->at == '-'))
                lexer->at++;
        if (lexer->at == start || lexer->at[-1] == '-')
                return BROKEN;
        *keyword = lower(parser->arena, start, (size_t)(lexer->at - start));
        return *keyword != NULL ? 0 : NO_MEMORY;
}

static bool ends_value(const lexer_t *lexer)
{
        return lexer_done(lexer) || strchr(" \t\r\n;(", *lexer->at) != NULL;
}

/*
 * A value or pvalue. More than the grammar allows comes through, such as unquoted base64; quoted
 * strings stay whole in it. One that is a quoted-string altogether is unquoted.
 */
static int read_value(struct parser *parser, const char **value)
{
        lexer_t *lexer = &parser->lexer;
        const char *start = lexer->at;
        bool only_quoted = lexer_peek(lexer) == '"';

        while (!ends_value(lexer)) {
                if (*lexer->at == '"') {
                        only_quoted = only_quoted && lexer->at == start;
                        if (!lexer_quoted(lexer, parser->scratch))
                                return MALFORMED;
                } else {
                        if ((unsigned char)*lexer->at < ' ' || *lexer->at == 0x7f)
                                return MALFORMED;
                        only_quoted = false;
                        lexer->at++;
                }
        }
        *value = only_quoted ? arena_strdup(parser->arena, parser->scratch)
                             : arena_strndup(parser->arena, start, (size_t)(lexer->at - start));
        return *value != NULL ? 0 : NO_MEMORY;
}

/* [CFWS] "=" [CFWS] */
static int read_equals(struct parser *parser)
{
        int error = skip(parser);

        if (error == 0 && !lexer_accept(&parser->lexer, '='))
                error = BROKEN;
        return error == 0 ? skip(parser) : error;
}

static bool known_method(const char *word)
{
        for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
                if (strcmp(word, methods[i].name) == 0)
                        return true;
        return false;
}

static bool find_ptype(const char *word, enum authres_ptype *ptype)
{
        for (unsigned i = 0; i < sizeof(ptypes) / sizeof(*ptypes); i++) {
                if (strcmp(word, ptypes[i]) == 0) {
                        *ptype = (enum authres_ptype)i;
                        return true;
                }
        }
        return false;
}

/* Keep a property. *usable turns false when it contradicts another one. */
static int keep_property(struct parser *parser, const char *ptype, const char *name,
                         const char *value, bool *usable)
{
        authres_property_t property = {.name = name, .value = value};

        if (!find_ptype(ptype, &property.ptype))
                return 0;
        for (size_t i = 0; i < parser->property_count; i++) {
                const authres_property_t *other = &parser->properties[i];

                if (other->ptype != property.ptype || strcmp(other->name, name) != 0)
                        continue;
                *usable = *usable && strcmp(other->value, value) == 0;
                return 0;
        }
        if (parser->property_count == PROPERTIES_MAX)
                return MALFORMED;
        parser->properties[parser->property_count++] = property;
        return 0;
}

/* What stands before the dot: a token of which other filters make more than a Keyword. */
static int read_ptype(struct parser *parser, const char **ptype)
{
        lexer_t *lexer = &parser->lexer;
        const char *start = lexer->at, *dot;
        size_t len = lexer_token(lexer);

        dot = memchr(start, '.', len);
        if (dot != NULL)
                lexer->at = dot;
        if (lexer->at == start)
                return BROKEN;
        *ptype = lower(parser->arena, start, (size_t)(lexer->at - start));
        return *ptype != NULL ? skip(parser) : NO_MEMORY;
}

/* "ptype.property=pvalue"; or "reason=value", and others without a dot, which are passed over:
 * Microsoft writes action=none, authentication_milter x-bits=2048. */
static int read_property(struct parser *parser, bool *usable)
{
        lexer_t *lexer = &parser->lexer;
        const char *ptype, *name = NULL, *value = NULL;
        const char *start;
        int error = read_ptype(parser, &ptype);

        if (error != 0)
                return error;
        if (!lexer_accept(lexer, '.')) {
                if (known_method(ptype)) /* a ";" is missing: whose are the properties? */
                        return BROKEN;
                error = read_equals(parser);
                return error == 0 ? read_value(parser, &value) : error;
        }
        if (skip(parser) != 0)
                return MALFORMED;
        start = lexer->at;
        if (lexer_token(lexer) == 0)
                return BROKEN;
        name = lower(parser->arena, start, (size_t)(lexer->at - start));
        if (name == NULL)
                return NO_MEMORY;
        error = read_equals(parser);
        if (error == 0)
                error = read_value(parser, &value);
        return error == 0 ? keep_property(parser, ptype, name, value, usable) : error;
}

static int keep_result(struct parser *parser, const char *method, const char *word, bool usable)
{
        authres_result_t result = {.property_count = parser->property_count};
        authres_property_t *properties;
        authres_result_t *grown;
        bool known = false;

        for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
                if (strcmp(method, methods[i].name) != 0)
                        continue;
                known = auth_result_parse(word, strlen(word), &result.result) &&
                        (methods[i].results & BIT(result.result)) != 0;
        }
        /* Rspamd writes "arc=reject": it must be seen, for another field may claim a pass */
        if (!known && strcmp(method, "arc") == 0) {
                result.result = AUTH_FAIL;
                known = true;
        }
        if (!known || !usable)
                return 0;
        properties = arena_calloc(parser->arena, parser->property_count, sizeof(*properties));
        grown = arena_grow(parser->arena, parser->results, parser->out->result_count, &parser->room,
                           sizeof(*grown));
        if (properties == NULL || grown == NULL)
                return NO_MEMORY;
        memcpy(properties, parser->properties, parser->property_count * sizeof(*properties));
        result.method = method;
        result.properties = properties;
        parser->results = grown;
        parser->results[parser->out->result_count++] = result;
        return 0;
}

/* [ "/" method-version ]: *usable turns false for another version than 1. */
static int read_method_version(struct parser *parser, bool *usable)
{
        lexer_t *lexer = &parser->lexer;
        const char *start;
        size_t len;

        if (skip(parser) != 0)
                return MALFORMED;
        if (!lexer_accept(lexer, '/'))
                return 0;
        if (skip(parser) != 0)
                return MALFORMED;
        for (start = lexer->at; isdigit((unsigned char)lexer_peek(lexer));)
                lexer->at++;
        len = (size_t)(lexer->at - start);
        *usable = *usable && len == 1 && *start == '1';
        return len > 0 ? 0 : BROKEN;
}

/* methodspec and what follows it, up to the next ";" or the end. */
static int read_result(struct parser *parser)
{
        lexer_t *lexer = &parser->lexer;
        const char *method, *word = NULL;
        bool usable = true;
        int error = read_keyword(parser, &method);

        parser->property_count = 0;
        if (error == 0)
                error = read_method_version(parser, &usable);
        if (error == 0)
                error = read_equals(parser);
        if (error == 0)
                error = read_keyword(parser, &word);
        while (error == 0 && !lexer_done(lexer) && lexer_peek(lexer) != ';') {
                const char *before = lexer->at;

                error = skip(parser);
                if (error != 0 || lexer_done(lexer) || lexer_peek(lexer) == ';')
                        break;
                error = lexer->at != before ? read_property(parser, &usable) : BROKEN;
        }
        return error == 0 ? keep_result(parser, method, word, usable) : error;
}

/* To the next ";" outside of quoted-strings and comments, or the end. */
static int skip_result(struct parser *parser)
{
        lexer_t *lexer = &parser->lexer;

        while (!lexer_done(lexer) && lexer_peek(lexer) != ';') {
                const char *before = lexer->at;

                if (lexer_peek(lexer) == '"') {
                        if (!lexer_quoted(lexer, NULL))
                                return MALFORMED;
                        continue;
                }
                if (skip(parser) != 0)
                        return MALFORMED;
                if (lexer->at == before)
                        lexer->at++;
        }
        return 0;
}

/* "none" in the place of results: there are none. @return 0, or MALFORMED when some follow */
static int read_no_result(struct parser *parser, bool *found)
{
        lexer_t saved = parser->lexer;
        const char *start = parser->lexer.at;

        *found = lexer_token(&parser->lexer) == 4 && strncasecmp(start, "none", 4) == 0 &&
                 skip(parser) == 0 &&
                 (lexer_done(&parser->lexer) || lexer_peek(&parser->lexer) == ';');
        if (*found)
                return lexer_done(&parser->lexer) ? 0 : MALFORMED;
        parser->lexer = saved;
        return 0;
}

static int read_or_skip_result(struct parser *parser, bool *broken)
{
        int error = read_result(parser);

        if (error != BROKEN)
                return error;
        *broken = true;
        return skip_result(parser);
}

/* A broken result right behind its ";" may be the rest of a value that was not quoted, and then
 * what stands before the ";" is no whole value either: whoever chose it is not to be believed. */
static int read_next_result(struct parser *parser, size_t *before, bool *broken)
{
        const lexer_t *lexer = &parser->lexer;
        bool adjacent = lexer->at[-1] == ';' && lexer_peek(lexer) != ';';
        size_t count = parser->out->result_count;
        bool this_broken = false;
        int error = read_or_skip_result(parser, &this_broken);

        if (this_broken && adjacent)
                parser->out->result_count = *before;
        *before = this_broken && adjacent ? *before : count;
        *broken = *broken || this_broken;
        return error;
}

static int read_results(struct parser *parser)
{
        lexer_t *lexer = &parser->lexer;
        bool broken = false, no_result = false;
        size_t count = 0, before = 0;

        while (!lexer_done(lexer)) {
                int error = lexer_accept(lexer, ';') ? skip(parser) : MALFORMED;

                if (error == 0 && count == 0)
                        error = read_no_result(parser, &no_result);
                if (error == 0 && !lexer_done(lexer))
                        error = ++count > AUTHRES_RESULTS_MAX
                                    ? MALFORMED
                                    : read_next_result(parser, &before, &broken);
                if (error != 0)
                        return error;
        }
        return broken && parser->out->result_count == 0 ? MALFORMED : 0;
}

static int read_authserv_id(struct parser *parser)
{
        lexer_t *lexer = &parser->lexer;
        const char *start, *id;
        int error = skip(parser);

        start = lexer->at;
        if (error == 0)
                error = read_value(parser, &id);
        if (error != 0)
                return error;
        if (lexer->at == start || *id == '\0')
                return MALFORMED;
        parser->out->authserv_id = id;
        return skip(parser);
}

static int read_version(struct parser *parser)
{
        lexer_t *lexer = &parser->lexer;
        const char *start = lexer->at;
        size_t len;

        while (isdigit((unsigned char)lexer_peek(lexer)))
                lexer->at++;
        len = (size_t)(lexer->at - start);
        if (len == 0)
                return 0;
        if (skip(parser) != 0 || (!lexer_done(lexer) && lexer_peek(lexer) != ';'))
                return MALFORMED;
        if (len != 1 || *start != '1')
                parser->out->status = AUTHRES_UNSUPPORTED;
        return 0;
}

int authres_parse(arena_t *arena, const char *body, size_t len, authres_t *out)
{
        struct parser parser;
        int error;

        memset(out, 0, sizeof(*out));
        parser =
            (struct parser){.lexer = {.at = body, .end = body + len}, .arena = arena, .out = out};
        parser.scratch = arena_alloc(arena, len + 1);
        if (parser.scratch == NULL)
                return -ENOMEM;
        error = len <= AUTHRES_LENGTH_MAX ? 0 : MALFORMED;
        if (error == 0)
                error = read_authserv_id(&parser);
        if (error == 0)
                error = read_version(&parser);
        if (error == 0 && out->status == AUTHRES_OK)
                error = read_results(&parser);
        if (error == NO_MEMORY)
                return -ENOMEM;
        out->results = parser.results;
        if (error == MALFORMED || out->status == AUTHRES_UNSUPPORTED)
                out->result_count = 0;
        if (error == MALFORMED)
                out->status = AUTHRES_MALFORMED;
        return 0;
}

const char *authres_property(const authres_result_t *result, enum authres_ptype ptype,
                             const char *name)
{
        for (size_t i = 0; i < result->property_count; i++)
                if (result->properties[i].ptype == ptype &&
                    strcmp(result->properties[i].name, name) == 0)
                        return result->properties[i].value;
        return NULL;
}

bool authres_id_equal(const char *a, const char *b)
{
        char domain_a[DOMAIN_SIZE], domain_b[DOMAIN_SIZE];

        if (strcasecmp(a, b) == 0)
                return true;
        return domain_normalize(a, strlen(a), domain_a) == 0 &&
               domain_normalize(b, strlen(b), domain_b) == 0 && strcmp(domain_a, domain_b) == 0;
}
