/* Feed "truefrom stats" with any page: what it says of it is printable. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/stats/exposition.h"
#include "cli/stats/summary.h"

#define NOW 1800000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_page(const json_t *summary)
{
        char *text = NULL;
        size_t len;
        FILE *out = open_memstream(&text, &len);

        stats_page(summary, "local:/socket", out);
        fclose(out);
        for (size_t i = 0; i < len; i++)
                if (text[i] != '\n' && (text[i] < 0x20 || text[i] > 0x7e))
                        abort();
        free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        arena_t *arena = arena_create(0);
        exposition_t page;
        unsigned line;

        if (exposition_parse(arena, (const char *)data, size, &page, &line) == 0) {
                json_t *summary = stats_summary(&page, NOW);

                if (summary != NULL) {
                        char *text = json_dumps(summary, 0);

                        if (text == NULL)
                                abort();
                        free(text);
                        check_page(summary);
                        json_decref(summary);
                }
        }
        arena_free(arena);
        return 0;
}
