/* sockets: stale ones are replaced, live ones and other files are not touched */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/app/endpoint.h"

static char directory[32], path[64], text[80];

static void setup(void)
{
        snprintf(directory, sizeof(directory), "/tmp/tf-socket-XXXXXX");
        cr_assert_not_null(mkdtemp(directory));
        snprintf(path, sizeof(path), "%s/s", directory);
        snprintf(text, sizeof(text), "local:%s", path);
}

static void teardown(void)
{
        unlink(path);
        rmdir(directory);
}

TestSuite(endpoint, .init = setup, .fini = teardown);

Test(endpoint, forms)
{
        static const char *const good[] = {"local:/a", "unix:/a", "inet:10@localhost",
                                           "inet:10@127.0.0.1", "inet6:10@::1"};
        static const char *const bad[] = {"",         "local:",   "unix:",     "a",
                                          "/a",       "inet:",    "inet:0@a",  "inet:65536@a",
                                          "inet:x@a", "inet:10@", "inet7:1@a", "INET:10@a "};
        const char *why = NULL;

        for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
                cr_expect(endpoint_valid(good[i], &why), "%s: %s", good[i], why);
        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
                why = NULL;
                cr_expect_not(endpoint_valid(bad[i], &why), "%s", bad[i]);
                cr_expect_not_null(why);
        }
        cr_expect_str_eq(endpoint_path("unix:/a"), "/a");
        cr_expect_null(endpoint_path("inet:10@localhost"));
}

Test(endpoint, too_long_a_path)
{
        char huge[300];
        const char *why;

        memset(huge, 'a', sizeof(huge) - 1);
        huge[sizeof(huge) - 1] = '\0';
        memcpy(huge, "local:/", 7);
        cr_expect_not(endpoint_valid(huge, &why));
}

Test(endpoint, mode_follows_umask)
{
        int fd = endpoint_listen(text, 0007, 5);
        struct stat status;

        cr_assert_geq(fd, 0);
        cr_assert_eq(stat(path, &status), 0);
        cr_expect_eq(status.st_mode & 0777, 0770);
        close(fd);
}

Test(endpoint, stale_is_replaced_live_is_refused)
{
        int first = endpoint_listen(text, 0007, 5), second;

        cr_assert_geq(first, 0);
        cr_expect_eq(endpoint_listen(text, 0007, 5), -EADDRINUSE);
        cr_expect_eq(endpoint_clear_stale(text), -EADDRINUSE);
        close(first);
        cr_expect_eq(access(path, F_OK), 0);
        second = endpoint_listen(text, 0007, 5);
        cr_expect_geq(second, 0);
        close(second);
        cr_expect_eq(endpoint_clear_stale(text), 0);
        cr_expect_neq(access(path, F_OK), 0);
        cr_expect_eq(endpoint_clear_stale(text), 0);
}

Test(endpoint, other_files_are_left_alone)
{
        FILE *file = fopen(path, "w");

        fputs("precious", file);
        fclose(file);
        cr_expect_lt(endpoint_listen(text, 0007, 5), 0);
        cr_expect_eq(endpoint_clear_stale(text), -EEXIST);
        cr_expect_eq(access(path, F_OK), 0);
        endpoint_unlink(text);
}

Test(endpoint, inet)
{
        struct sockaddr_storage address;
        socklen_t len = sizeof(address);
        int fd = endpoint_listen("inet:1@127.0.0.1", 0007, 5); /* root, or refused */

        if (fd < 0)
                cr_expect_eq(fd, -EACCES);
        else
                cr_expect_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
        if (fd >= 0)
                close(fd);
}

Test(endpoint, connect_reaches_who_listens)
{
        char octet = 'x';
        int listener = endpoint_listen(text, 0007, 5), client, server;

        cr_assert_geq(listener, 0);
        client = endpoint_connect(text, 5);
        cr_assert_geq(client, 0);
        server = accept(listener, NULL, NULL);
        cr_assert_geq(server, 0);
        cr_expect_eq(send(client, &octet, 1, 0), 1);
        cr_expect_eq(recv(server, &octet, 1, 0), 1);
        close(server);
        close(client);
        close(listener);
        cr_expect_eq(endpoint_connect(text, 5), -ECONNREFUSED);
        endpoint_unlink(text);
        cr_expect_eq(endpoint_connect(text, 5), -ENOENT);
        cr_expect_eq(endpoint_connect("nowhere", 5), -EINVAL);
        cr_expect_eq(endpoint_connect("inet:1@127.0.0.1", 5), -ECONNREFUSED);
        cr_expect_eq(endpoint_connect("inet:1", 5), -ECONNREFUSED);
}
