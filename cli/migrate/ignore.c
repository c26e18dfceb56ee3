#include "cli/migrate/ignore.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/policy/ignore.h"

#define WORD_MAX     255
#define MESSAGE_SIZE 512

struct check {
        migrate_ignore_fn *tell;
        void *context;
        unsigned line;
        unsigned excepted_address; /* line of the first one; 0 = none */
        bool has_names;
        bool told; /* of this line */
};

/* An address, and the bits of a block: of 32 or 128. */
struct block {
        int family;
        uint8_t octets[16];
        unsigned width, prefix;
};

static void tell(struct check *check, const char *message)
{
        check->told = true;
        check->tell(check->context, check->line, message);
}

/* "255.255.255.0" as 24. @return false when it is no netmask */
static bool read_netmask(const char *text, unsigned *prefix)
{
        struct in_addr mask;
        uint32_t bits;

        if (inet_pton(AF_INET, text, &mask) != 1)
                return false;
        bits = ntohl(mask.s_addr);
        *prefix = (unsigned)__builtin_popcount(bits);
        return bits == (*prefix == 0 ? 0 : UINT32_MAX << (32 - *prefix));
}

static bool read_prefix(const char *text, unsigned width, unsigned *prefix)
{
        char *end;
        unsigned long value = strtoul(text, &end, 10);

        if (*text < '0' || *text > '9' || *end != '\0' || value > width)
                return false;
        *prefix = (unsigned)value;
        return true;
}

static void clear_host_bits(struct block *block)
{
        for (unsigned i = 0; i < block->width / 8; i++) {
                unsigned bits = block->prefix > i * 8 ? block->prefix - i * 8 : 0;

                if (bits < 8)
                        block->octets[i] &= (uint8_t)(0xff00 >> bits);
        }
}

/* As both programs would write it. */
static void format(const struct block *block, bool with_prefix, char *text, size_t size)
{
        size_t len;

        inet_ntop(block->family, block->octets, text, (socklen_t)size);
        len = strlen(text);
        if (with_prefix)
                snprintf(text + len, size - len, "/%u", block->prefix);
}

static void check_block(struct check *check, const char *word, struct block *block,
                        const char *after_slash)
{
        char usual[INET6_ADDRSTRLEN + 8], message[MESSAGE_SIZE];

        block->width = block->family == AF_INET ? 32 : 128;
        block->prefix = block->width;
        if (after_slash != NULL && block->family == AF_INET &&
            read_netmask(after_slash, &block->prefix)) {
                format(block, true, usual, sizeof(usual));
                snprintf(message, sizeof(message),
                         "a netmask is not understood here: write %s instead of %s", usual, word);
                tell(check, message);
                return;
        }
        if (after_slash != NULL && !read_prefix(after_slash, block->width, &block->prefix))
                return;
        clear_host_bits(block);
        format(block, after_slash != NULL, usual, sizeof(usual));
        if (strcasecmp(usual, word) == 0)
                return;
        snprintf(
            message, sizeof(message),
            "%s matches nothing in OpenDMARC, which compares text, and %s here: remove it if that "
            "is not meant",
            word, usual);
        tell(check, message);
}

/* @param word NUL-terminated, without "!" */
static void check_word(struct check *check, const char *word, bool except)
{
        const char *slash = strchr(word, '/');
        char address[WORD_MAX + 1];
        struct block block = {.family = AF_INET};

        snprintf(address, sizeof(address), "%.*s",
                 slash != NULL ? (int)(slash - word) : (int)strlen(word), word);
        if (inet_pton(AF_INET, address, block.octets) != 1) {
                block.family = AF_INET6;
                if (inet_pton(AF_INET6, address, block.octets) != 1) {
                        check->has_names = true;
                        return;
                }
        }
        if (except && check->excepted_address == 0)
                check->excepted_address = check->line;
        check_block(check, word, &block, slash != NULL ? slash + 1 : NULL);
}

/* What we cannot read at all. */
static void broken_line(void *context, unsigned line, const char *message)
{
        char text[MESSAGE_SIZE];

        (void)line;
        snprintf(text, sizeof(text), "%s: the line would be skipped; correct it", message);
        tell(context, text);
}

static void check_line(struct check *check, const char *text, size_t len)
{
        const char *hash = memchr(text, '#', len);
        char line[WORD_MAX + 1];
        char *word, *rest;
        bool except;

        if (hash != NULL)
                len = (size_t)(hash - text);
        if (len > WORD_MAX || memchr(text, '\0', len) != NULL)
                return;
        memcpy(line, text, len);
        line[len] = '\0';
        word = line + strspn(line, " \t\r\v\f");
        rest = word + strcspn(word, " \t\r\v\f");
        if (rest[strspn(rest, " \t\r\v\f")] != '\0')
                tell(check, "OpenDMARC reads the first word alone; put # before the rest");
        *rest = '\0';
        except = *word == '!';
        if (word[except] != '\0')
                check_word(check, word + except, except);
}

void migrate_ignore_check(const char *text, size_t len, migrate_ignore_fn *tell_fn, void *context)
{
        struct check check = {.tell = tell_fn, .context = context};
        const char *end = text + len;

        while (text < end) {
                const char *newline = memchr(text, '\n', (size_t)(end - text));
                const char *stop = newline != NULL ? newline : end;

                check.line++;
                check.told = false;
                check_line(&check, text, (size_t)(stop - text));
                if (!check.told)
                        ignore_list_free(
                            ignore_list_parse(text, (size_t)(stop - text), broken_line, &check));
                text = newline != NULL ? newline + 1 : end;
        }
        if (check.excepted_address == 0 || !check.has_names)
                return;
        check.line = check.excepted_address;
        tell(&check,
             "in OpenDMARC a client that is excepted by its address is ignored all the same when "
             "its name is listed; here the address decides: see that this is what you want");
}
