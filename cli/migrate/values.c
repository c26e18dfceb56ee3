#include "cli/migrate/values.h"

#include <string.h>
#include <strings.h>

#include "common/app/endpoint.h"

#define CHROOT_OF_POSTFIX "/var/spool/postfix/"

const char *migrate_path(arena_t *arena, const char *directory, const char *path)
{
        size_t len = strlen(directory);

        if (*path == '/')
                return path;
        while (len > 0 && directory[len - 1] == '/')
                len--;
        return arena_printf(arena, "%.*s/%s", (int)len, directory, path);
}

const char **migrate_list(arena_t *arena, const char *value, size_t *count)
{
        size_t room = 1;
        const char **items;

        for (const char *at = value; *at != '\0'; at++)
                room += *at == ',';
        items = arena_calloc(arena, room, sizeof(*items));
        *count = 0;
        while (items != NULL && *value != '\0') {
                size_t len = strcspn(value, ",");
                const char *word = value + strspn(value, " \t");
                size_t word_len = strcspn(word, ", \t");

                if (word_len > 0) {
                        items[*count] = arena_strndup(arena, word, word_len);
                        if (items[(*count)++] == NULL)
                                return NULL;
                }
                value += len;
                value += *value == ',';
        }
        return items;
}

/* What stands behind a prefix such as "local:", or NULL when it is another. */
static const char *behind(const char *value, const char *prefix)
{
        size_t len = strlen(prefix);

        return strncasecmp(value, prefix, len) == 0 ? value + len : NULL;
}

/* The brackets around an address are for libmilter's parser alone. */
static const char *inet_socket(arena_t *arena, const char *family, const char *rest)
{
        const char *host = strchr(rest, '@');
        size_t len = strlen(rest);

        if (host == NULL || host[1] != '[' || rest[len - 1] != ']')
                return arena_printf(arena, "%s:%s", family, rest);
        return arena_printf(arena, "%s:%.*s%.*s", family, (int)(host + 1 - rest), rest,
                            (int)(len - 1 - (size_t)(host + 2 - rest)), host + 2);
}

const char *migrate_socket(arena_t *arena, const char *value, const char *root,
                           const char *directory)
{
        const char *path = behind(value, "local:");
        const char *inet6 = behind(value, "inet6:");
        const char *inet = behind(value, "inet:");

        if (inet6 != NULL)
                return inet_socket(arena, "inet6", inet6);
        if (inet != NULL)
                return inet_socket(arena, "inet", inet);
        if (path == NULL)
                path = behind(value, "unix:");
        if (path == NULL && strchr(value, ':') != NULL)
                return value; /* libmilter knows no such kind of socket: nor do we */
        /* having changed its root, OpenDMARC stands at the new one */
        path = migrate_path(arena, root != NULL ? "/" : directory, path != NULL ? path : value);
        if (path == NULL)
                return NULL;
        return arena_printf(arena, "local:%s%s", root != NULL ? root : "", path);
}

const char *migrate_postfix_socket(arena_t *arena, const char *socket)
{
        const char *path = endpoint_path(socket);
        const char *port = strchr(socket, ':') + 1;
        const char *host = strchr(socket, '@');
        int port_len = (int)strcspn(port, "@");

        if (path != NULL && strncmp(path, CHROOT_OF_POSTFIX, strlen(CHROOT_OF_POSTFIX)) == 0)
                path += strlen(CHROOT_OF_POSTFIX);
        if (path != NULL)
                return arena_printf(arena, "unix:%s", path);
        if (host == NULL)
                return arena_printf(arena, "inet:localhost:%.*s", port_len, port);
        if (strchr(host, ':') != NULL)
                return arena_printf(arena, "inet:[%s]:%.*s", host + 1, port_len, port);
        return arena_printf(arena, "inet:%s:%.*s", host + 1, port_len, port);
}
