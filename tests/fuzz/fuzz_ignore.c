/* Feed IgnoreHosts with any text, and ask it for some clients */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/policy/ignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void skip(void *context, unsigned line, const char *message)
{
        (void)context;
        if (line == 0 || message == NULL)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const clients[] = {"192.0.2.1", "10.1.2.3", "2001:db8::1", "::1"};
        ignore_list_t *list = ignore_list_parse((const char *)data, size, skip, NULL);

        if (!list)
                abort();
        for (size_t i = 0; i < sizeof(clients) / sizeof(*clients); i++) {
                address_t address;

                address_parse(clients[i], &address);
                ignore_list_match(list, &address, NULL);
                ignore_list_match(list, &address, "mail.example.org");
        }
        ignore_list_free(list);
        return 0;
}
