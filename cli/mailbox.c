#include "cli/mailbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/stored.h"

#define CHUNK     65536
#define LINE_HEAD 256 /* octets of a line by which a separator is known */

static int add_message(mailbox_list_t *list, const char *path, off_t offset)
{
        mailbox_message_t *grown =
            arena_grow(list->arena, list->messages, list->count, &list->room, sizeof(*grown));

        if (grown == NULL || path == NULL)
                return -ENOMEM;
        list->messages = grown;
        list->messages[list->count++] = (mailbox_message_t){.path = path, .offset = offset};
        return 0;
}

/* Without touching the access time, where we may: mail programs tell new mail by it. */
static int open_plain(const char *path, int flags)
{
        struct stat status;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOATIME | flags);

        if (fd < 0 && errno == EPERM)
                fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
        if (fd < 0)
                return errno == ELOOP ? -EINVAL : -errno;
        if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
                return fd;
        close(fd);
        return -EINVAL;
}

/* --- Maildir ---------------------------------------------------------------------------------- */

static int is_visible(const struct dirent *entry)
{
        return entry->d_name[0] != '.' && entry->d_type != DT_DIR;
}

static int is_subfolder(const struct dirent *entry)
{
        return entry->d_name[0] == '.' && strcmp(entry->d_name, ".") != 0 &&
               strcmp(entry->d_name, "..") != 0 &&
               (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN);
}

static void free_entries(struct dirent **entries, int count)
{
        for (int i = 0; i < count; i++)
                free(entries[i]);
        free(entries);
}

static int add_folder(mailbox_list_t *list, const char *folder, const char *name)
{
        const char *path = arena_printf(list->arena, "%s/%s", folder, name);
        struct dirent **entries;
        int count, error = 0;

        if (path == NULL)
                return -ENOMEM;
        count = scandir(path, &entries, is_visible, alphasort);
        if (count < 0)
                return -errno;
        for (int i = 0; i < count && error == 0; i++)
                error = add_message(
                    list, arena_printf(list->arena, "%s/%s", path, entries[i]->d_name), -1);
        free_entries(entries, count);
        return error;
}

static int add_one_maildir(mailbox_list_t *list, const char *path)
{
        int error = add_folder(list, path, "cur");

        return error == 0 ? add_folder(list, path, "new") : error;
}

static int add_maildir(mailbox_list_t *list, const char *path)
{
        struct dirent **entries;
        int count, error = add_one_maildir(list, path);

        if (error != 0)
                return error == -ENOENT ? -EINVAL : error;
        count = scandir(path, &entries, is_subfolder, alphasort);
        if (count < 0)
                return -errno;
        for (int i = 0; i < count && error == 0; i++) {
                const char *folder = arena_printf(list->arena, "%s/%s", path, entries[i]->d_name);

                error = folder != NULL ? add_one_maildir(list, folder) : -ENOMEM;
                if (error == -ENOENT || error == -ENOTDIR)
                        error = 0; /* no mail folder: some program's own files */
        }
        free_entries(entries, count);
        return error;
}

/* --- mbox ------------------------------------------------------------------------------------- */

/* An mbox file while it is read, line by line. */
struct scan {
        mailbox_list_t *list;
        const char *path;
        off_t line_begin;
        char head[LINE_HEAD]; /* of the current line */
        size_t len;           /* octets of that line so far */
        bool after_blank;     /* the line before it is empty, or there is none */
};

/* "From SENDER Mon Nov 23 10:00:00 2026": a body may have lines that only begin like that. */
static bool is_separator(const struct scan *scan)
{
        static const char *const days[] = {" Mon ", " Tue ", " Wed ", " Thu ",
                                           " Fri ", " Sat ", " Sun "};
        size_t len = scan->len < sizeof(scan->head) ? scan->len : sizeof(scan->head);

        if (len < 5 || memcmp(scan->head, "From ", 5) != 0)
                return false;
        for (size_t i = 0; i < sizeof(days) / sizeof(*days); i++)
                if (memmem(scan->head, len, days[i], 5) != NULL)
                        return true;
        return false;
}

