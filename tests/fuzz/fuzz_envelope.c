/* Feed the envelope's spellings with any text: the result is its own canonical form */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/mail/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        arena_t *arena = arena_create(0);
        char *text = malloc(size + 1);
        char *helo, *sender;

        memcpy(text, data, size);
        text[size] = '\0';
        helo = envelope_helo(arena, text);
        if (!helo || strcmp(helo, envelope_helo(arena, helo)) != 0)
                abort();
        sender = envelope_sender(arena, text);
        if (!sender || !envelope_sender_equal(sender, sender))
                abort();
        envelope_sender_domain(sender);
        free(text);
        arena_free(arena);
        return 0;
}
