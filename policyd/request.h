/*
 * request.h - the Postfix SMTPD policy delegation protocol: requests in, replies out
 *
 * A request is lines of "name=value", ended by an empty line (SMTPD_POLICY_README). Pure: no I/O.
 * Bytes are taken in as they come, in pieces of any size; only the attributes that we use are kept,
 * so that a reader without a request begun holds next to nothing.
 */
#ifndef TRUEFROM_POLICYD_REQUEST_H
#define TRUEFROM_POLICYD_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#define REQUEST_SIZE_MAX 65536 /**< octets of a request, newlines included */
#define REQUEST_LINE_MAX 8192  /**< octets of a line, without the newline */

/** Attributes that we use, in the order of the table in request.c. */
enum policy_attribute {
        POLICY_REQUEST,
        POLICY_PROTOCOL_STATE,
        POLICY_CLIENT_ADDRESS,
        POLICY_CLIENT_NAME,
        POLICY_CLIENT_PORT,
        POLICY_HELO_NAME,
        POLICY_SENDER,
        POLICY_QUEUE_ID,
        POLICY_INSTANCE,
        POLICY_SASL_USERNAME,
        POLICY_ATTRIBUTES
};

/** One request; of an attribute sent twice the last value counts. */
typedef struct policy_request {
        char *text; /**< all values, each with a NUL behind it */
        size_t len, room;
        size_t values[POLICY_ATTRIBUTES]; /**< where each begins, plus one; 0 = was not sent */
} policy_request_t;

/** The value of an attribute, "" when it was not sent. */
const char *policy_request_get(const policy_request_t *request, enum policy_attribute attribute);

/** Forget all attributes. A zeroed request has none. */
void policy_request_clear(policy_request_t *request);

enum request_status {
        REQUEST_INCOMPLETE,    /**< all bytes taken; more are needed */
        REQUEST_COMPLETE,      /**< a request was read; bytes behind it were not taken */
        REQUEST_TOO_LONG,      /**< over REQUEST_SIZE_MAX */
        REQUEST_LINE_TOO_LONG, /**< over REQUEST_LINE_MAX */
        REQUEST_MALFORMED,     /**< a line without "=", or with a NUL */
        REQUEST_NO_MEMORY
};

/** Why the connection must end, in words, for any status after REQUEST_COMPLETE. */
const char *request_status_text(enum request_status status);

/** The state of one connection's reading. Zero it to start. */
typedef struct request_reader {
        policy_request_t request; /**< so far */
        size_t size;              /**< octets of the request so far */
        char *line;               /**< a line that is not complete yet */
        size_t line_len, line_room;
} request_reader_t;

/**
 * Take bytes in.
 * @param taken how many of the `len` bytes were used
 * @param request on REQUEST_COMPLETE the request, now owned by the caller (policy_request_clear);
 * its old content is overwritten
 * @return on a status after REQUEST_COMPLETE the reader is of no more use, but for clearing it
 */
enum request_status request_read(request_reader_t *reader, const char *data, size_t len,
                                 size_t *taken, policy_request_t *request);

/** True when a request was begun and is not complete. */
bool request_reader_pending(const request_reader_t *reader);

/** Give all memory back; the reader can start anew. */
void request_reader_clear(request_reader_t *reader);

#endif
