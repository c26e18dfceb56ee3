/*
 * mailbox.h - the messages of Maildirs and mbox files, read only
 *
 * Nothing is changed or locked, and access times stay where the system lets us leave them. What
 * stands in a mailbox is its owner's: only plain files are opened, and no symbolic link in it is
 * followed.
 */
#ifndef TRUEFROM_CLI_MAILBOX_H
#define TRUEFROM_CLI_MAILBOX_H

#include <stddef.h>
#include <sys/types.h>

#include "common/base/arena.h"

/** Where a message is. */
typedef struct mailbox_message {
        const char *path;
        off_t offset; /**< in an mbox file; -1 = the file is the message */
} mailbox_message_t;

typedef struct mailbox_list {
        arena_t *arena; /**< set by the caller */
        mailbox_message_t *messages;
        size_t count, room;
} mailbox_list_t;

/**
 * Add the messages of a Maildir (cur and new of it and of its Maildir++ subfolders) or of an mbox
 * file, in the order of names or of the file.
 * @return 0, -EINVAL when it is neither, -ENOMEM, or another negative errno
 */
int mailbox_add(mailbox_list_t *list, const char *path);

/** Open the file of a message. @return a descriptor, or a negative errno (-EINVAL: no plain file)
 */
int mailbox_open(const mailbox_message_t *message);

/**
 * Read a message's header, with the line that ends it.
 * @param offset where it begins; -1 = read on from where the descriptor is (a pipe will do)
 * @param text, len set to what was read, in the arena; some of what follows may be there too
 * @return 0, -E2BIG when it is over STORED_HEADER_MAX, -ENOMEM, or another negative errno
 */
int mailbox_read_header(int fd, off_t offset, arena_t *arena, char **text, size_t *len);

#endif
