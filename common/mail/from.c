#include "common/mail/from.h"

#include <errno.h>
#include <string.h>

#include "common/mail/domain.h"
#include "common/mail/lexer.h"

static const char *const verdict_names[] = {
    [FROM_SINGLE] = "single",
    [FROM_MULTIPLE] = "multiple",
    [FROM_NONE] = "none",
    [FROM_MALFORMED] = "malformed",
    [FROM_MULTIPLE_FIELDS] = "multiple-fields",
};

const char *from_verdict_name(enum from_verdict verdict)
{
        return verdict_names[verdict];
}

/* One field while it is read (RFC 5322 3.4 with the obsolete forms of 4.4; RFC 6854). */
struct parser {
        lexer_t lexer;
        arena_t *arena;
        from_author_t *out;
        const char **domains; /* out->domains while it grows */
        char *scratch;        /* as long as the field */
        unsigned addresses, literals, names;
        bool in_group, malformed, out_of_memory;
};

static void add_domain(struct parser *parser, const char *domain)
{
        from_author_t *out = parser->out;
        const char *copy;

        for (size_t i = 0; i < out->domain_count; i++)
                if (strcmp(parser->domains[i], domain) == 0)
                        return;
        if (out->domain_count == FROM_DOMAINS_MAX) {
                out->domains_incomplete = true;
                return;
        }
        copy = arena_strdup(parser->arena, domain);
        if (copy == NULL)
                parser->out_of_memory = true;
        else
                parser->domains[out->domain_count++] = copy;
}

static void malformed(struct parser *parser)
{
        parser->malformed = true;
}

static void skip(struct parser *parser)
{
        if (!lexer_cfws(&parser->lexer, FROM_COMMENT_DEPTH))
                malformed(parser);
}

/* [192.0.2.1]: no domain, so no author domain (RFC 9989 has no policy for it). */
static void read_literal(struct parser *parser)
{
        lexer_t *lexer = &parser->lexer;
        const char *close = memchr(lexer->at, ']', (size_t)(lexer->end - lexer->at));

        if (close == NULL) {
                malformed(parser);
                return;
        }
        for (const char *at = lexer->at + 1; at < close; at++)
                if ((unsigned char)*at < ' ' || *at == '[' || *at == '\\')
                        malformed(parser);
        lexer->at = close + 1;
        parser->literals++;
}

/* Atoms and dots, with comments and white space between them (obs-domain). */
static void read_domain(struct parser *parser)
{
        lexer_t *lexer = &parser->lexer;
        char domain[DOMAIN_SIZE];
        bool after_atom = false;
        size_t len = 0;

        skip(parser);
        if (lexer_peek(lexer) == '[') {
                read_literal(parser);
                return;
        }
        while (!parser->malformed) {
                const char *start = lexer->at;
                size_t atom = after_atom ? 0 : lexer_atom(lexer);

                if (atom == 0 && !lexer_accept(lexer, '.'))
                        break;
                memcpy(parser->scratch + len, start, (size_t)(lexer->at - start));
                len += (size_t)(lexer->at - start);
                after_atom = atom > 0;
                skip(parser);
        }
        if (parser->malformed)
                return;
        switch (domain_normalize(parser->scratch, len, domain)) {
        case 0:
                add_domain(parser, domain);
                break;
        case -ENOMEM:
                parser->out_of_memory = true;
                break;
        default:
                malformed(parser);
        }
}

/* What stands before "@", "<", ":" or ",": words and dots. */
struct words {
        unsigned count;
        bool is_local_part; /* words separated by single dots */
};

static struct words read_words(struct parser *parser)
{
        lexer_t *lexer = &parser->lexer;
        struct words words = {.is_local_part = true};
        bool after_word = false;

        while (!parser->malformed) {
                bool word;

                skip(parser);
                if (lexer_peek(lexer) == '"') {
                        word = true;
                        if (!lexer_quoted(lexer, NULL))
                                malformed(parser);
                } else {
                        word = lexer_atom(lexer) > 0;
                        if (!word && !lexer_accept(lexer, '.'))
                                break;
                }
                if (word == after_word)
                        words.is_local_part = false;
                words.count += word;
                after_word = word;
        }
        if (!after_word)
                words.is_local_part = false;
        return words;
}

static void count_address(struct parser *parser)
{
        if (++parser->addresses > FROM_ADDRESSES_MAX)
                malformed(parser);
}

/* "<@a,@b:user@example.org>": the route is ignored (RFC 5322 4.4). */
static void skip_route(struct parser *parser)
{
        lexer_t *lexer = &parser->lexer;

        skip(parser);
        if (lexer_peek(lexer) != '@' && lexer_peek(lexer) != ',')
                return;
        while (!parser->malformed && !lexer_accept(lexer, ':')) {
                if (lexer_atom(lexer) == 0 && !lexer_accept(lexer, '@') &&
                    !lexer_accept(lexer, ',') && !lexer_accept(lexer, '.'))
                        malformed(parser);
                skip(parser);
        }
}

static void read_angle_address(struct parser *parser)
{
        struct words local;

        skip_route(parser);
        local = read_words(parser);
        if (parser->malformed || !local.is_local_part || !lexer_accept(&parser->lexer, '@')) {
                malformed(parser);
                return;
        }
        count_address(parser);
        read_domain(parser);
        skip(parser);
        if (!lexer_accept(&parser->lexer, '>'))
                malformed(parser);
}

