/*
 * ignore.h - IgnoreHosts: clients whose mail is not evaluated (contract section 3)
 *
 * Compiled to a form in which a look-up costs the same with ten and with 100,000 lines. Readers in
 * any thread; a changed file is taken over by whoever asks first after it changed, at most one
 * stat(2) a second, without blocking the others.
 */
#ifndef TRUEFROM_POLICY_IGNORE_H
#define TRUEFROM_POLICY_IGNORE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/address.h"

/* The pure part: a compiled list. */

typedef struct ignore_list ignore_list_t;

/** Called for each line that is skipped. */
typedef void ignore_error_fn(void *context, unsigned line, const char *message);

/** Compile a file's text. @return the list (ignore_list_free) or NULL when memory is out */
ignore_list_t *ignore_list_parse(const char *text, size_t len, ignore_error_fn *error,
                                 void *context);
void ignore_list_free(ignore_list_t *list);

/**
 * Does the list ignore this client?
 * @param client NULL = unknown
 * @param verified_name the client's verified host name, or NULL ("unknown" is taken as NULL)
 * Of all entries that match, the most specific decides; "!" makes it a "no". An exact address is
 * more specific than a block, a longer prefix than a shorter one, a host name than a domain, a
 * longer domain than a shorter one, and any address entry than any name entry; of two equal ones
 * the later.
 */
bool ignore_list_match(const ignore_list_t *list, const address_t *client,
                       const char *verified_name);

/* The file that is watched. */

typedef struct ignore_file ignore_file_t;

/**
 * Load the file.
 * @param path NULL = no file: 127.0.0.0/8 and ::1 are ignored
 * @param error called for broken lines, now and at each later load; also with line 0 when the file
 * cannot be read later on (the list then stays as it was); may be called from any thread
 * @return 0 and *file (ignore_file_free), or a negative errno when it cannot be read now
 */
int ignore_file_open(const char *path, ignore_error_fn *error, void *context, ignore_file_t **file);
void ignore_file_free(ignore_file_t *file);

/** As ignore_list_match, with the newest list. */
bool ignore_file_match(ignore_file_t *file, const address_t *client, const char *verified_name);

/** Look at the file now, whatever the clock says (SIGHUP). */
void ignore_file_reload(ignore_file_t *file);

#endif
