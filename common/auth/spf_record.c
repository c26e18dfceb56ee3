#include "common/auth/spf_record.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>

#define VERSION "v=spf1"

/* A piece of the record. */
typedef struct span {
        const char *at;
        size_t len;
} span_t;

/* Prefix lengths of "a" and "mx"; -1 = not given. */
typedef struct prefixes {
        int ip4, ip6;
} prefixes_t;

typedef struct writer {
        char *text;
        size_t len, room;
        bool out_of_memory;
} writer_t;

typedef struct record {
        writer_t writer;
        bool ipv6;
        span_t redirect; /* its domain-spec; at NULL = none */
        bool has_exp;
        bool has_all;
} record_t;

/* --- writing ---------------------------------------------------------------------------------- */

static void put(writer_t *writer, const char *text, size_t len)
{
        if (writer->len + len + 1 > writer->room) {
                size_t room = 2 * (writer->len + len + 128);
                char *grown = realloc(writer->text, room);

                if (grown == NULL) {
                        writer->out_of_memory = true;
                        return;
                }
                writer->text = grown;
                writer->room = room;
        }
        memcpy(writer->text + writer->len, text, len);
        writer->len += len;
        writer->text[writer->len] = '\0';
}

static void put_text(writer_t *writer, const char *text)
{
        put(writer, text, strlen(text));
}

static void put_span(writer_t *writer, span_t span)
{
        put(writer, span.at, span.len);
}

static void put_number(writer_t *writer, const char *before, int number)
{
        char text[24];

        snprintf(text, sizeof(text), "%s%d", before, number);
        put_text(writer, text);
}

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

/* Step over one macro-expand. @return its octets, or 0 when there is none */
static size_t macro_expand(span_t span)
{
        size_t i = 3;

        if (span.len < 2 || span.at[0] != '%')
                return 0;
        if (strchr("%_-", span.at[1]) != NULL)
                return 2;
        /* c, r and t are for explanations only */
        if (span.len < 4 || span.at[1] != '{' || !strchr("slodiphvSLODIPHV", span.at[2]))
                return 0;
        while (i < span.len && is_digit(span.at[i]))
                i++;
        /* a number of labels is not zero */
        if (i > 3 && strspn(span.at + 3, "0") >= i - 3)
                return 0;
        if (i < span.len && (span.at[i] == 'r' || span.at[i] == 'R'))
                i++;
        while (i < span.len && span.at[i] != '\0' && strchr(".-+,/_=", span.at[i]))
                i++;
        return i < span.len && span.at[i] == '}' ? i + 1 : 0;
}

