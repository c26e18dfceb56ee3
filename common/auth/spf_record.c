#include "common/auth/spf_record.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>

#include "common/auth/spf_text.h"

#define VERSION "v=spf1"

/* libspf2 leaves out, without a word, what comes behind 511 octets of compiled terms
 * (SPF_MAX_MECH_LEN); it refuses a domain-spec of over 507. Both with some room. */
#define PIECE_SIZE      500
#define DOMAIN_SIZE_MAX 480
#define TERM_SIZE       12 /* at most, of a term without its domain-spec */
#define LOOKUPS_MAX     10

/* Octets of values that macros of one record may be replaced by here: who sends mail chooses how
 * long they are, and the record's owner how often they come. */
#define EXPANSION_MAX ((size_t)16 << 10)

/* A piece of the record. */
typedef struct span {
        const char *at;
        size_t len;
} span_t;

/* Prefix lengths of "a" and "mx"; -1 = not given. */
typedef struct prefixes {
        int ip4, ip6;
} prefixes_t;

typedef struct record {
        const spf_subject_t *subject;
        spf_text_t out;
        bool ipv6;
        span_t redirect; /* its domain-spec; at NULL = none */
        bool has_exp;
        bool ended;        /* nothing behind this can count any more: it is only checked */
        size_t piece_size; /* compiled, of the last line */
        unsigned lookups;  /* terms that take look-ups */
        size_t budget;     /* for the expansion of macros */
} record_t;

/* --- the grammar's terminals ------------------------------------------------------------------ */

