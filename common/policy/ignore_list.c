#include "common/policy/ignore.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/mail/domain.h"

#define PREFIX_BITS     128
#define LINE_MAX_OCTETS 1024

/* An address entry: a block of 128 bits minus its prefix. */
struct block {
        uint8_t octets[16]; /* host bits zero */
        uint32_t line;      /* the later one of two equal entries wins */
        bool except;
};

/* A name entry; domains stand with their leading dot. */
struct name {
        char *text;
        uint32_t line;
        bool except;
};

struct ignore_list {
        struct block *blocks[PREFIX_BITS + 1]; /* by prefix length, sorted */
        size_t block_count[PREFIX_BITS + 1], block_room[PREFIX_BITS + 1];
        uint8_t prefixes[PREFIX_BITS + 1]; /* those that have blocks, the longest first */
        size_t prefix_count;
        struct name *names; /* sorted */
        size_t name_count, name_room;
};

struct parser {
        ignore_list_t *list;
        ignore_error_fn *error;
        void *context;
        uint32_t line;
        bool out_of_memory;
};

static void complain(struct parser *parser, const char *message)
{
        if (parser->error != NULL)
                parser->error(parser->context, parser->line, message);
}

static void *grow(struct parser *parser, void *array, size_t count, size_t *room, size_t size)
{
        size_t more = *room > 0 ? *room * 2 : 8;
        void *grown;

        if (count < *room)
                return array;
        grown = reallocarray(array, more, size);
        if (grown == NULL)
                parser->out_of_memory = true;
        else
                *room = more;
        return grown;
}

static void mask(uint8_t octets[16], unsigned prefix)
{
        for (unsigned i = 0; i < 16; i++) {
                unsigned bits = prefix > i * 8 ? prefix - i * 8 : 0;

                if (bits < 8)
                        octets[i] &= (uint8_t)(0xff00 >> bits);
        }
}

static void add_block(struct parser *parser, const address_t *address, unsigned prefix, bool except)
{
        ignore_list_t *list = parser->list;
        struct block *grown = grow(parser, list->blocks[prefix], list->block_count[prefix],
                                   &list->block_room[prefix], sizeof(*grown));
        struct block block = {.line = parser->line, .except = except};

        if (grown == NULL)
                return;
        memcpy(block.octets, address->octets, sizeof(block.octets));
        mask(block.octets, prefix);
        list->blocks[prefix] = grown;
        list->blocks[prefix][list->block_count[prefix]++] = block;
}

/* @return whether it is an address or a block, good or bad */
static bool parse_address(struct parser *parser, char *text, bool except)
{
        char *slash = strchr(text, '/');
        address_t address;
        unsigned long prefix = PREFIX_BITS;
        unsigned long width;
        char *end = NULL;

        if (slash != NULL)
                *slash = '\0';
        if (!address_parse(text, &address)) {
                if (slash != NULL)
                        complain(parser, "not an address before /");
                return slash != NULL;
        }
        width = strchr(text, ':') == NULL ? 32 : PREFIX_BITS;
        if (slash != NULL) {
                prefix = strtoul(slash + 1, &end, 10);
                if (slash[1] < '0' || slash[1] > '9' || *end != '\0' || prefix > width) {
                        complain(parser, "not a prefix length after /");
                        return true;
                }
                prefix += PREFIX_BITS - width;
        }
        add_block(parser, &address, (unsigned)prefix, except);
        return true;
}

