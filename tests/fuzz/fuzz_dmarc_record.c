/* Feed the parser of DMARC Policy Records with any text */
#include <stdlib.h>
#include <string.h>

#include "common/dmarc/record.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
        arena_t *arena = arena_create(0);
        char *text = malloc(size + 1);
        dmarc_record_t record;

        memcpy(text, data, size);
        text[size] = '\0';
        if (dmarc_record_parse(arena, text, size, &record) == 1) {
                if (size < 8 || !record.fo || record.rua_count > DMARC_URIS_MAX ||
                    record.ruf_count > DMARC_URIS_MAX || record.p.state > DMARC_TAG_VALID)
                        abort();
        }
        free(text);
        arena_free(arena);
        return 0;
}
