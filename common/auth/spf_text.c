#include "common/auth/spf_text.h"

#include <stdlib.h>
#include <string.h>

void spf_text_put(spf_text_t *writer, const char *text, size_t len)
{
        if (writer->len + len + 1 > writer->room) {
                size_t room = 2 * (writer->len + len + 128);
                char *grown = realloc(writer->text, room);

                if (grown == NULL) {
                        writer->out_of_memory = true;
                        return;
                }
                writer->text = grown;
                writer->room = room;
        }
        memcpy(writer->text + writer->len, text, len);
        writer->len += len;
        writer->text[writer->len] = '\0';
}

void spf_text_puts(spf_text_t *writer, const char *text)
{
        spf_text_put(writer, text, strlen(text));
}
