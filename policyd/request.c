#include "policyd/request.h"

#include <stdlib.h>
#include <string.h>

#define LINE_ROOM_MIN   256
#define VALUES_ROOM_MIN 512

#define NAME_MAX_LEN    14
#define SAME_LENGTH_MAX 2

/* The names that we take, by their length: most attributes of Postfix have another one. */
static const struct name {
        const char *text;
        enum policy_attribute attribute;
} names[NAME_MAX_LEN + 1][SAME_LENGTH_MAX] = {
    [6] = {{"sender", POLICY_SENDER}},
    [7] = {{"request", POLICY_REQUEST}},
    [8] = {{"queue_id", POLICY_QUEUE_ID}, {"instance", POLICY_INSTANCE}},
    [9] = {{"helo_name", POLICY_HELO_NAME}},
    [11] = {{"client_name", POLICY_CLIENT_NAME}, {"client_port", POLICY_CLIENT_PORT}},
    [13] = {{"sasl_username", POLICY_SASL_USERNAME}},
    [14] = {{"protocol_state", POLICY_PROTOCOL_STATE}, {"client_address", POLICY_CLIENT_ADDRESS}},
};

static const struct name *find_name(const char *text, size_t len)
{
        if (len > NAME_MAX_LEN)
                return NULL;
        for (size_t i = 0; i < SAME_LENGTH_MAX; i++)
                if (names[len][i].text && memcmp(names[len][i].text, text, len) == 0)
                        return &names[len][i];
        return NULL;
}

const char *policy_request_get(const policy_request_t *request, enum policy_attribute attribute)
{
        size_t value = request->values[attribute];

        return value > 0 ? request->text + value - 1 : "";
}

void policy_request_clear(policy_request_t *request)
{
        free(request->text);
        memset(request, 0, sizeof(*request));
}

const char *request_status_text(enum request_status status)
{
        switch (status) {
        case REQUEST_TOO_LONG:
                return "request too long";
        case REQUEST_LINE_TOO_LONG:
                return "line too long";
        case REQUEST_MALFORMED:
                return "a line is no attribute";
        case REQUEST_NO_MEMORY:
                return "out of memory";
        case REQUEST_INCOMPLETE:
        case REQUEST_COMPLETE:
                break;
        }
        return "no error";
}

static bool add_value(policy_request_t *request, enum policy_attribute attribute, const char *value,
                      size_t len)
{
        if (request->room - request->len <= len) {
                size_t room = request->room > 0 ? request->room : VALUES_ROOM_MIN;
                char *text;

                while (room - request->len <= len)
                        room *= 2;
                text = realloc(request->text, room);
                if (!text)
                        return false;
                request->text = text;
                request->room = room;
        }
        memcpy(request->text + request->len, value, len);
        request->text[request->len + len] = '\0';
        request->values[attribute] = request->len + 1;
        request->len += len + 1;
        return true;
}

/* A complete line, without its newline. */
static enum request_status read_line(request_reader_t *reader, const char *line, size_t len)
{
        const struct name *name;
        const char *value;

        if (len == 0)
                return REQUEST_COMPLETE;
        value = memchr(line, '=', len);
        if (!value)
                return REQUEST_MALFORMED;
        name = find_name(line, (size_t)(value - line));
        if (!name)
                return REQUEST_INCOMPLETE;
        value++;
        len -= (size_t)(value - line);
        if (memchr(value, '\0', len))
                return REQUEST_MALFORMED;
        return add_value(&reader->request, name->attribute, value, len) ? REQUEST_INCOMPLETE
                                                                        : REQUEST_NO_MEMORY;
}

static bool keep_piece(request_reader_t *reader, const char *data, size_t len)
{
        size_t needed = reader->line_len + len;

        if (needed > reader->line_room) {
                size_t room = reader->line_room ? reader->line_room : LINE_ROOM_MIN;
                char *line;

                while (room < needed)
                        room *= 2;
                line = realloc(reader->line, room);
                if (!line)
                        return false;
                reader->line = line;
                reader->line_room = room;
        }
        memcpy(reader->line + reader->line_len, data, len);
        reader->line_len = needed;
        return true;
}

/* The rest of a line, whose beginning may have come earlier. */
static enum request_status end_line(request_reader_t *reader, const char *data, size_t len)
{
        enum request_status status;

        if (reader->line_len == 0)
                return read_line(reader, data, len);
        if (!keep_piece(reader, data, len))
                return REQUEST_NO_MEMORY;
        status = read_line(reader, reader->line, reader->line_len);
        reader->line_len = 0;
        return status;
}

/* Take the bytes up to the end of a line, or all. */
static enum request_status take_piece(request_reader_t *reader, const char *data, size_t len,
                                      size_t *taken)
{
        const char *newline = memchr(data, '\n', len);
        size_t piece = newline ? (size_t)(newline - data) : len;

        *taken = newline ? piece + 1 : piece;
        reader->size += *taken;
        if (reader->line_len + piece > REQUEST_LINE_MAX)
                return REQUEST_LINE_TOO_LONG;
        if (reader->size > REQUEST_SIZE_MAX)
                return REQUEST_TOO_LONG;
        if (newline)
                return end_line(reader, data, piece);
        return keep_piece(reader, data, piece) ? REQUEST_INCOMPLETE : REQUEST_NO_MEMORY;
}

enum request_status request_read(request_reader_t *reader, const char *data, size_t len,
                                 size_t *taken, policy_request_t *request)
{
        enum request_status status = REQUEST_INCOMPLETE;

        *taken = 0;
        while (status == REQUEST_INCOMPLETE && *taken < len) {
                size_t piece;

                status = take_piece(reader, data + *taken, len - *taken, &piece);
                *taken += piece;
        }
        if (status == REQUEST_COMPLETE) {
                *request = reader->request;
                memset(&reader->request, 0, sizeof(reader->request));
                request_reader_clear(reader);
        }
        return status;
}

bool request_reader_pending(const request_reader_t *reader)
{
        return reader->size > 0;
}

void request_reader_clear(request_reader_t *reader)
{
        policy_request_clear(&reader->request);
        free(reader->line);
        memset(reader, 0, sizeof(*reader));
}
