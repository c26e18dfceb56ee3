/* Feed entry_decode with any octets: what is read can be written, and is the same then */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/state/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        arena_t *arena = arena_create(0);
        uint8_t buffer[ENTRY_SIZE_MAX];
        entry_t entry, again;
        size_t len;

        if (entry_decode(arena, data, size, &entry) == 0) {
                len = entry_encode(&entry, buffer, sizeof(buffer));
                if (len != 0 && (entry_decode(arena, buffer, len, &again) != 0 ||
                                 strcmp(entry.sender, again.sender) != 0 ||
                                 strcmp(entry.spf_domain, again.spf_domain) != 0))
                        abort();
        }
        arena_free(arena);
        return 0;
}