/* @param last_macro_end where its last macro-expand ends; 0 = it has none */
static bool is_macro_string(span_t span, size_t *last_macro_end)
{
        size_t i = 0;

        *last_macro_end = 0;
        while (i < span.len) {
                size_t macro = macro_expand((span_t){span.at + i, span.len - i});

                if (macro > 0) {
                        i += macro;
                        *last_macro_end = i;
                } else if (span.at[i] > ' ' && span.at[i] <= '~' && span.at[i] != '%') {
                        i++;
                } else {
                        return false;
                }
        }
        return true;
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

        if (span.len == 0 || !is_macro_string(span, &macro_end))
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

/* "a" and "mx": ":" domain-spec and dual-cidr-length, both optional. */
static bool write_addresses(record_t *record, const char *name, span_t rest)
{
        writer_t *writer = &record->writer;
        prefixes_t prefixes;
        bool any;

        cut_dual_cidr(&rest, &prefixes);
        if (rest.len > 0 &&
            (rest.at[0] != ':' || !is_domain_spec((span_t){rest.at + 1, rest.len - 1})))
                return false;
        any = (record->ipv6 ? prefixes.ip6 : prefixes.ip4) == 0;
        put_text(writer, name);
        put_text(writer, ":");
        if (rest.len > 0)
                put(writer, rest.at + 1, rest.len - 1 - (any && rest.at[rest.len - 1] == '.'));
        else
                put_text(writer, "%{d}");
        if (any)
                put_text(writer, SPF_ANY_ADDRESS_SUFFIX);
        if (prefixes.ip4 > 0)
                put_number(writer, "/", prefixes.ip4);
        if (prefixes.ip6 > 0)
                put_number(writer, "//", prefixes.ip6);
        return true;
}

/* "include", "exists": a domain-spec; "ptr": one if any. */
static bool write_domain(record_t *record, const char *name, span_t rest)
{
        put_text(&record->writer, name);
        if (rest.len == 0)
                return strcmp(name, "ptr") == 0;
        put_span(&record->writer, rest);
        return rest.at[0] == ':' && is_domain_spec((span_t){rest.at + 1, rest.len - 1});
}

/* Four numbers of at most 255, without leading zeros. */
static bool is_ip4(span_t span)
{
        char text[INET_ADDRSTRLEN];
        struct in_addr address;

        if (span.len == 0 || span.len >= sizeof(text))
                return false;
        memcpy(text, span.at, span.len);
        text[span.len] = '\0';
        for (size_t i = 0; i < span.len; i++)
                if (text[i] == '0' && is_digit(text[i + 1]) && (i == 0 || text[i - 1] == '.'))
                        return false;
        return inet_pton(AF_INET, text, &address) == 1;
}

static bool is_ip6(span_t span)
{
        char text[INET6_ADDRSTRLEN];
        struct in6_addr address;

        if (span.len == 0 || span.len >= sizeof(text))
                return false;
        memcpy(text, span.at, span.len);
        text[span.len] = '\0';
        return inet_pton(AF_INET6, text, &address) == 1;
}

/* "ip4" and "ip6". A network of the other family can match nothing, and is left out: libspf2 would
 * compare it all the same when it is an IPv4-mapped one. */
static bool write_network(record_t *record, bool ip6, span_t rest, const char *qualifier)
{
        writer_t *writer = &record->writer;
        const char *name = ip6 ? "ip6:" : "ip4:";
        const char *slash;
        span_t network;
        int prefix = ip6 ? 128 : 32;

        if (rest.len < 2 || rest.at[0] != ':')
                return false;
        network = (span_t){rest.at + 1, rest.len - 1};
        slash = memchr(network.at, '/', network.len);
        if (slash != NULL) {
                span_t cidr = {slash, (size_t)(network.at + network.len - slash)};

                if (prefix_length(cidr, prefix, &prefix) != cidr.len)
                        return false;
                network.len = (size_t)(slash - network.at);
        }
        if (ip6 ? !is_ip6(network) : !is_ip4(network))
                return false;
        if (ip6 != record->ipv6)
                return true;
        put_text(writer, " ");
        put_text(writer, qualifier);
        if (prefix == 0) {
                record->has_all = true;
                put_text(writer, "all");
                return true;
        }
        put_text(writer, name);
        put_span(writer, network);
        put_number(writer, "/", prefix);
        return true;
}

/* @param name of the mechanism; rest what stands behind it */
static bool write_mechanism(record_t *record, const char *qualifier, span_t name, span_t rest)
{
        writer_t *writer = &record->writer;

        if (equals(name, "ip4") || equals(name, "ip6"))
                return write_network(record, equals(name, "ip6"), rest, qualifier);
        put_text(writer, " ");
        put_text(writer, qualifier);
        if (equals(name, "all")) {
                record->has_all = true;
                put_text(writer, "all");
                return rest.len == 0;
        }
        if (equals(name, "a"))
                return write_addresses(record, "a", rest);
        if (equals(name, "mx"))
                return write_addresses(record, "mx", rest);
        if (equals(name, "include"))
                return write_domain(record, "include", rest);
        if (equals(name, "exists"))
                return write_domain(record, "exists", rest);
        if (equals(name, "ptr"))
                return write_domain(record, "ptr", rest);
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
        return is_macro_string(value, &macro_end);
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
        return write_mechanism(record, qualifier, name, rest);
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

char *spf_record_rewrite(const char *text, size_t len, bool ipv6, bool *broken)
{
        record_t record = {.ipv6 = ipv6};

        *broken = false;
        put_text(&record.writer, VERSION);
        if (len > SPF_RECORD_MAX || !read_terms(&record, text, len)) {
                *broken = true;
                free(record.writer.text);
                return NULL;
        }
        /* RFC 7208 6.1: with "all" in the record, redirect is ignored */
        if (record.redirect.at != NULL && !record.has_all) {
                put_text(&record.writer, " redirect=");
                put_span(&record.writer, record.redirect);
        }
        if (!record.writer.out_of_memory)
                return record.writer.text;
        free(record.writer.text);
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
