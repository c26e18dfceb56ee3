/* Feed list_id_parse with any bytes; what comes out has no space, control or upper case */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/mail/list_id.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 1), id[LIST_ID_SIZE];

        memcpy(text, data, size);
        text[size] = '\0';
        if (list_id_parse(text, size, id)) {
                if (*id == '\0' || strlen(id) > LIST_ID_MAX)
                        abort();
                for (const char *at = id; *at != '\0'; at++)
                        if (*at <= ' ' || *at >= 0x7f || isupper((unsigned char)*at))
                                abort();
        }
        free(text);
        return 0;
}
