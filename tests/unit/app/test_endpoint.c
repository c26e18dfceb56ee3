/* sockets: stale ones are replaced, live ones and other files are not touched */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
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

Test(endpoint, errors_say_what_to_do)
{
        cr_expect_not_null(strstr(endpoint_error_text(-EADDRINUSE), "; stop it"));
        cr_expect_not_null(strstr(endpoint_error_text(-EADDRNOTAVAIL), "; change the socket"));
        cr_expect_not_null(strstr(endpoint_error_text(-EEXIST), "; remove it"));
        cr_expect_not_null(strstr(endpoint_error_text(-EACCES), "; let this user write"));
        cr_expect_not_null(strstr(endpoint_error_text(-ENOENT), "; make it"));
        cr_expect_str_eq(endpoint_error_text(-EMFILE), strerror(EMFILE));
}

Test(endpoint, connects_only_where_somebody_listens)
{
        int fd = endpoint_listen(text, 077, 1);
        int client = endpoint_connect(text, 1000);

        cr_assert_geq(fd, 0);
        cr_assert_geq(client, 0);
        close(client);
        close(fd);
        cr_assert_eq(endpoint_connect(text, 1000), -ECONNREFUSED, "a stale socket");
        unlink(path);
        cr_assert_eq(endpoint_connect(text, 1000), -ENOENT);
        cr_assert_eq(endpoint_connect("unix:relative", 1000), -EINVAL);
}

Test(endpoint, connects_to_inet_sockets)
{
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
        socklen_t len = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        char inet[64];
        int client;

        cr_assert_eq(bind(fd, (struct sockaddr *)&address, len), 0);
        cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
        snprintf(inet, sizeof(inet), "inet:%d@127.0.0.1", ntohs(address.sin_port));
        cr_assert_eq(endpoint_connect(inet, 1000), -ECONNREFUSED);
        cr_assert_eq(listen(fd, 1), 0);
        client = endpoint_connect(inet, 1000);
        cr_assert_geq(client, 0);
        close(client);
        close(fd);
}

Test(endpoint, the_same_one)
{
        static const struct {
                const char *one, *other;
                bool same;
        } rows[] = {
            {"local:/a", "unix:/a", true},
            {"local:/a", "local:/b", false},
            {"local:/a", "inet:1", false},
            {"inet:1@127.0.0.1", "inet:1@localhost", true},
            {"inet:1@127.0.0.1", "inet:2@127.0.0.1", false},
            {"inet:1@127.0.0.1", "inet:1@127.0.0.2", false},
            {"inet:1", "inet:1@127.0.0.2", true},
            {"inet:1", "inet6:1", false},
            {"inet:1@no-such-host.invalid", "inet:1@127.0.0.1", false},
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
                cr_expect_eq(endpoint_same(rows[i].one, rows[i].other), rows[i].same, "%s %s",
                             rows[i].one, rows[i].other);
                cr_expect_eq(endpoint_same(rows[i].other, rows[i].one), rows[i].same);
        }
}

Test(endpoint, where_this_host_can_listen)
{
        cr_expect_eq(endpoint_check("local:/nowhere/at/all"), 0);
        cr_expect_eq(endpoint_check("inet:1@127.0.0.1"), 0);
        cr_expect_eq(endpoint_check("inet:1"), 0);
        cr_expect_eq(endpoint_check("inet:1@192.0.2.99"), -EADDRNOTAVAIL);
        cr_expect_eq(endpoint_check("inet:1@no-such-host.invalid"), -EADDRNOTAVAIL);
}
