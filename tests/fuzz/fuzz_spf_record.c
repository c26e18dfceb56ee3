/* Feed the rewriting of SPF records with any text: what comes out is a record of the same kind,
 * which is sound itself and stays as it is when it is rewritten again */
#include <stdlib.h>
#include <string.h>

#include "common/auth/spf_record.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check(const char *text, size_t len, bool ipv6)
{
        bool broken;
        char *once = spf_record_rewrite(text, len, ipv6, &broken), *twice;

        if (!once)
                return;
        if (broken || strncmp(once, "v=spf1", 6) != 0)
                abort();
        for (const char *at = once; *at; at++)
                if (*at < ' ' || *at > '~')
                        abort();
        twice = spf_record_rewrite(once, strlen(once), ipv6, &broken);
        if (!twice || strcmp(once, twice) != 0)
                abort();
        free(twice);
        free(once);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
        char *text = malloc(size + 7);

        memcpy(text, "v=spf1 ", 6);
        memcpy(text + 6, data, size);
        text[size + 6] = '\0';
        check(text, size + 6, false);
        check(text, size + 6, true);
        free(text);
        return 0;
}
