/* Lists in Postfix's configuration: milters, policy services, restrictions. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "cli/doctor/postfix.h"

#define SEPARATORS ", \t\r\n"

/* Length of the member at `text`: to a separator outside of all braces. */
static size_t member_length(const char *text)
{
        size_t depth = 0, len = 0;

        for (; text[len] != '\0'; len++) {
                if (text[len] == '{')
                        depth++;
                else if (text[len] == '}' && depth > 0)
                        depth--;
                else if (depth == 0 && strchr(SEPARATORS, text[len]) != NULL)
                        break;
        }
        return len;
}

static int add_item(arena_t *arena, postfix_list_t *list, const char *item)
{
        const char **items;

        if (item == NULL)
                return -ENOMEM;
        items = arena_grow(arena, list->items, list->count, &list->room, sizeof(*items));
        if (items == NULL)
                return -ENOMEM;
        list->items = items;
        items[list->count++] = item;
        return 0;
}

int postfix_split(arena_t *arena, const char *value, postfix_list_t *list)
{
        memset(list, 0, sizeof(*list));
        for (;;) {
                size_t len;

                value += strspn(value, SEPARATORS);
                if (*value == '\0')
                        return 0;
                len = member_length(value);
                if (add_item(arena, list, arena_strndup(arena, value, len)) != 0)
                        return -ENOMEM;
                value += len;
        }
}

/* Restrictions that take an argument (postconf(5), smtpd_*_restrictions). */
static bool takes_argument(const char *name)
{
        static const char *const others[] = {
            "reject_rbl_client",      "reject_rhsbl_client", "reject_rhsbl_reverse_client",
            "reject_rhsbl_helo",      "reject_rhsbl_sender", "reject_rhsbl_recipient",
            "permit_dnswl_client",    "permit_rhswl_client", "sleep",
            "reject_maps_rbl_domain",
        };

        if (strncasecmp(name, "check_", 6) == 0)
                return true;
        for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
                if (strcasecmp(name, others[i]) == 0)
                        return true;
        return false;
}

int postfix_split_restrictions(arena_t *arena, const char *value, postfix_list_t *list)
{
        postfix_list_t words;

        memset(list, 0, sizeof(*list));
        if (postfix_split(arena, value, &words) != 0)
                return -ENOMEM;
        for (size_t i = 0; i < words.count; i++) {
                const char *item = words.items[i];

                if (takes_argument(item) && i + 1 < words.count)
                        item = arena_printf(arena, "%s %s", item, words.items[++i]);
                if (add_item(arena, list, item) != 0)
                        return -ENOMEM;
        }
        return 0;
}

const char *postfix_join(arena_t *arena, const postfix_list_t *list, size_t at, const char *insert,
                         size_t without)
{
        size_t size = insert != NULL ? strlen(insert) + 3 : 1;
        char *text, *end;

        for (size_t i = 0; i < list->count; i++)
                size += strlen(list->items[i]) + 2;
        text = arena_alloc(arena, size);
        if (text == NULL)
                return NULL;
        end = text;
        for (size_t i = 0; i <= list->count; i++) {
                if (insert != NULL && i == at) {
                        end = stpcpy(end, end > text ? ", " : "");
                        end = stpcpy(end, insert);
                }
                if (i < list->count && i != without) {
                        end = stpcpy(end, end > text ? ", " : "");
                        end = stpcpy(end, list->items[i]);
                }
        }
        return text;
}

/* What stands between the braces of "{ … }"; without braces all of it. A copy. */
static const char *without_braces(arena_t *arena, const char *text)
{
        size_t len = strlen(text);

        if (len < 2 || text[0] != '{' || text[len - 1] != '}')
                return arena_strdup(arena, text);
        text++;
        len -= 2;
        while (len > 0 && strchr(SEPARATORS, *text) != NULL) {
                text++;
                len--;
        }
        while (len > 0 && strchr(SEPARATORS, text[len - 1]) != NULL)
                len--;
        return arena_strndup(arena, text, len);
}

/* The members of "{ unix:x, name=value … }". */
static int split_braces(arena_t *arena, const char *item, postfix_list_t *list)
{
        const char *inside = without_braces(arena, item);

        return inside != NULL ? postfix_split(arena, inside, list) : -ENOMEM;
}

const char *postfix_socket(arena_t *arena, const char *item)
{
        postfix_list_t list;

        if (split_braces(arena, item, &list) != 0)
                return NULL;
        return list.count > 0 ? list.items[0] : "";
}

/* The value when the member is "name=value" or "{ name = value }", else NULL. */
static const char *attribute_value(arena_t *arena, const char *member, const char *name)
{
        const char *text = without_braces(arena, member);
        size_t len = strlen(name);

        if (text == NULL || strncmp(text, name, len) != 0)
                return NULL;
        text += len;
        text += strspn(text, " \t");
        if (*text != '=')
                return NULL;
        text++;
        return text + strspn(text, " \t");
}

const char *postfix_attribute(arena_t *arena, const char *item, const char *name)
{
        const char *found = NULL;
        postfix_list_t list;

        if (split_braces(arena, item, &list) != 0)
                return NULL;
        for (size_t i = 1; i < list.count; i++) {
                const char *value = attribute_value(arena, list.items[i], name);

                if (value != NULL)
                        found = value;
        }
        return found;
}

static const char *in_braces(arena_t *arena, const postfix_list_t *list)
{
        const char *inside = postfix_join(arena, list, 0, NULL, list->count);

        return inside != NULL ? arena_printf(arena, "{ %s }", inside) : NULL;
}

const char *postfix_with_attribute(arena_t *arena, const char *item, const char *name,
                                   const char *value)
{
        const char *attribute = arena_printf(arena, "%s=%s", name, value);
        postfix_list_t list, kept = {0};

        if (attribute == NULL || split_braces(arena, item, &list) != 0)
                return NULL;
        for (size_t i = 0; i < list.count; i++)
                if (i == 0 || attribute_value(arena, list.items[i], name) == NULL)
                        if (add_item(arena, &kept, list.items[i]) != 0)
                                return NULL;
        return add_item(arena, &kept, attribute) == 0 ? in_braces(arena, &kept) : NULL;
}

const char *postfix_with_socket(arena_t *arena, const char *item, const char *socket)
{
        postfix_list_t list;

        if (split_braces(arena, item, &list) != 0)
                return NULL;
        if (list.count == 0 || *item != '{')
                return arena_strdup(arena, socket);
        list.items[0] = socket;
        return in_braces(arena, &list);
}

const char *postfix_argument(const char *restriction, const char *name)
{
        size_t len = strlen(name);

        if (strncasecmp(restriction, name, len) != 0 || restriction[len] != ' ')
                return NULL;
        return restriction + len + 1;
}
