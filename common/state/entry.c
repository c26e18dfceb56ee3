#include "common/state/entry.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/mail/envelope.h"

#define ENTRY_MAGIC       0x54 /* 'T' */
#define ENTRY_VERSION     1
#define FLAG_RECEIVED_SPF 1

/*
 * magic, version, flags, spf, helo_result: 1 octet each; time: 8; client: 16; port: 2; then
 * instance, helo, sender, spf_domain, each with its length in 2 octets before it. Little-endian.
 */
struct writer {
        uint8_t *at;
        size_t left;
        bool failed;
};

static void put_bytes(struct writer *writer, const void *data, size_t len)
{
        if (writer->failed || writer->left < len) {
                writer->failed = true;
                return;
        }
        if (len > 0)
                memcpy(writer->at, data, len);
        writer->at += len;
        writer->left -= len;
}

static void put_number(struct writer *writer, uint64_t number, size_t octets)
{
        uint8_t bytes[8];

        for (size_t i = 0; i < octets; i++)
                bytes[i] = (uint8_t)(number >> (8 * i));
        put_bytes(writer, bytes, octets);
}

static void put_string(struct writer *writer, const char *text)
{
        size_t len = strlen(text);

        if (len > UINT16_MAX) {
                writer->failed = true;
                return;
        }
        put_number(writer, len, 2);
        put_bytes(writer, text, len);
}

size_t entry_encode(const entry_t *entry, uint8_t *buffer, size_t size)
{
        struct writer writer = {.at = buffer, .left = size};

        put_number(&writer, ENTRY_MAGIC, 1);
        put_number(&writer, ENTRY_VERSION, 1);
        put_number(&writer, entry->received_spf ? FLAG_RECEIVED_SPF : 0, 1);
        put_number(&writer, (uint64_t)entry->spf, 1);
        put_number(&writer, (uint64_t)entry->helo_result, 1);
        put_number(&writer, (uint64_t)entry->time, 8);
        put_bytes(&writer, entry->client.octets, sizeof(entry->client.octets));
        put_number(&writer, entry->port, 2);
        put_string(&writer, entry->instance);
        put_string(&writer, entry->helo);
        put_string(&writer, entry->sender);
        put_string(&writer, entry->spf_domain);
        return writer.failed ? 0 : size - writer.left;
}

struct reader {
        const uint8_t *at;
        size_t left;
        arena_t *arena;
        int error; /* the first one */
};

static const uint8_t *take(struct reader *reader, size_t len)
{
        const uint8_t *data = reader->at;

        if (reader->error != 0 || reader->left < len) {
                if (reader->error == 0)
                        reader->error = -EPROTO;
                return NULL;
        }
        reader->at += len;
        reader->left -= len;
        return data;
}

static uint64_t take_number(struct reader *reader, size_t octets)
{
        const uint8_t *bytes = take(reader, octets);
        uint64_t number = 0;

        for (size_t i = 0; bytes != NULL && i < octets; i++)
                number |= (uint64_t)bytes[i] << (8 * i);
        return number;
}

static enum auth_result take_result(struct reader *reader)
{
        uint64_t number = take_number(reader, 1);

        if (reader->error == 0 && number >= AUTH_RESULT_COUNT)
                reader->error = -EPROTO;
        return reader->error == 0 ? (enum auth_result)number : AUTH_NONE;
}

static const char *take_string(struct reader *reader)
{
        size_t len = (size_t)take_number(reader, 2);
        const uint8_t *bytes = take(reader, len);
        const char *text;

        if (bytes == NULL)
                return NULL;
        if (memchr(bytes, '\0', len) != NULL) {
                reader->error = -EPROTO;
                return NULL;
        }
        text = arena_strndup(reader->arena, (const char *)bytes, len);
        if (text == NULL)
                reader->error = -ENOMEM;
        return text;
}

int entry_decode(arena_t *arena, const uint8_t *data, size_t len, entry_t *entry)
{
        struct reader reader = {.at = data, .left = len, .arena = arena};
        const uint8_t *client;
        uint64_t flags;

        if (take_number(&reader, 1) != ENTRY_MAGIC || take_number(&reader, 1) != ENTRY_VERSION)
                return -EPROTO;
        flags = take_number(&reader, 1);
        entry->spf = take_result(&reader);
        entry->helo_result = take_result(&reader);
        entry->time = (int64_t)take_number(&reader, 8);
        client = take(&reader, sizeof(entry->client.octets));
        if (client != NULL)
                memcpy(entry->client.octets, client, sizeof(entry->client.octets));
        entry->port = (uint16_t)take_number(&reader, 2);
        entry->instance = take_string(&reader);
        entry->helo = take_string(&reader);
        entry->sender = take_string(&reader);
        entry->spf_domain = take_string(&reader);
        entry->received_spf = (flags & FLAG_RECEIVED_SPF) != 0;
        if (reader.error == 0 && (reader.left != 0 || flags > FLAG_RECEIVED_SPF))
                return -EPROTO;
        return reader.error;
}

bool entry_matches(const entry_t *entry, const address_t *client, const char *helo,
                   const char *sender)
{
        return memcmp(&entry->client, client, sizeof(*client)) == 0 &&
               strcasecmp(entry->helo, helo) == 0 && envelope_sender_equal(entry->sender, sender);
}
