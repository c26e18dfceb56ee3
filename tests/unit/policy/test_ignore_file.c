/* IgnoreHosts: the file that is watched */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/policy/ignore.h"

static char path[64];
static unsigned errors, unreadable;

static void note(void *context, unsigned line, const char *message)
{
        cr_assert_str_eq(context, path);
        cr_assert_not_null(message);
        if (line == 0)
                unreadable++;
        else
                errors++;
}

static void write_file(const char *text)
{
        FILE *file = fopen(path, "w");

        cr_assert_not_null(file);
        fputs(text, file);
        fclose(file);
}

static void setup(void)
{
        int fd;

        snprintf(path, sizeof(path), "/tmp/tf-ignore-XXXXXX");
        fd = mkstemp(path);
        cr_assert_geq(fd, 0);
        close(fd);
}

static void teardown(void)
{
        unlink(path);
}

TestSuite(ignore_file, .init = setup, .fini = teardown, .timeout = 60);

static ignore_file_t *open_file(void)
{
        ignore_file_t *file = NULL;

        cr_assert_eq(ignore_file_open(path, note, path, &file), 0);
        return file;
}

static bool matches(ignore_file_t *file, const char *client)
{
        address_t address;

        address_parse(client, &address);
        return ignore_file_match(file, &address, NULL);
}

Test(ignore_file, loopback_when_there_is_none)
{
        ignore_file_t *file = NULL;

        cr_assert_eq(ignore_file_open(NULL, NULL, NULL, &file), 0);
        cr_expect(matches(file, "127.0.0.1"));
        cr_expect(matches(file, "127.255.0.1"));
        cr_expect(matches(file, "::1"));
        cr_expect_not(matches(file, "192.0.2.1"));
        ignore_file_free(file);
}

Test(ignore_file, loopback_only_if_listed)
{
        ignore_file_t *file;

        write_file("192.0.2.1\n");
        file = open_file();
        cr_expect(matches(file, "192.0.2.1"));
        cr_expect_not(matches(file, "127.0.0.1"));
        ignore_file_free(file);
}

Test(ignore_file, a_change_counts_within_two_seconds)
{
        ignore_file_t *file;

        write_file("192.0.2.1\nbroken line\n");
        file = open_file();
        cr_expect_eq(errors, 1);
        cr_expect_not(matches(file, "192.0.2.2"));
        write_file("192.0.2.2\n");
        sleep(2);
        cr_expect(matches(file, "192.0.2.2"));
        cr_expect_not(matches(file, "192.0.2.1"));
        ignore_file_free(file);
}

Test(ignore_file, a_replaced_file_counts_at_once_when_told)
{
        ignore_file_t *file;

        write_file("192.0.2.1\n");
        file = open_file();
        write_file("192.0.2.2\n");
        ignore_file_reload(file);
        cr_expect(matches(file, "192.0.2.2"));
        ignore_file_free(file);
}

Test(ignore_file, one_that_cannot_be_read_leaves_the_list_as_it_was)
{
        ignore_file_t *file;

        write_file("192.0.2.1\n");
        file = open_file();
        unlink(path);
        ignore_file_reload(file);
        ignore_file_reload(file);
        cr_expect(matches(file, "192.0.2.1"));
        cr_expect_eq(unreadable, 1, "told once, not at every look");
        mkdir(path, 0700);
        ignore_file_reload(file);
        cr_expect(matches(file, "192.0.2.1"));
        rmdir(path);
        write_file("192.0.2.3\n");
        ignore_file_reload(file);
        cr_expect(matches(file, "192.0.2.3"));
        ignore_file_free(file);
}

Test(ignore_file, must_be_readable_at_first)
{
        ignore_file_t *file = NULL;

        unlink(path);
        cr_expect_lt(ignore_file_open(path, note, path, &file), 0);
        cr_expect_null(file);
}