/* No top-level domain is a number (RFC 3696 2): such a name is an address with a slip in it. */
static bool is_number(const char *text)
{
        return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static const char *last_label(const char *domain)
{
        const char *dot = strrchr(domain, '.');

        return dot != NULL ? dot + 1 : domain;
}

static void parse_name(struct parser *parser, const char *text, bool except)
{
        ignore_list_t *list = parser->list;
        const bool below = *text == '.';
        char domain[DOMAIN_SIZE + 1] = ".";
        struct name *grown;
        char *copy;

        if (domain_normalize(text + below, strlen(text + below), domain + below) != 0 ||
            is_number(last_label(domain))) {
                complain(parser, "neither an address, nor a block, nor a name");
                return;
        }
        grown = grow(parser, list->names, list->name_count, &list->name_room, sizeof(*grown));
        if (grown == NULL)
                return;
        list->names = grown;
        copy = strdup(domain);
        if (copy == NULL) {
                parser->out_of_memory = true;
                return;
        }
        list->names[list->name_count++] =
            (struct name){.text = copy, .line = parser->line, .except = except};
}

static void parse_line(struct parser *parser, const char *text, size_t len)
{
        const char *hash = memchr(text, '#', len);
        char line[LINE_MAX_OCTETS + 1];
        char *entry, *end;
        bool except;

        if (hash != NULL)
                len = (size_t)(hash - text);
        if (len > LINE_MAX_OCTETS || memchr(text, '\0', len) != NULL) {
                complain(parser, "line too long or with a NUL");
                return;
        }
        memcpy(line, text, len);
        line[len] = '\0';
        entry = line + strspn(line, " \t\r");
        for (end = line + len; end > entry && strchr(" \t\r", end[-1]) != NULL;)
                *--end = '\0';
        if (*entry == '\0')
                return;
        except = *entry == '!';
        if (except)
                entry += 1 + strspn(entry + 1, " \t");
        if (!parse_address(parser, entry, except))
                parse_name(parser, entry, except);
}

static int compare_blocks(const void *a, const void *b)
{
        const struct block *x = a, *y = b;
        int order = memcmp(x->octets, y->octets, sizeof(x->octets));

        return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static int compare_names(const void *a, const void *b)
{
        const struct name *x = a, *y = b;
        int order = strcmp(x->text, y->text);

        return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

/* Sorted, and of equal entries only the last: a look-up is then one binary search a prefix length.
 */
static void compile(ignore_list_t *list)
{
        size_t kept = 0;

        for (unsigned prefix = 0; prefix <= PREFIX_BITS; prefix++) {
                struct block *blocks = list->blocks[prefix];
                size_t count = list->block_count[prefix];

                if (count == 0)
                        continue;
                qsort(blocks, count, sizeof(*blocks), compare_blocks);
                kept = 0;
                for (size_t i = 0; i < count; i++)
                        if (i + 1 == count ||
                            memcmp(blocks[i].octets, blocks[i + 1].octets, 16) != 0)
                                blocks[kept++] = blocks[i];
                list->block_count[prefix] = kept;
        }
        for (unsigned prefix = PREFIX_BITS + 1; prefix-- > 0;)
                if (list->block_count[prefix] > 0)
                        list->prefixes[list->prefix_count++] = (uint8_t)prefix;
        if (list->name_count == 0)
                return;
        qsort(list->names, list->name_count, sizeof(*list->names), compare_names);
        kept = 0;
        for (size_t i = 0; i < list->name_count; i++) {
                if (i + 1 == list->name_count ||
                    strcmp(list->names[i].text, list->names[i + 1].text) != 0)
                        list->names[kept++] = list->names[i];
                else
                        free(list->names[i].text);
        }
        list->name_count = kept;
}

ignore_list_t *ignore_list_parse(const char *text, size_t len, ignore_error_fn *error,
                                 void *context)
{
        struct parser parser = {.error = error, .context = context};
        const char *end = text + len;

        parser.list = calloc(1, sizeof(*parser.list));
        if (parser.list == NULL)
                return NULL;
        while (text < end && !parser.out_of_memory) {
                const char *newline = memchr(text, '\n', (size_t)(end - text));
                const char *stop = newline != NULL ? newline : end;

                parser.line++;
                parse_line(&parser, text, (size_t)(stop - text));
                text = newline != NULL ? newline + 1 : end;
        }
        if (parser.out_of_memory) {
                ignore_list_free(parser.list);
                return NULL;
        }
        compile(parser.list);
        return parser.list;
}

void ignore_list_free(ignore_list_t *list)
{
        if (list == NULL)
                return;
        for (unsigned prefix = 0; prefix <= PREFIX_BITS; prefix++)
                free(list->blocks[prefix]);
        for (size_t i = 0; i < list->name_count; i++)
                free(list->names[i].text);
        free(list->names);
        free(list);
}

static int find_block(const void *key, const void *item)
{
        return memcmp(key, ((const struct block *)item)->octets, 16);
}

static const struct block *match_address(const ignore_list_t *list, const address_t *client)
{
        for (size_t i = 0; i < list->prefix_count; i++) {
                unsigned prefix = list->prefixes[i];
                uint8_t octets[16];
                const struct block *found;

                memcpy(octets, client->octets, sizeof(octets));
                mask(octets, prefix);
                found = bsearch(octets, list->blocks[prefix], list->block_count[prefix],
                                sizeof(struct block), find_block);
                if (found != NULL)
                        return found;
        }
        return NULL;
}

static int find_name(const void *key, const void *item)
{
        return strcmp(key, ((const struct name *)item)->text);
}

static const struct name *match_name(const ignore_list_t *list, const char *verified_name)
{
        char domain[DOMAIN_SIZE];
        const char *text = domain;

        if (list->name_count == 0 || strcmp(verified_name, "unknown") == 0 ||
            domain_normalize(verified_name, strlen(verified_name), domain) != 0)
                return NULL;
        while (text != NULL) {
                const struct name *found =
                    bsearch(text, list->names, list->name_count, sizeof(struct name), find_name);

                if (found != NULL)
                        return found;
                text = strchr(text + 1, '.');
        }
        return NULL;
}

bool ignore_list_match(const ignore_list_t *list, const address_t *client,
                       const char *verified_name)
{
        const struct block *block = client != NULL ? match_address(list, client) : NULL;
        const struct name *name;

        if (block != NULL)
                return !block->except;
        name = verified_name != NULL ? match_name(list, verified_name) : NULL;
        return name != NULL && !name->except;
}