static void read_mailbox_or_group(struct parser *parser)
{
        lexer_t *lexer = &parser->lexer;
        struct words words = read_words(parser);

        if (parser->malformed)
                return;
        if (lexer_accept(lexer, '<')) {
                read_angle_address(parser);
        } else if (lexer_accept(lexer, '@')) {
                if (!words.is_local_part)
                        malformed(parser);
                count_address(parser);
                read_domain(parser);
        } else if (words.count > 0 && !parser->in_group && lexer_accept(lexer, ':')) {
                parser->in_group = true;
        } else if (words.count > 0) {
                parser->names++;
        } else {
                malformed(parser);
        }
}

/* A group may be followed by "," or the end; ";" stands nowhere else. */
static bool read_separator(struct parser *parser)
{
        lexer_t *lexer = &parser->lexer;

        skip(parser);
        if (lexer_accept(lexer, ','))
                return true;
        if (parser->in_group && lexer_accept(lexer, ';')) {
                parser->in_group = false;
                skip(parser);
                if (!lexer_done(lexer) && lexer_peek(lexer) != ',')
                        malformed(parser);
                return true;
        }
        return false;
}

static void read_field(struct parser *parser)
{
        lexer_t *lexer = &parser->lexer;
        bool separated = true;

        while (!parser->malformed) {
                bool was_in_group = parser->in_group;

                if (read_separator(parser)) {
                        separated = true;
                        continue;
                }
                if (lexer_done(lexer) || parser->malformed)
                        break;
                if (!separated)
                        malformed(parser);
                else
                        read_mailbox_or_group(parser);
                separated = !was_in_group && parser->in_group;
        }
        if (parser->in_group || (parser->names > 0 && parser->addresses != 1) ||
            (parser->literals > 0 && parser->out->domain_count > 0))
                malformed(parser);
}

static bool is_domain_byte(char c)
{
        return (unsigned char)c >= 0x80 || c == '-' || c == '_' || (c >= '0' && c <= '9') ||
               (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void add_candidate(struct parser *parser, size_t len, bool is_last)
{
        char domain[DOMAIN_SIZE];
        int error = len > 0 ? domain_normalize(parser->scratch, len, domain) : -EINVAL;

        if (error == 0)
                add_domain(parser, domain);
        else if (error == -ENOMEM)
                parser->out_of_memory = true;
        else if (is_last)
                parser->out->domains_incomplete = true;
}

/* The text after an "@" as far as it could be a domain: up to white space, and, since a domain may
 * have white space around its dots, on from there too. */
static const char *collect_one(struct parser *parser, const char *at, const char *end)
{
        bool after_dot = true, space = false;
        size_t len = 0;

        for (; at < end; at++) {
                if (is_space(*at)) {
                        if (!space && len > 0)
                                add_candidate(parser, len, false);
                        space = true;
                        continue;
                }
                if (*at != '.' && (!is_domain_byte(*at) || (space && !after_dot)))
                        break;
                parser->scratch[len++] = *at;
                after_dot = *at == '.';
                space = false;
        }
        if (len > 0 || at == end || *at != '[')
                add_candidate(parser, len, true);
        return at;
}

/* Every domain that some reader could take from text that has no one meaning. */
static void collect(struct parser *parser, const char *text, size_t text_len)
{
        const char *end = text + text_len;
        const char *at = memchr(text, '@', text_len);

        while (at != NULL) {
                at = collect_one(parser, at + 1, end);
                at = memchr(at, '@', (size_t)(end - at));
        }
}

/* The text without what stands in parentheses. */
static size_t strip_comments(const char *text, size_t len, char *out)
{
        size_t depth = 0, used = 0;

        for (size_t i = 0; i < len; i++) {
                if (text[i] == '(')
                        depth++;
                else if (text[i] == ')' && depth > 0)
                        depth--;
                else if (depth == 0)
                        out[used++] = text[i];
        }
        return used;
}

static void collect_all(struct parser *parser, const from_field_t *field)
{
        char *stripped = arena_alloc(parser->arena, field->len + 1);

        if (stripped == NULL) {
                parser->out_of_memory = true;
                return;
        }
        collect(parser, field->body, field->len);
        collect(parser, stripped, strip_comments(field->body, field->len, stripped));
}

static enum from_verdict verdict_of(const struct parser *parser, size_t fields)
{
        if (fields > 1)
                return FROM_MULTIPLE_FIELDS;
        if (parser->malformed)
                return FROM_MALFORMED;
        if (parser->out->domain_count == 0)
                return FROM_NONE;
        return parser->out->domain_count == 1 ? FROM_SINGLE : FROM_MULTIPLE;
}

int from_parse(arena_t *arena, const from_field_t *fields, size_t count, from_author_t *out)
{
        struct parser parser = {.arena = arena, .out = out};

        memset(out, 0, sizeof(*out));
        parser.domains = arena_calloc(arena, FROM_DOMAINS_MAX, sizeof(*parser.domains));
        if (parser.domains == NULL)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++) {
                parser.lexer.at = fields[i].body;
                parser.lexer.end = fields[i].body + fields[i].len;
                parser.scratch = arena_alloc(arena, fields[i].len + 1);
                if (parser.scratch == NULL)
                        return -ENOMEM;
                parser.in_group = parser.malformed = false;
                parser.addresses = parser.literals = parser.names = 0;
                read_field(&parser);
                if (parser.malformed)
                        collect_all(&parser, &fields[i]);
        }
        if (parser.out_of_memory)
                return -ENOMEM;
        out->domains = parser.domains;
        out->verdict = verdict_of(&parser, count);
        return 0;
}
