/* Feed opendkim.conf, a mail log and /proc/PID/status with any text */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/doctor/access.h"
#include "cli/doctor/joins.h"
#include "cli/doctor/last_error.h"
#include "cli/doctor/opendkim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        arena_t *arena = arena_create(0);
        char *text = arena != NULL ? arena_strndup(arena, (const char *)data, size) : NULL;
        credentials_t credentials;
        opendkim_t opendkim;
        joins_t joins;

        if (text == NULL) {
                arena_free(arena);
                return 0;
        }
        if (opendkim_parse(arena, text, &opendkim) == 0) {
                opendkim_yes(opendkim.with_job_id);
                if (opendkim.remove_from != NULL)
                        opendkim_lists(opendkim.remove_from, "mx.example.org");
                if (opendkim.authserv_id != NULL && strpbrk(opendkim.authserv_id, "#\n") != NULL)
                        abort();
        }
        joins_count(text, &joins);
        if (joins.total > size)
                abort();
        last_error_find(arena, text, "truefrom-milter");
        credentials_parse(arena, text, &credentials);
        arena_free(arena);
        return 0;
}
