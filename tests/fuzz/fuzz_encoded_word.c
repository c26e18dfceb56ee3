/* Feed encoded_words_decode with any text: what comes out is no longer, and the same again when
 * nothing in it was encoded */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/mail/encoded_word.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 1), *out = malloc(size + 1);
        bool unreadable = false;
        size_t len;

        memcpy(text, data, size);
        text[size] = '\0';
        len = encoded_words_decode(text, size, out, &unreadable);
        if (len > size)
                abort();
        if (memmem(text, size, "=?", 2) == NULL &&
            (unreadable || len != size || memcmp(text, out, len) != 0))
                abort();
        free(text);
        free(out);
        return 0;
}
