#include "common/dmarc/record.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

static bool is_wsp(char c)
{
        return c == ' ' || c == '\t';
}

/* A piece of the record; never NUL-terminated. */
struct span {
        const char *at;
        size_t len;
};

static struct span trim(struct span span)
{
        while (span.len > 0 && is_wsp(span.at[0])) {
                span.at++;
                span.len--;
        }
        while (span.len > 0 && is_wsp(span.at[span.len - 1]))
                span.len--;
        return span;
}

static bool span_is(struct span span, const char *word)
{
        return strlen(word) == span.len && strncasecmp(word, span.at, span.len) == 0;
}

/* dmarc-value: printable ASCII without ";" (RFC 9989 4.8); the pieces have no ";" in them. */
static bool value_valid(struct span value)
{
        for (size_t i = 0; i < value.len; i++)
                if ((unsigned char)value.at[i] < 0x20 || (unsigned char)value.at[i] > 0x7e)
                        return false;
        return value.len > 0;
}

enum tag {
        TAG_P,
        TAG_SP,
        TAG_NP,
        TAG_ADKIM,
        TAG_ASPF,
        TAG_PSD,
        TAG_T,
        TAG_FO,
        TAG_RUA,
        TAG_RUF,
        TAG_COUNT
};

static const char *const tag_names[TAG_COUNT] = {
    [TAG_P] = "p",     [TAG_SP] = "sp", [TAG_NP] = "np", [TAG_ADKIM] = "adkim", [TAG_ASPF] = "aspf",
    [TAG_PSD] = "psd", [TAG_T] = "t",   [TAG_FO] = "fo", [TAG_RUA] = "rua",     [TAG_RUF] = "ruf",
};

/* Each tag as it was found: a duplicate is as bad as a syntax error (standards.md 1.3). */
struct tags {
        enum dmarc_tag state[TAG_COUNT];
        struct span value[TAG_COUNT];
};

static void take_tag(struct tags *tags, struct span name, struct span value)
{
        for (unsigned i = 0; i < TAG_COUNT; i++) {
                if (!span_is(name, tag_names[i]))
                        continue;
                if (tags->state[i] != DMARC_TAG_ABSENT || !value_valid(value)) {
                        tags->state[i] = DMARC_TAG_INVALID;
                } else {
                        tags->state[i] = DMARC_TAG_VALID;
                        tags->value[i] = value;
                }
                return;
        }
}

/* The next piece up to ";"; false at the end of the text. */
static bool next_piece(struct span *rest, struct span *piece)
{
        const char *semicolon;

        if (rest->at == NULL)
                return false;
        semicolon = rest->len > 0 ? memchr(rest->at, ';', rest->len) : NULL;
        piece->at = rest->at;
        piece->len = semicolon != NULL ? (size_t)(semicolon - rest->at) : rest->len;
        if (semicolon == NULL) {
                rest->at = NULL;
        } else {
                rest->at = semicolon + 1;
                rest->len -= piece->len + 1;
        }
        return true;
}

static bool split_tag(struct span piece, struct span *name, struct span *value)
{
        const char *equals = piece.len > 0 ? memchr(piece.at, '=', piece.len) : NULL;

        if (equals == NULL)
                return false;
        name->at = piece.at;
        name->len = (size_t)(equals - piece.at);
        value->at = equals + 1;
        value->len = piece.len - name->len - 1;
        *name = trim(*name);
        *value = trim(*value);
        return true;
}

static bool is_version(struct span piece)
{
        struct span name, value;

        return split_tag(piece, &name, &value) && span_is(name, "v") && value.len == 6 &&
               memcmp(value.at, "DMARC1", 6) == 0;
}

static dmarc_policy_tag_t policy_tag(const struct tags *tags, enum tag tag)
{
        dmarc_policy_tag_t policy = {.state = tags->state[tag]};

        if (policy.state != DMARC_TAG_VALID)
                return policy;
        for (int i = DMARC_POLICY_NONE; i <= DMARC_POLICY_REJECT; i++) {
                if (span_is(tags->value[tag], dmarc_policy_name((enum dmarc_policy)i))) {
                        policy.value = (enum dmarc_policy)i;
                        return policy;
                }
        }
        policy.state = DMARC_TAG_INVALID;
        return policy;
}

static bool tag_is(const struct tags *tags, enum tag tag, const char *word)
{
        return tags->state[tag] == DMARC_TAG_VALID && span_is(tags->value[tag], word);
}

/* "0" and "1" exclude each other; each letter at most once (RFC 9989 4.8). NULL when it is invalid.
 */