static bool is_alpha(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool is_alphanum(char c)
{
        return is_alpha(c) || is_digit(c);
}

static bool equals(span_t span, const char *word)
{
        return span.len == strlen(word) && strncasecmp(span.at, word, span.len) == 0;
}

static bool is_toplabel(span_t label)
{
        bool alpha = false, hyphen = false;

        for (size_t i = 0; i < label.len; i++) {
                alpha = alpha || is_alpha(label.at[i]);
                hyphen = hyphen || label.at[i] == '-';
                if (!is_alphanum(label.at[i]) && label.at[i] != '-')
                        return false;
        }
        return label.len > 0 && (alpha || hyphen) && label.at[0] != '-' &&
               label.at[label.len - 1] != '-';
}

static bool is_domain_spec(span_t span)
{
        size_t macro_end, end = span.len, dot;

        if (span.len == 0 || !spf_macro_string(span.at, span.len, &macro_end))
                return false;
        if (macro_end == span.len)
                return true;
        if (span.at[end - 1] == '.')
                end--;
        for (dot = end; dot > macro_end && span.at[dot - 1] != '.';)
                dot--;
        if (dot == macro_end)
                return false; /* no dot before the top label */
        return is_toplabel((span_t){span.at + dot, end - dot});
}

/* "/" and a number without leading zeros, up to `maximum`. @return octets, or 0 */
static size_t prefix_length(span_t span, int maximum, int *value)
{
        size_t i = 1;
        int number = 0;

        if (span.len < 2 || span.at[0] != '/' || !is_digit(span.at[1]))
                return 0;
        for (; i < span.len && is_digit(span.at[i]) && i <= 4; i++)
                number = number * 10 + (span.at[i] - '0');
        if (i > 4 || number > maximum || (span.at[1] == '0' && i > 2))
                return 0;
        *value = number;
        return i;
}

/* The whole span is a dual-cidr-length. */
static bool is_dual_cidr(span_t span, prefixes_t *prefixes)
{
        size_t used;

        *prefixes = (prefixes_t){-1, -1};
        used = prefix_length(span, 32, &prefixes->ip4);
        span = (span_t){span.at + used, span.len - used};
        if (span.len == 0)
                return used > 0;
        if (span.len < 3 || span.at[0] != '/')
                return false;
        span = (span_t){span.at + 1, span.len - 1};
        return prefix_length(span, 128, &prefixes->ip6) == span.len;
}

/* --- mechanisms ------------------------------------------------------------------------------- */

/* Cut the dual-cidr-length off the end; a "/" may stand in the domain-spec too. */
static void cut_dual_cidr(span_t *span, prefixes_t *prefixes)
{
        for (size_t i = 0; i < span->len; i++) {
                if (span->at[i] == '/' &&
                    is_dual_cidr((span_t){span->at + i, span->len - i}, prefixes)) {
                        span->len = i;
                        return;
                }
        }
        *prefixes = (prefixes_t){-1, -1};
}

/* Room for a term: a new line where libspf2 would leave it out of this one without a word. */
static void begin_term(record_t *record, const char *qualifier, size_t compiled_size)
{
        if (record->piece_size + compiled_size > PIECE_SIZE) {
                spf_text_puts(&record->out, "\n" VERSION);
                record->piece_size = 0;
        }
        record->piece_size += compiled_size;
        spf_text_puts(&record->out, " ");
        spf_text_puts(&record->out, qualifier);
}

static void put_all(record_t *record, const char *qualifier)
{
        begin_term(record, qualifier, TERM_SIZE);
        spf_text_puts(&record->out, "all");
        record->ended = true;
}

/* Whoever comes to this term ends there. */
static void put_beyond(record_t *record)
{
        begin_term(record, "", sizeof(SPF_BEYOND_NAME) + TERM_SIZE);
        spf_text_puts(&record->out, "exists:" SPF_BEYOND_NAME);
        record->ended = true;
}

/* Write a term with a domain-spec, and what stands behind that. */
static void put_fitting(record_t *record, const char *qualifier, const char *name, span_t domain,
                        const char *tail)
{
        const size_t size = spf_macro_compiled_size(domain.at, domain.len) + strlen(tail);

        begin_term(record, qualifier, size + TERM_SIZE);
        spf_text_puts(&record->out, name);
        spf_text_put(&record->out, domain.at, domain.len);
        spf_text_puts(&record->out, tail);
}

static bool fits(span_t domain, size_t room)
{
        size_t size = spf_macro_compiled_size(domain.at, domain.len);

        return (size > 0 || domain.len == 0) && size <= DOMAIN_SIZE_MAX &&
               (room == 0 || domain.len + room <= SPF_LITERAL_MAX);
}

/* The same for any domain-spec: one that libspf2 has no room for is expanded here.
 * @param room octets of a name that `tail` begins with */
static void put_term(record_t *record, const char *qualifier, const char *name, span_t domain,
                     const char *tail, size_t room)
{
        span_t expanded;
        char *text;

        if (fits(domain, room)) {
                put_fitting(record, qualifier, name, domain, tail);
                return;
        }
        text = spf_macro_expand(domain.at, domain.len, record->subject, &record->budget);
        expanded = (span_t){text, text != NULL ? strlen(text) : 0};
        if (text == NULL)
                record->out.out_of_memory = true;
        else if (record->budget > 0 && fits(expanded, room))
                put_fitting(record, qualifier, name, expanded, tail);
        else
                put_beyond(record);
        free(text);
}

/* A mechanism that takes look-ups: the eleventh of a record is over the limit (RFC 7208 4.6.4). */
static void put_mechanism(record_t *record, const char *qualifier, const char *name, span_t domain,
                          const char *tail, size_t room)
{
        if (record->ended)
                return;
        if (++record->lookups > LOOKUPS_MAX)
                put_beyond(record);
        else
                put_term(record, qualifier, name, domain, tail, room);
}

/* "a" and "mx": ":" domain-spec and dual-cidr-length, both optional. */
static bool write_addresses(record_t *record, const char *qualifier, const char *name, span_t rest)
{
        static const char current[] = "%{d}";
        char tail[sizeof(SPF_ANY_ADDRESS_SUFFIX) + 16] = "";
        prefixes_t prefixes;
        span_t domain;
        size_t len = 0, room = 0;

        cut_dual_cidr(&rest, &prefixes);
        domain = rest.len > 0 ? (span_t){rest.at + 1, rest.len - 1}
                              : (span_t){current, sizeof(current) - 1};
        if (rest.len > 0 && (rest.at[0] != ':' || !is_domain_spec(domain)))
                return false;
        if ((record->ipv6 ? prefixes.ip6 : prefixes.ip4) == 0) {
                domain.len -= domain.at[domain.len - 1] == '.';
                len = room = sizeof(SPF_ANY_ADDRESS_SUFFIX) - 1;
                memcpy(tail, SPF_ANY_ADDRESS_SUFFIX, len + 1);
        }
        if (prefixes.ip4 > 0)
                snprintf(tail + len, sizeof(tail) - len, "/%d", prefixes.ip4);
        len = strlen(tail);
        if (prefixes.ip6 > 0)
                snprintf(tail + len, sizeof(tail) - len, "//%d", prefixes.ip6);
        put_mechanism(record, qualifier, name, domain, tail, room);
        return true;
}

/* "include" and "exists": a domain-spec */
static bool write_domain(record_t *record, const char *qualifier, const char *name, span_t rest)
{
        span_t domain;

        if (rest.len == 0 || rest.at[0] != ':')
                return false;
        domain = (span_t){rest.at + 1, rest.len - 1};
        if (!is_domain_spec(domain))
                return false;
        put_mechanism(record, qualifier, name, domain, "", 0);
        return true;
}

/* "ptr": one if any */
static bool write_ptr(record_t *record, const char *qualifier, span_t rest)
{
        if (rest.len > 0)
                return write_domain(record, qualifier, "ptr:", rest);
        put_mechanism(record, qualifier, "ptr", (span_t){"", 0}, "", 0);
        return true;
}

static bool parse_address(int family, span_t span, void *address)
{
        char text[INET6_ADDRSTRLEN];

        if (span.len == 0 || span.len >= sizeof(text))
                return false;
        memcpy(text, span.at, span.len);
        text[span.len] = '\0';
        return inet_pton(family, text, address) == 1;
}

/* Four numbers of at most 255, without leading zeros; as an IPv4-mapped address. */
static bool parse_ip4(span_t span, uint8_t octets[16])
{
        static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

        for (size_t i = 0; i + 1 < span.len; i++)
                if (span.at[i] == '0' && is_digit(span.at[i + 1]) &&
                    (i == 0 || span.at[i - 1] == '.'))
                        return false;
        memcpy(octets, mapped, sizeof(mapped));
        return parse_address(AF_INET, span, octets + sizeof(mapped));
}

static bool equal_bits(const uint8_t *a, const uint8_t *b, int bits)
{
        const int whole = bits / 8, rest = bits % 8;

        if (memcmp(a, b, (size_t)whole) != 0)
                return false;
        return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

/* "ip4" and "ip6" are decided here: one that does not match is left out, one that does is "all".
 * A network of the other family can match nothing, not even an IPv4-mapped one. */
static bool read_network(record_t *record, bool ip6, span_t rest, const char *qualifier)
{
        const int bits = ip6 ? 128 : 32;
        uint8_t octets[16];
        const char *slash;
        span_t network;
        int prefix = bits;

        if (rest.len < 2 || rest.at[0] != ':')
                return false;
        network = (span_t){rest.at + 1, rest.len - 1};
        slash = memchr(network.at, '/', network.len);
        if (slash != NULL) {
                span_t cidr = {slash, (size_t)(network.at + network.len - slash)};

                if (prefix_length(cidr, bits, &prefix) != cidr.len)
                        return false;
                network.len = (size_t)(slash - network.at);
        }
        if (ip6 ? !parse_address(AF_INET6, network, octets) : !parse_ip4(network, octets))
                return false;
        if (!record->ended && ip6 == record->ipv6 &&
            equal_bits(record->subject->client.octets, octets, 128 - bits + prefix))
                put_all(record, qualifier);
        return true;
}

/* @param name of the mechanism; rest what stands behind it */
static bool read_mechanism(record_t *record, const char *qualifier, span_t name, span_t rest)
{
        if (equals(name, "ip4") || equals(name, "ip6"))
                return read_network(record, equals(name, "ip6"), rest, qualifier);
        if (equals(name, "all")) {
                /* RFC 7208 5.1: what follows is ignored */
                if (!record->ended)
                        put_all(record, qualifier);
                return rest.len == 0;
        }
        if (equals(name, "a"))
                return write_addresses(record, qualifier, "a:", rest);
        if (equals(name, "mx"))
                return write_addresses(record, qualifier, "mx:", rest);
        if (equals(name, "include"))
                return write_domain(record, qualifier, "include:", rest);
        if (equals(name, "exists"))
                return write_domain(record, qualifier, "exists:", rest);
        if (equals(name, "ptr"))
                return write_ptr(record, qualifier, rest);
        return false;
}

/* --- modifiers and terms ---------------------------------------------------------------------- */

/* RFC 7208 6: "redirect" and "exp" once at most; others are ignored if their macros are sound. */
static bool read_modifier(record_t *record, span_t name, span_t value)
{
        size_t macro_end;

        if (equals(name, "redirect")) {
                if (record->redirect.at != NULL)
                        return false;
                record->redirect = value;
                return is_domain_spec(value);
        }
        if (equals(name, "exp")) {
                if (record->has_exp)
                        return false;
                record->has_exp = true;
                return is_domain_spec(value);
        }
        return spf_macro_string(value.at, value.len, &macro_end);
}

static bool read_term(record_t *record, span_t term)
{
        const char qualifier[2] = {strchr("+-?~", term.at[0]) != NULL ? term.at[0] : '\0', '\0'};
        const size_t begin = qualifier[0] != '\0' ? 1 : 0;
        size_t end = begin;
        span_t name, rest;

        if (end < term.len && is_alpha(term.at[end]))
                while (end < term.len && (is_alphanum(term.at[end]) || strchr("-_.", term.at[end])))
                        end++;
        name = (span_t){term.at + begin, end - begin};
        rest = (span_t){term.at + end, term.len - end};
        if (name.len == 0)
                return false;
        if (rest.len > 0 && rest.at[0] == '=')
                return begin == 0 &&
                       read_modifier(record, name, (span_t){rest.at + 1, rest.len - 1});
        return read_mechanism(record, qualifier, name, rest);
}

static bool read_terms(record_t *record, const char *text, size_t len)
{
        size_t at = sizeof(VERSION) - 1;

        while (at < len) {
                size_t begin;

                while (at < len && text[at] == ' ')
                        at++;
                for (begin = at; at < len && text[at] != ' '; at++)
                        if (text[at] < '!' || text[at] > '~')
                                return false;
                if (at > begin && !read_term(record, (span_t){text + begin, at - begin}))
                        return false;
        }
        return true;
}

static bool read_record(record_t *record, const char *text, size_t len, const char **why)
{
        *why = NULL;
        spf_text_puts(&record->out, VERSION);
        if (len > SPF_RECORD_MAX)
                *why = "a record of over 16 KiB";
        else if (!read_terms(record, text, len))
                *why = "a record that breaks the grammar";
        /* RFC 7208 6.1: with "all" in the record, redirect is ignored */
        else if (record->redirect.at != NULL && !record->ended)
                put_term(record, "", "redirect=", record->redirect, "", 0);
        return *why == NULL && !record->out.out_of_memory;
}

char *spf_record_rewrite(const char *text, size_t len, const spf_subject_t *subject,
                         const char **why)
{
        record_t record = {.subject = subject,
                           .ipv6 = !address_is_ipv4(&subject->client),
                           .budget = EXPANSION_MAX};

        if (read_record(&record, text, len, why))
                return record.out.text;
        free(record.out.text);
        return NULL;
}

size_t spf_any_address_length(const char *name)
{
        const size_t suffix = sizeof(SPF_ANY_ADDRESS_SUFFIX) - 1;
        size_t len = strlen(name);

        if (len > 0 && name[len - 1] == '.')
                len--;
        if (len <= suffix || strncasecmp(name + len - suffix, SPF_ANY_ADDRESS_SUFFIX, suffix) != 0)
                return 0;
        return len - suffix;
}
