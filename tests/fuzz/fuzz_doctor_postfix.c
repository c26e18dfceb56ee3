/* Feed what postconf prints with any text, and take its lists apart: the first octet says which of
 * its outputs comes first */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/doctor/postfix.h"
#include "cli/migrate/maincf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A list that is joined again has the same members. */
static void check_list(arena_t *arena, const char *value)
{
        postfix_list_t list, again;
        const char *text;

        if (postfix_split(arena, value, &list) != 0)
                return;
        text = postfix_join(arena, &list, 0, NULL, list.count);
        if (text == NULL || postfix_split(arena, text, &again) != 0)
                return;
        if (list.count != again.count)
                abort();
        for (size_t i = 0; i < list.count; i++)
                if (strcmp(list.items[i], again.items[i]) != 0)
                        abort();
}

/* "socket" or "{ socket, name=value … }": Postfix takes nothing else. */
static bool well_formed(const char *item)
{
        size_t len = strlen(item);

        if (strpbrk(item, "{}") == NULL)
                return true;
        return *item == '{' && item[len - 1] == '}' && strpbrk(item + 1, "{}") == item + len - 1;
}

static void check_items(arena_t *arena, const char *value)
{
        postfix_list_t list;

        if (postfix_split_restrictions(arena, value, &list) != 0)
                return;
        for (size_t i = 0; i < list.count; i++) {
                const char *item = postfix_argument(list.items[i], "check_policy_service");
                const char *changed, *attribute;

                if (item == NULL)
                        item = list.items[i];
                postfix_socket(arena, item);
                postfix_with_socket(arena, item, "unix:x");
                changed = postfix_with_attribute(arena, item, "timeout", "30s");
                if (changed == NULL || !well_formed(item) || *postfix_socket(arena, item) == '\0')
                        continue;
                attribute = postfix_attribute(arena, changed, "timeout");
                if (attribute == NULL || strcmp(attribute, "30s") != 0)
                        abort();
        }
}

static void check_settings(arena_t *arena, const postfix_settings_t *settings)
{
        for (size_t i = 0; i < settings->count && i < 50; i++) {
                check_list(arena, settings->items[i].value);
                check_items(arena, settings->items[i].expanded);
                postfix_seconds(settings->items[i].value);
        }
}

/* What migrate makes of it: whatever was in the list, ours ends it. */
static void check_migration(arena_t *arena, const postfix_t *postfix)
{
        static const char ours[] = "unix:truefrom/milter.sock";
        maincf_t maincf;

        if (maincf_make(arena, postfix, "inet:8893@localhost", ours, &maincf) != 0)
                return; /* memory is out */
        for (size_t i = 0; i < maincf.count; i++) {
                const char *value = maincf.lines[i].value;
                size_t len = strlen(value);

                if (strcmp(maincf.lines[i].name, "smtpd_milters") == 0 &&
                    (len < sizeof(ours) - 1 || strcmp(value + len - (sizeof(ours) - 1), ours) != 0))
                        abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const enum postfix_text order[] = {POSTFIX_MAIN, POSTFIX_MAIN_EXPANDED,
                                                  POSTFIX_SERVICES, POSTFIX_OVERRIDES,
                                                  POSTFIX_OVERRIDES_EXPANDED};
        arena_t *arena = arena_create((size_t)64 << 20);
        postfix_t postfix = {0};
        char *text = arena != NULL && size > 0
                         ? arena_strndup(arena, (const char *)data + 1, size - 1)
                         : NULL;

        for (size_t i = 0; text != NULL && i < sizeof(order) / sizeof(*order); i++)
                if (postfix_read(arena, &postfix, order[(data[0] + i) % 5], text) != 0)
                        break;
        check_settings(arena, &postfix.main);
        check_migration(arena, &postfix);
        for (size_t i = 0; i < postfix.service_count && i < 10; i++) {
                postfix_chroots(&postfix, &postfix.services[i]);
                postfix_value(&postfix, &postfix.services[i], "smtpd_milters");
                check_settings(arena, &postfix.services[i].overrides);
        }
        arena_free(arena);
        return 0;
}
