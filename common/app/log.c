#include "common/app/log.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#define LINE_MAX_VISIBLE 2048
#define LINE_SIZE        (LINE_MAX_VISIBLE * 4 + 64)

#define HEAD_SIZE 64
#define HELD_SIZE 32768

/* The one global of the project: set once at start, before there are threads. */
static struct {
        enum log_target target;
        char head[HEAD_SIZE]; /* what each line begins with */
        size_t head_len;
        int mirrored; /* lines of this priority and worse go to stderr as well; -1 = none */
} logger = {.target = LOG_TARGET_STDERR, .mirrored = -1};

/* systemd.exec(5): JOURNAL_STREAM has the journal's device and inode. */
static bool stderr_is_journal(void)
{
        const char *journal = getenv("JOURNAL_STREAM");
        struct stat status;
        char name[64];

        if (journal == NULL || fstat(STDERR_FILENO, &status) != 0)
                return false;
        snprintf(name, sizeof(name), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
        return strcmp(journal, name) == 0;
}

/* A closed stderr may be another file's descriptor later. */
static bool stderr_is_read(void)
{
        struct stat status;

        return fstat(STDERR_FILENO, &status) == 0 && !stderr_is_journal();
}

void log_open(const char *program, enum log_target target)
{
        logger.target = target;
        logger.mirrored = target == LOG_TARGET_SYSLOG && stderr_is_read() ? LOG_ERR : -1;
        logger.head_len = (size_t)snprintf(logger.head, sizeof(logger.head),
                                           "%.32s[%ld]: ", program, (long)getpid());
        if (target == LOG_TARGET_SYSLOG)
                openlog(program, LOG_PID | LOG_NDELAY, LOG_MAIL);
        else /* libmilter knows syslog only: what it complains of is to be seen here too */
                openlog(program, LOG_PID | LOG_PERROR, LOG_MAIL);
}

void log_started(void)
{
        if (logger.mirrored == LOG_ERR)
                logger.mirrored = LOG_CRIT;
}

const char *log_word(const char *text, char *out, size_t size)
{
        size_t used = 0;

        for (const char *at = text != NULL ? text : ""; *at != '\0'; at++) {
                const unsigned char octet = (unsigned char)*at;

                if (used + 7 > size) { /* "%XX", "..." and the end */
                        memcpy(out + used, "...", 3);
                        used += 3;
                        break;
                }
                if (octet > 0x20 && octet < 0x7f && strchr("\"'<>%\\", octet) == NULL)
                        out[used++] = *at;
                else
                        used += (size_t)snprintf(out + used, size - used, "%%%02X", octet);
        }
        out[used] = '\0';
        return out;
}

/* Length of the valid UTF-8 sequence at `text` (RFC 3629), 0 when there is none. */
static size_t utf8_sequence(const unsigned char *text, size_t left)
{
        size_t len = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;

        if (text[0] < 0xc2 || text[0] > 0xf4 || len > left)
                return 0;
        for (size_t i = 1; i < len; i++)
                if ((text[i] & 0xc0) != 0x80)
                        return 0;
        if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
            (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
                return 0;
        /* C1 controls */
        return text[0] == 0xc2 && text[1] < 0xa0 ? 0 : len;
}

static size_t escape(const char *text, size_t len, char *out, size_t size)
{
        size_t used = 0;

        for (size_t i = 0; i < len && used + 8 < size;) {
                const unsigned char *at = (const unsigned char *)text + i;
                size_t sequence;

                if (*at >= 0x20 && *at < 0x7f && *at != '\\') { /* nearly all */
                        out[used++] = text[i++];
                        continue;
                }
                sequence = *at >= 0x80 ? utf8_sequence(at, len - i) : 1;
                if (sequence == 0 || *at < 0x20 || *at == 0x7f) {
                        used += (size_t)snprintf(out + used, size - used, "\\%03o", *at);
                        i++;
                        continue;
                }
                if (*at == '\\')
                        out[used++] = '\\';
                memcpy(out + used, at, sequence);
                used += sequence;
                i += sequence;
        }
        return used;
}

static _Thread_local char *held; /* NULL = lines go out at once */
static _Thread_local size_t held_len;

static void write_out(const char *text, size_t len)
{
        while (write(STDERR_FILENO, text, len) < 0 && errno == EINTR)
                continue;
}

void log_hold(void)
{
        if (held == NULL && logger.target == LOG_TARGET_STDERR)
                held = malloc(HELD_SIZE);
}

void log_flush(void)
{
        if (held_len > 0)
                write_out(held, held_len);
        held_len = 0;
}

void log_release(void)
{
        log_flush();
        free(held);
        held = NULL;
}

static void write_line(int priority, const char *line, size_t len)
{
        if (held == NULL) {
                write_out(line, len);
                return;
        }
        if (held_len + len > HELD_SIZE)
                log_flush();
        memcpy(held + held_len, line, len);
        held_len += len;
        if (priority < LOG_INFO)
                log_flush();
}

static __attribute__((format(printf, 3, 0))) void emit(int priority, const char *prefix,
                                                       const char *format, va_list args)
{
        char text[LINE_MAX_VISIBLE + 1], line[LINE_SIZE];
        int len = vsnprintf(text, sizeof(text), format, args);
        size_t head = logger.head_len, used = head + strlen(prefix);

        if (len < 0)
                return;
        memcpy(line, logger.head, head);
        memcpy(line + head, prefix, used - head);
        used += escape(text, strlen(text), line + used, sizeof(line) - used - 8);
        if ((size_t)len > LINE_MAX_VISIBLE) {
                memcpy(line + used, "...", 3);
                used += 3;
        }
        if (logger.target == LOG_TARGET_SYSLOG) {
                line[used] = '\0';
                syslog(priority, "%s", line + head);
                if (priority > logger.mirrored)
                        return;
        }
        line[used++] = '\n';
        write_line(priority, line, used);
}

#define DEFINE_LEVEL(function, priority, prefix)                                                   \
        void function(const char *format, ...)                                                     \
        {                                                                                          \
                va_list args;                                                                      \
                                                                                                   \
                va_start(args, format);                                                            \
                emit(priority, prefix, format, args);                                              \
                va_end(args);                                                                      \
        }

DEFINE_LEVEL(log_info, LOG_INFO, "")
DEFINE_LEVEL(log_warning, LOG_WARNING, "warning: ")
DEFINE_LEVEL(log_error, LOG_ERR, "error: ")
DEFINE_LEVEL(log_fatal, LOG_CRIT, "fatal: ")
