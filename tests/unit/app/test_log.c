/* log lines: nothing from the network can forge one */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/app/log.h"

static char captured[65536];

/* What one call writes to stderr. */
static const char *logged(const char *text)
{
        int ends[2], saved = dup(STDERR_FILENO);
        ssize_t len;

        cr_assert_eq(pipe(ends), 0);
        dup2(ends[1], STDERR_FILENO);
        log_open("tester", LOG_TARGET_STDERR);
        log_info("%s", text);
        dup2(saved, STDERR_FILENO);
        close(ends[1]);
        len = read(ends[0], captured, sizeof(captured) - 1);
        cr_assert_gt(len, 0);
        captured[len] = '\0';
        close(ends[0]);
        close(saved);
        return captured;
}

static void expect(const char *text, const char *expected)
{
        char line[1024];

        snprintf(line, sizeof(line), "tester[%ld]: %s\n", (long)getpid(), expected);
        cr_expect_str_eq(logged(text), line);
}

Test(log, plain_text)
{
        expect("4ABC: example.org pass", "4ABC: example.org pass");
        expect("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\xa7",
               "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\xa7");
}

Test(log, control_characters)
{
        expect("a\nb\r\tc\x1b[31m\x7f", "a\\012b\\015\\011c\\033[31m\\177");
        expect("back\\slash", "back\\\\slash");
        expect("c1 \xc2\x9b!", "c1 \\302\\233!");
}

Test(log, what_is_not_utf_8)
{
        expect("\xff", "\\377");
        expect("\xc0\xaf", "\\300\\257");
        expect("\xed\xa0\x80", "\\355\\240\\200");
        expect("\xf4\x90\x80\x80", "\\364\\220\\200\\200");
        expect("\xe2\x82", "\\342\\202");
}

Test(log, long_lines_are_cut_and_end)
{
        char *text = malloc(100001);
        const char *line;

        memset(text, '\n', 100000);
        text[100000] = '\0';
        line = logged(text);
        cr_expect_lt(strlen(line), 16384);
        cr_expect_str_eq(line + strlen(line) - 4, "...\n");
        cr_expect_eq(strchr(line, '\n'), line + strlen(line) - 1);
        free(text);
}

/* What is in the pipe now, without waiting; "" when there is nothing. */
static const char *written(int fd)
{
        ssize_t len = read(fd, captured, sizeof(captured) - 1);

        captured[len > 0 ? len : 0] = '\0';
        return captured;
}

Test(log, held_lines_go_out_together_and_warnings_at_once)
{
        int ends[2];
        const char *text;

        cr_assert_eq(pipe2(ends, O_NONBLOCK), 0);
        dup2(ends[1], STDERR_FILENO);
        log_open("tester", LOG_TARGET_STDERR);
        log_hold();
        log_info("one");
        log_info("two");
        cr_expect_str_eq(written(ends[0]), "");
        log_flush();
        text = written(ends[0]);
        cr_expect(strstr(text, ": one\n") != NULL && strstr(text, ": two\n") > strstr(text, "one"));
        log_info("three");
        log_warning("four");
        text = written(ends[0]);
        cr_expect(strstr(text, ": three\n") != NULL &&
                  strstr(text, ": warning: four\n") > strstr(text, "three"));
        log_flush();
        cr_expect_str_eq(written(ends[0]), "");
        for (int i = 0; i < 1000; i++) /* more than is kept */
                log_info("%d: a line of some fifty characters, to fill it up", i);
        cr_expect_neq(*written(ends[0]), '\0');
        log_release();
        written(ends[0]);
        log_info("five");
        cr_expect_not_null(strstr(written(ends[0]), ": five\n"));
}

static void expect_word(const char *text, const char *expected)
{
        char out[32];

        cr_expect_str_eq(log_word(text, out, sizeof(out)), expected, "%s", out);
}

Test(log, words)
{
        expect_word(NULL, "");
        expect_word("1.2@example.org", "1.2@example.org");
        expect_word("a b\"c'd<e>f%g\\h", "a%20b%22c%27d%3Ce%3Ef%25g%5C...");
        expect_word("\x01\t\n\x7f\xc3\xa9", "%01%09%0A%7F%C3%A9");
        expect_word("abcdefghijklmnopqrstuvwxyz01234567", "abcdefghijklmnopqrstuvwxyz...");
}

/* What one call at error and one at fatal write to stderr when the target is syslog. */
static const char *mirrored(bool started)
{
        int ends[2], saved = dup(STDERR_FILENO);
        ssize_t len;

        cr_assert_eq(pipe(ends), 0);
        dup2(ends[1], STDERR_FILENO);
        log_open("tester", LOG_TARGET_SYSLOG);
        if (started)
                log_started();
        log_warning("one");
        log_error("two");
        log_fatal("three");
        dup2(saved, STDERR_FILENO);
        close(ends[1]);
        len = read(ends[0], captured, sizeof(captured) - 1);
        captured[len > 0 ? len : 0] = '\0';
        close(ends[0]);
        close(saved);
        return captured;
}

Test(log, what_ends_the_start_is_on_stderr_too)
{
        char both[128], last[64];

        unsetenv("JOURNAL_STREAM");
        snprintf(last, sizeof(last), "tester[%ld]: fatal: three\n", (long)getpid());
        snprintf(both, sizeof(both), "tester[%ld]: error: two\n%s", (long)getpid(), last);
        cr_expect_str_eq(mirrored(false), both);
        cr_expect_str_eq(mirrored(true), last);
}