static int end_line(struct scan *scan)
{
        bool blank = scan->len == 0 || (scan->len == 1 && scan->head[0] == '\r');
        int error = 0;

        if (scan->after_blank && is_separator(scan))
                error = add_message(scan->list, scan->path, scan->line_begin);
        else if (scan->line_begin == 0 && !blank)
                error = -EINVAL;
        scan->after_blank = blank;
        scan->line_begin += (off_t)scan->len + 1;
        scan->len = 0;
        return error;
}

static int scan_chunk(struct scan *scan, const char *at, size_t left)
{
        int error = 0;

        while (left > 0 && error == 0) {
                const char *newline = memchr(at, '\n', left);
                size_t len = newline != NULL ? (size_t)(newline - at) : left;
                size_t room = scan->len < LINE_HEAD ? LINE_HEAD - scan->len : 0;

                memcpy(scan->head + (LINE_HEAD - room), at, len < room ? len : room);
                scan->len += len;
                if (newline != NULL) {
                        error = end_line(scan);
                        len++;
                }
                at += len;
                left -= len;
        }
        return error;
}

static int add_mbox(mailbox_list_t *list, const char *path)
{
        struct scan scan = {.list = list, .after_blank = true};
        int fd = open_plain(path, 0), error = 0;
        char chunk[CHUNK];

        if (fd < 0)
                return fd;
        scan.path = arena_strdup(list->arena, path);
        while (error == 0) {
                ssize_t got = read(fd, chunk, sizeof(chunk));

                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        error = -errno;
                if (got <= 0)
                        break;
                error = scan_chunk(&scan, chunk, (size_t)got);
        }
        if (error == 0 && scan.len > 0)
                error = end_line(&scan);
        close(fd);
        return error;
}

int mailbox_add(mailbox_list_t *list, const char *path)
{
        struct stat status;

        if (stat(path, &status) != 0)
                return -errno;
        return S_ISDIR(status.st_mode) ? add_maildir(list, path) : add_mbox(list, path);
}

/* --- messages --------------------------------------------------------------------------------- */

int mailbox_open(const mailbox_message_t *message)
{
        return open_plain(message->path, message->offset < 0 ? O_NOFOLLOW : 0);
}

/* Is the empty line there that ends a header? Looks at what was read last, and what it may end. */
static bool has_end(const char *text, size_t from, size_t len)
{
        from = from > 2 ? from - 2 : 0;
        if (from == 0 && (*text == '\n' || (len > 1 && memcmp(text, "\r\n", 2) == 0)))
                return true;
        return memmem(text + from, len - from, "\n\n", 2) != NULL ||
               memmem(text + from, len - from, "\n\r\n", 3) != NULL;
}

static ssize_t read_some(int fd, off_t offset, char *text, size_t size)
{
        ssize_t got;

        do
                got = offset >= 0 ? pread(fd, text, size, offset) : read(fd, text, size);
        while (got < 0 && errno == EINTR);
        return got;
}

int mailbox_read_header(int fd, off_t offset, arena_t *arena, char **text, size_t *len)
{
        size_t room = CHUNK;

        *text = arena_alloc(arena, room);
        *len = 0;
        do {
                ssize_t got;

                if (*text != NULL)
                        *text = arena_grow(arena, *text, *len, &room, 1);
                if (*text == NULL)
                        return -ENOMEM;
                got = read_some(fd, offset >= 0 ? offset + (off_t)*len : -1, *text + *len,
                                room - *len);
                if (got < 0)
                        return -errno;
                if (got == 0)
                        return 0;
                *len += (size_t)got;
                if (has_end(*text, *len - (size_t)got, *len))
                        return 0;
        } while (*len <= STORED_HEADER_MAX);
        return -E2BIG;
}
