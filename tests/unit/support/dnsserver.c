#include "tests/unit/support/dnsserver.h"

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef TEST_SUPPORT
#define TEST_SUPPORT "tests/support"
#endif

#define NSD         "/usr/sbin/nsd"
#define LINE_SIZE   512
#define START_TRIES 5

static const char *const file_names[] = {"zone",     "log",       "nsd.conf", "xfrd.state",
                                         "zonelist", "cookies.x", "nsd.db"};

static void path_of(const dns_server_t *server, const char *name, char path[LINE_SIZE])
{
        snprintf(path, LINE_SIZE, "%s/%s", server->directory, name);
}

static void write_file(const dns_server_t *server, const char *name, const char *text)
{
        char path[LINE_SIZE];
        FILE *file;

        path_of(server, name, path);
        file = fopen(path, "w");
        cr_assert_not_null(file, "%s", path);
        cr_assert_geq(fputs(text, file), 0);
        cr_assert_eq(fclose(file), 0);
}

static void write_json(const dns_server_t *server, const char *zone)
{
        char *text = strdup(zone);

        cr_assert_not_null(text);
        for (char *quote = text; (quote = strchr(quote, '\'')); quote++)
                *quote = '"';
        write_file(server, "zone", text);
        free(text);
}

static void make_directory(dns_server_t *server)
{
        memset(server, 0, sizeof(*server));
        snprintf(server->directory, sizeof(server->directory), "/tmp/test-dns-XXXXXX");
        cr_assert_not_null(mkdtemp(server->directory));
}

static void set_port(dns_server_t *server, unsigned port)
{
        server->port = port;
        snprintf(server->address, sizeof(server->address), "127.0.0.1@%u", port);
}

/* Run a program whose standard output and error become server->output. */
static void run(dns_server_t *server, const char *const arguments[])
{
        int ends[2];

        cr_assert_eq(pipe(ends), 0);
        server->pid = fork();
        cr_assert_geq(server->pid, 0);
        if (server->pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGTERM);
                dup2(ends[1], STDOUT_FILENO);
                dup2(ends[1], STDERR_FILENO);
                close(ends[0]);
                close(ends[1]);
                execv(arguments[0], (char *const *)(uintptr_t)arguments);
                _exit(127);
        }
        close(ends[1]);
        server->output = fdopen(ends[0], "r");
        cr_assert_not_null(server->output);
}

/* Read what the server prints up to a line that holds `text`. */
static bool await_line(dns_server_t *server, const char *text, char line[LINE_SIZE])
{
        while (fgets(line, LINE_SIZE, server->output)) {
                if (strstr(line, text))
                        return true;
        }
        return false;
}

static void stop(dns_server_t *server)
{
        kill(server->pid, SIGTERM);
        waitpid(server->pid, NULL, 0);
        fclose(server->output);
}

void faultdns_start(dns_server_t *server, const char *zone)
{
        char zone_path[LINE_SIZE];
        char log_path[LINE_SIZE];
        char line[LINE_SIZE];
        const char *const arguments[] = {"/usr/bin/python3", TEST_SUPPORT "/faultdns.py",
                                         "--ipv6",           "--zone",
                                         zone_path,          "--log",
                                         log_path,           NULL};

        make_directory(server);
        path_of(server, "zone", zone_path);
        path_of(server, "log", log_path);
        write_json(server, zone);
        run(server, arguments);
        cr_assert(await_line(server, "PORT ", line), "faultdns.py does not start");
        set_port(server, (unsigned)strtoul(line + strlen("PORT "), NULL, 10));
}

void faultdns_reload(dns_server_t *server, const char *zone)
{
        char line[LINE_SIZE];

        write_json(server, zone);
        kill(server->pid, SIGHUP);
        cr_assert(await_line(server, "RELOADED", line));
}

unsigned faultdns_queries(const dns_server_t *server, const char *query)
{
        char path[LINE_SIZE];
        char line[LINE_SIZE];
        unsigned count = 0;
        FILE *log;

        path_of(server, "log", path);
        log = fopen(path, "r");
        cr_assert_not_null(log);
        while (fgets(line, sizeof(line), log)) {
                line[strcspn(line, "\n")] = '\0';
                count += !query || strcmp(line, query) == 0;
        }
        fclose(log);
        return count;
}

bool nsd_installed(void)
{
        return access(NSD, X_OK) == 0;
}

/* A port that was free a moment ago: nsd cannot choose one. */
static unsigned free_port(void)
{
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof(address);
        int sock = socket(AF_INET, SOCK_DGRAM, 0);

        cr_assert_geq(sock, 0);
        cr_assert_eq(bind(sock, (struct sockaddr *)&address, len), 0);
        cr_assert_eq(getsockname(sock, (struct sockaddr *)&address, &len), 0);
        close(sock);
        return ntohs(address.sin_port);
}

static void write_nsd_configuration(const dns_server_t *server, const char *origin)
{
        const char *directory = server->directory;
        char text[2048];

        snprintf(text, sizeof(text),
                 "server:\n ip-address: 127.0.0.1\n port: %u\n username: \"\"\n chroot: \"\"\n"
                 " server-count: 1\n verbosity: 1\n database: \"\"\n pidfile: \"\"\n"
                 " zonesdir: \"%s\"\n xfrdfile: \"%s/xfrd.state\"\n xfrdir: \"%s\"\n"
                 " zonelistfile: \"%s/zonelist\"\n cookie-secret-file: \"%s/cookies.x\"\n"
                 "remote-control:\n control-enable: no\n"
                 "zone:\n name: \"%s\"\n zonefile: \"zone\"\n",
                 server->port, directory, directory, directory, directory, directory, origin);
        write_file(server, "nsd.conf", text);
}

void nsd_start(dns_server_t *server, const char *origin, const char *zone)
{
        char conf_path[LINE_SIZE];
        char line[LINE_SIZE];
        const char *const arguments[] = {NSD, "-d", "-c", conf_path, NULL};

        make_directory(server);
        write_file(server, "zone", zone);
        path_of(server, "nsd.conf", conf_path);
        for (int i = 0; i < START_TRIES; i++) {
                set_port(server, free_port());
                write_nsd_configuration(server, origin);
                run(server, arguments);
                if (await_line(server, "nsd started", line))
                        return;
                stop(server);
        }
        cr_assert_fail("nsd does not start");
}

resolver_t *dns_server_resolver(const dns_server_t *server, unsigned timeout_ms)
{
        const char *addresses[] = {server->address};
        const dns_config_t config = {
            .nameservers = addresses, .nameserver_count = 1, .timeout_ms = timeout_ms};
        resolver_t *resolver = NULL;

        cr_assert_eq(resolver_create(&config, &resolver), 0);
        return resolver;
}

void dns_server_stop(dns_server_t *server)
{
        char path[LINE_SIZE];

        if (server->pid <= 0) /* it never started */
                return;
        stop(server);
        server->pid = 0;
        for (size_t i = 0; i < sizeof(file_names) / sizeof(file_names[0]); i++) {
                path_of(server, file_names[i], path);
                unlink(path);
        }
        rmdir(server->directory);
}