static const char *read_fo(struct span value, char out[8])
{
        bool seen[4] = {false};
        static const char options[] = "01ds";
        size_t used = 0;

        for (size_t i = 0; i < value.len; i++) {
                const char *option;

                while (i < value.len && is_wsp(value.at[i]))
                        i++;
                option =
                    i < value.len ? strchr(options, tolower((unsigned char)value.at[i])) : NULL;
                if (option == NULL || *option == '\0' || seen[option - options])
                        return NULL;
                seen[option - options] = true;
                if (used > 0)
                        out[used++] = ':';
                out[used++] = *option;
                for (i++; i < value.len && is_wsp(value.at[i]);)
                        i++;
                if (i < value.len && (value.at[i] != ':' || i + 1 == value.len))
                        return NULL;
        }
        out[used] = '\0';
        return used > 0 && !(seen[0] && seen[1]) ? out : NULL;
}

/* What follows "!" is the obsolete size limit; a "!" of the URI itself is percent-encoded. */
static struct span drop_size(struct span uri)
{
        const char *mark = uri.len > 0 ? memchr(uri.at, '!', uri.len) : NULL;

        if (mark != NULL)
                uri.len = (size_t)(mark - uri.at);
        return trim(uri);
}

/* scheme ":" and something after it (RFC 3986); "mailto:" alone is no address. */
static bool uri_valid(struct span uri)
{
        size_t i = 0;

        if (uri.len == 0 || !isalpha((unsigned char)uri.at[0]))
                return false;
        while (i < uri.len &&
               (isalnum((unsigned char)uri.at[i]) || strchr("+-.", uri.at[i]) != NULL))
                i++;
        if (i + 1 >= uri.len || uri.at[i] != ':')
                return false;
        for (; i < uri.len; i++)
                if ((unsigned char)uri.at[i] <= ' ' || (unsigned char)uri.at[i] > 0x7e)
                        return false;
        return true;
}

static int read_uris(arena_t *arena, struct span value, const char *const **uris, size_t *count)
{
        const char **list = arena_calloc(arena, DMARC_URIS_MAX, sizeof(*list));

        *count = 0;
        if (list == NULL)
                return -ENOMEM;
        while (value.len > 0 && *count < DMARC_URIS_MAX) {
                const char *comma = memchr(value.at, ',', value.len);
                struct span uri = {value.at,
                                   comma != NULL ? (size_t)(comma - value.at) : value.len};

                value.at += uri.len + (comma != NULL);
                value.len -= uri.len + (comma != NULL);
                uri = drop_size(uri);
                if (!uri_valid(uri))
                        continue;
                list[*count] = arena_strndup(arena, uri.at, uri.len);
                if (list[*count] == NULL)
                        return -ENOMEM;
                ++*count;
        }
        *uris = list;
        return 0;
}

/* RFC 9989 4.7 p and 4.10.1: usable without p only with somewhere to report to. */
static bool is_usable(const dmarc_record_t *record)
{
        if (record->p.state == DMARC_TAG_VALID && record->sp.state != DMARC_TAG_INVALID &&
            record->np.state != DMARC_TAG_INVALID)
                return true;
        return record->rua_count > 0;
}

static int fill(arena_t *arena, const struct tags *tags, dmarc_record_t *out)
{
        char fo[8] = "";
        int error = 0;

        out->p = policy_tag(tags, TAG_P);
        out->sp = policy_tag(tags, TAG_SP);
        out->np = policy_tag(tags, TAG_NP);
        out->strict_dkim = tag_is(tags, TAG_ADKIM, "s");
        out->strict_spf = tag_is(tags, TAG_ASPF, "s");
        out->testing = tag_is(tags, TAG_T, "y");
        out->psd = tag_is(tags, TAG_PSD, "y")   ? DMARC_PSD_Y
                   : tag_is(tags, TAG_PSD, "n") ? DMARC_PSD_N
                                                : DMARC_PSD_U;
        out->fo = "0";
        if (tags->state[TAG_FO] == DMARC_TAG_VALID && read_fo(tags->value[TAG_FO], fo) != NULL)
                out->fo = arena_strdup(arena, fo);
        if (out->fo == NULL)
                return -ENOMEM;
        if (tags->state[TAG_RUA] == DMARC_TAG_VALID)
                error = read_uris(arena, tags->value[TAG_RUA], &out->rua, &out->rua_count);
        if (error == 0 && tags->state[TAG_RUF] == DMARC_TAG_VALID)
                error = read_uris(arena, tags->value[TAG_RUF], &out->ruf, &out->ruf_count);
        out->usable = is_usable(out);
        return error;
}

int dmarc_record_parse(arena_t *arena, const char *text, size_t len, dmarc_record_t *out)
{
        struct span rest = {.at = text, .len = len};
        struct span piece, name, value;
        struct tags tags = {0};
        int error;

        memset(out, 0, sizeof(*out));
        if (len > DMARC_RECORD_MAX || !next_piece(&rest, &piece) || !is_version(piece))
                return 0;
        while (next_piece(&rest, &piece))
                if (split_tag(piece, &name, &value))
                        take_tag(&tags, name, value);
        error = fill(arena, &tags, out);
        return error == 0 ? 1 : error;
}
