#include "common/mail/from.h"

#include <errno.h>
#include <string.h>

#include "common/mail/authors.h"
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
        authors_t *authors;
        char *scratch;     /* as long as the field */
        const char *begin; /* of the member of the list that is read */
        unsigned addresses, literals, names;
        bool has_address; /* of that member */
        bool in_group, malformed;
};

static void malformed(struct parser *parser)
{
        parser->malformed = true;
}

static void skip(struct parser *parser)
{
        if (!lexer_cfws(&parser->lexer, FROM_COMMENT_DEPTH))
                malformed(parser);
}

/* [192.0.2.1]: no domain, so no author domain (RFC 9989 has no policy for it). [bank.example] is
 * no literal of RFC 5321, and readers show it. */
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
        if (!authors_add_literal(parser->authors, lexer->at + 1, (size_t)(close - lexer->at - 1)))
                malformed(parser);
        lexer->at = close + 1;
        parser->literals++;
}

/* Atoms and dots, with comments and white space between them (obs-domain), where some readers end
 * the domain. */
static void read_domain(struct parser *parser, bool in_angles)
{
        lexer_t *lexer = &parser->lexer;
        bool after_atom = false;
        size_t len = 0, gap = 0;

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
                if (gap > 0)
                        authors_add_part(parser->authors, parser->scratch, gap);
                memcpy(parser->scratch + len, start, (size_t)(lexer->at - start));
                len += (size_t)(lexer->at - start);
                after_atom = atom > 0;
                start = lexer->at;
                skip(parser);
                gap = lexer->at > start ? len : 0;
        }
        if (!parser->malformed &&
            authors_add(parser->authors, parser->scratch, len) != AUTHORS_DOMAIN)
                malformed(parser);
        if (!in_angles)
                authors_add_trimmed(parser->authors, parser->scratch, len);
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
        parser->has_address = true;
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
        read_domain(parser, true);
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
                read_domain(parser, false);
        } else if (words.count > 0 && !parser->in_group && lexer_accept(lexer, ':')) {
                parser->in_group = true;
        } else if (words.count > 0) {
                if (++parser->names > FROM_ADDRESSES_MAX)
                        malformed(parser);
        } else {
                malformed(parser);
        }
}

/* Without an address of its own, what a member of the list says is what a reader shows of it; so
 * is the name of a group. */
static void end_member(struct parser *parser, const char *end)
{
        const char *begin = parser->begin;
        size_t len = (size_t)(end - begin);
        bool was_incomplete = parser->authors->incomplete;

        if (!parser->has_address &&
            (memchr(begin, '@', len) != NULL || memmem(begin, len, "=?", 2) != NULL))
                authors_collect(parser->authors, begin, len);
        if (parser->authors->incomplete && !was_incomplete)
                malformed(parser);
        parser->begin = parser->lexer.at;
        parser->has_address = false;
}

/* A group may be followed by "," or the end; ";" stands nowhere else. */
static bool read_separator(struct parser *parser)
{
        lexer_t *lexer = &parser->lexer;
        const char *end;

        skip(parser);
        end = lexer->at;
        if (lexer_accept(lexer, ',')) {
                end_member(parser, end);
                return true;
        }
        if (parser->in_group && lexer_accept(lexer, ';')) {
                end_member(parser, end);
                parser->in_group = false;
                skip(parser);
                if (!lexer_done(lexer) && lexer_peek(lexer) != ',')
                        malformed(parser);
                return true;
        }
        return false;
}

static void read_members(struct parser *parser)
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
                if (separated)
                        end_member(parser, lexer->at);
        }
}

static void read_field(struct parser *parser)
{
        parser->begin = parser->lexer.at;
        read_members(parser);
        if (!parser->malformed)
                end_member(parser, parser->lexer.at);
        if (parser->in_group || (parser->names > 0 && parser->addresses != 1) ||
            (parser->literals > 0 && parser->literals < parser->addresses))
                malformed(parser);
}

/* What is to be told of all fields. */
struct traits {
        bool malformed;
        bool literal; /* no address has a domain, though readers may take a literal for one */
};

static enum from_verdict verdict_of(const authors_t *authors, size_t fields,
                                    const struct traits *traits)
{
        if (fields > 1)
                return FROM_MULTIPLE_FIELDS;
        if (traits->malformed)
                return FROM_MALFORMED;
        if (authors->count == 0 || traits->literal)
                return FROM_NONE;
        return authors->count == 1 ? FROM_SINGLE : FROM_MULTIPLE;
}

static int parse_field(authors_t *authors, const from_field_t *field, struct traits *traits)
{
        struct parser parser = {
            .lexer = {.at = field->body, .end = field->body + field->len},
            .authors = authors,
            .scratch = arena_alloc(authors->arena, field->len + 1),
        };

        if (parser.scratch == NULL)
                return -ENOMEM;
        read_field(&parser);
        traits->literal = traits->literal || parser.literals > 0;
        if (parser.malformed) {
                traits->malformed = true;
                authors_collect(authors, field->body, field->len);
        }
        return authors->out_of_memory ? -ENOMEM : 0;
}

static int give(const authors_t *authors, from_author_t *out)
{
        const char **domains = arena_calloc(authors->arena, FROM_DOMAINS_MAX, sizeof(*domains));

        if (domains == NULL)
                return -ENOMEM;
        memcpy(domains, authors->domains, authors->count * sizeof(*domains));
        out->domains = domains;
        out->domain_count = authors->count;
        out->domains_incomplete = authors->incomplete;
        return 0;
}

int from_parse(arena_t *arena, const from_field_t *fields, size_t count, from_author_t *out)
{
        authors_t authors = {.arena = arena};
        size_t left = FROM_OCTETS_MAX;
        struct traits traits = {.malformed = false};
        int error = 0;

        memset(out, 0, sizeof(*out));
        for (size_t i = 0; i < count && error == 0 && left > 0; i++) {
                from_field_t field = fields[i];

                if (field.len >= left) {
                        field.len = left;
                        authors.incomplete = traits.malformed = true;
                }
                left -= field.len;
                error = parse_field(&authors, &field, &traits);
        }
        out->verdict = verdict_of(&authors, count, &traits);
        return error == 0 ? give(&authors, out) : error;
}
