/* Feed the policy protocol in pieces: the first octet is their size; as one piece the outcome is
 * the same */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How many requests were read, and how it ended. */
static size_t feed(const char *text, size_t len, size_t piece, enum request_status *status)
{
        request_reader_t reader = {0};
        policy_request_t request = {0};
        size_t at = 0, complete = 0, taken;

        *status = REQUEST_INCOMPLETE;
        while (at < len && *status <= REQUEST_COMPLETE) {
                size_t some = len - at < piece ? len - at : piece;

                *status = request_read(&reader, text + at, some, &taken, &request);
                if (*status == REQUEST_COMPLETE) {
                        complete++;
                        policy_request_clear(&request);
                }
                if (taken > some)
                        abort();
                at += taken;
        }
        request_reader_clear(&reader);
        return complete;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        enum request_status a, b;

        if (size < 2)
                return 0;
        if (feed((const char *)data + 1, size - 1, data[0] + 1u, &a) !=
                feed((const char *)data + 1, size - 1, size, &b) ||
            a != b)
                abort();
        return 0;
}
