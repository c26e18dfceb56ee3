#include "cli/json.h"

#include <errno.h>
#include <string.h>

#include "cli/paint.h"

json_t *json_text(arena_t *arena, const char *text)
{
        return text != NULL ? json_string(paint_escape(arena, text, strlen(text))) : json_null();
}

json_t *json_word(const char *word)
{
        return word != NULL ? json_string(word) : json_null();
}

json_t *json_added(json_t *list, json_t *item)
{
        if (json_array_append_new(list, item) == 0)
                return list;
        json_decref(list);
        return NULL;
}

int json_print(json_t *root)
{
        int error;

        if (root == NULL)
                return -ENOMEM;
        error = json_dumpf(root, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
        json_decref(root);
        return error == 0 ? 0 : -ENOMEM;
}
