/*
 * log.h - log lines to syslog (facility mail) or stderr, in Postfix's manner
 *
 * Every control character and every byte that is not valid UTF-8 in the finished line is written as
 * \ooo, a backslash as \\, so that nothing from the network can forge a line. Thread-safe.
 */
#ifndef TRUEFROM_APP_LOG_H
#define TRUEFROM_APP_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/** Where lines go. */
enum log_target { LOG_TARGET_STDERR, LOG_TARGET_SYSLOG };

/** Set the program name and the target; before it is called, lines go to stderr. */
void log_open(const char *program, enum log_target target);

/**
 * The program has started. Until then lines at error and fatal go to stderr as well, whatever the
 * target, so that whoever starts it by hand sees why it ends; after it, only lines at fatal do. Not
 * where stderr is the journal, which has them from syslog.
 */
void log_started(void);

/** One line at info. */
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** "warning: …": something needs attention; says what to do. */
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** "error: …": something did not work. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** "fatal: …": the program is about to end. Does not exit. */
void log_fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * From now on this thread's lines at info go out together, at log_flush or when 32 KiB are full;
 * warnings and worse at once, in their place. For a loop that writes many lines a turn; only stderr
 * is kept waiting, syslog takes each line by itself. Until log_release.
 */
void log_hold(void);
void log_flush(void);
void log_release(void);

/**
 * A value from the network as one word of a line: blanks, quotes, `<`, `>`, `%`, backslash, control
 * characters and 8-bit octets are written as %XX; what does not fit is cut, and ends in "...".
 * @param text NULL = empty
 * @param out size >= 8; always terminated
 * @return out
 */
const char *log_word(const char *text, char *out, size_t size);

#endif
