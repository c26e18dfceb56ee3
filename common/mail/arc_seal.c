#include "common/mail/arc_seal.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* A piece of the text. */
struct span {
        const char *at;
        size_t len;
};

enum tag { TAG_I, TAG_A, TAG_B, TAG_CV, TAG_D, TAG_S, TAG_T, TAG_H, TAG_COUNT };

static const char *const tag_names[TAG_COUNT] = {
    [TAG_I] = "i", [TAG_A] = "a", [TAG_B] = "b", [TAG_CV] = "cv",
    [TAG_D] = "d", [TAG_S] = "s", [TAG_T] = "t", [TAG_H] = "h",
};

static bool is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct span trim(const char *at, const char *end)
{
        while (at < end && is_space(*at))
                at++;
        while (end > at && is_space(end[-1]))
                end--;
        return (struct span){.at = at, .len = (size_t)(end - at)};
}

/* tag-name = ALPHA *( ALPHA / DIGIT / "_" ) */
static bool is_name(struct span name)
{
        if (name.len == 0 || !isalpha((unsigned char)name.at[0]))
                return false;
        for (size_t i = 0; i < name.len; i++)
                if (!isalnum((unsigned char)name.at[i]) && name.at[i] != '_')
                        return false;
        return true;
}

/* tag-value: VALCHAR with white space inside; bytes from 0x80 on too (RFC 8616) */
static bool is_value(struct span value)
{
        for (size_t i = 0; i < value.len; i++)
                if (((unsigned char)value.at[i] < ' ' && !is_space(value.at[i])) ||
                    value.at[i] == 0x7f)
                        return false;
        return true;
}

/* One tag-spec. Tags that we do not know may hold anything. */
static bool read_tag(const char *at, const char *end, struct span tags[TAG_COUNT])
{
        const char *equals = memchr(at, '=', (size_t)(end - at));
        struct span name, value;

        if (equals == NULL)
                return false;
        name = trim(at, equals);
        value = trim(equals + 1, end);
        if (!is_name(name) || !is_value(value))
                return false;
        for (int i = 0; i < TAG_COUNT; i++) {
                if (strlen(tag_names[i]) != name.len ||
                    strncasecmp(name.at, tag_names[i], name.len) != 0)
                        continue;
                if (memcmp(name.at, tag_names[i], name.len) != 0 || tags[i].at != NULL)
                        return false;
                tags[i] = value;
        }
        return true;
}

static bool read_tags(const char *at, const char *end, struct span tags[TAG_COUNT])
{
        while (at < end) {
                const char *semicolon = memchr(at, ';', (size_t)(end - at));
                const char *stop = semicolon != NULL ? semicolon : end;

                if (!read_tag(at, stop, tags))
                        return false;
                if (semicolon == NULL || trim(semicolon + 1, end).len == 0)
                        return true;
                at = semicolon + 1;
        }
        return false;
}

static bool read_instance(struct span value, unsigned *instance)
{
        *instance = 0;
        if (value.len == 0 || value.len > 2 || value.at[0] == '0')
                return false;
        for (size_t i = 0; i < value.len; i++) {
                if (!isdigit((unsigned char)value.at[i]))
                        return false;
                *instance = *instance * 10 + (unsigned)(value.at[i] - '0');
        }
        return *instance <= ARC_INSTANCE_MAX;
}

bool arc_seal_parse(const char *body, size_t len, arc_seal_t *out)
{
        struct span tags[TAG_COUNT] = {{0}};

        if (len > ARC_SEAL_MAX || !read_tags(body, body + len, tags))
                return false;
        for (int i = 0; i < TAG_COUNT; i++)
                if (i != TAG_T && (tags[i].at == NULL) != (i == TAG_H))
                        return false; /* h= must not be there, t= may, the others must */
        return read_instance(tags[TAG_I], &out->instance) &&
               domain_normalize(tags[TAG_D].at, tags[TAG_D].len, out->domain) == 0;
}

void arc_chain_add(arc_chain_t *chain, const char *body, size_t len)
{
        arc_seal_t seal;
        uint64_t bit;

        if (chain->broken)
                return;
        if (!arc_seal_parse(body, len, &seal)) {
                chain->broken = true;
                return;
        }
        bit = (uint64_t)1 << seal.instance;
        chain->broken = (chain->instances & bit) != 0;
        chain->instances |= bit;
        if (seal.instance > chain->last.instance)
                chain->last = seal;
}

static bool same_chain(const char *a, const char *b)
{
        return a == b || (a != NULL && b != NULL && strcasecmp(a, b) == 0);
}

void arc_results_add(arc_results_t *results, const authres_result_t *result)
{
        const char *chain = authres_property(result, AUTHRES_ARC, "chain");

        if (result->result != AUTH_PASS ||
            (results->passed && !same_chain(results->chain, chain))) {
                results->contradicted = true;
                return;
        }
        results->passed = true;
        results->chain = chain;
}

/* "c.example:b.example:a.example"; old versions of OpenARC begin with an empty member. */
static bool first_of_chain(const char *chain, char out[DOMAIN_SIZE])
{
        chain += strspn(chain, ":");
        return domain_normalize(chain, strcspn(chain, ":"), out) == 0;
}

/* Instances 1 to the highest, without a gap. */
static bool is_whole(const arc_chain_t *chain)
{
        const uint64_t wanted = ((uint64_t)2 << chain->last.instance) - 2;

        return !chain->broken && chain->last.instance > 0 && chain->instances == wanted;
}

bool arc_sealer(const arc_results_t *results, const arc_chain_t *chain, char out[DOMAIN_SIZE])
{
        if (!results->passed || results->contradicted)
                return false;
        if (results->chain != NULL)
                return first_of_chain(results->chain, out);
        if (!is_whole(chain))
                return false;
        memcpy(out, chain->last.domain, sizeof(chain->last.domain));
        return true;
}
