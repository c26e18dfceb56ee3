/* The resolvers: does each answer, soon, and does it say when a name does not exist? */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>

#include "cli/doctor/doctor.h"
#include "common/dns/resolver.h"

#define SERVERS_MAX     16
#define SLOW_US         250000
#define NO_SUCH_NAME    "truefrom-doctor.invalid." /* RFC 6761 section 6.4: never exists */
#define RESOLV_CONF     "/etc/resolv.conf"
#define SERVER_TEXT_MAX (INET6_ADDRSTRLEN + 8)

/* The servers to ask. */
struct servers {
        char text[SERVERS_MAX][SERVER_TEXT_MAX]; /* "ADDRESS@PORT" */
        size_t count;
        bool configured; /* by Nameservers */
};

/* What one server did. */
struct trial {
        int64_t best_us;         /* of its answers; -1 = none */
        enum dns_status invalid; /* its answer for a name that does not exist */
};

static void add_sockaddr(struct servers *servers, const void *sockaddr)
{
        char address[INET6_ADDRSTRLEN];
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        const char *text = NULL;
        unsigned port = 0;

        memcpy(&in, sockaddr, sizeof(in));
        if (in.sin_family == AF_INET) {
                text = inet_ntop(AF_INET, &in.sin_addr, address, sizeof(address));
                port = ntohs(in.sin_port);
        } else if (in.sin_family == AF_INET6) {
                memcpy(&in6, sockaddr, sizeof(in6));
                text = inet_ntop(AF_INET6, &in6.sin6_addr, address, sizeof(address));
                port = ntohs(in6.sin6_port);
        }
        if (text != NULL && servers->count < SERVERS_MAX)
                snprintf(servers->text[servers->count++], SERVER_TEXT_MAX, "%s@%u", text, port);
}

/* Those of resolv.conf, as the C library reads it. */
static void find_system_servers(struct servers *servers)
{
        struct __res_state state;

        memset(&state, 0, sizeof(state));
        if (res_ninit(&state) != 0)
                return;
        for (int i = 0; i < state.nscount; i++) {
                if (state.nsaddr_list[i].sin_family == AF_INET)
                        add_sockaddr(servers, &state.nsaddr_list[i]);
                else if (state._u._ext.nsaddrs[i] != NULL)
                        add_sockaddr(servers, state._u._ext.nsaddrs[i]);
        }
        res_nclose(&state);
}

static void find_servers(const config_t *config, struct servers *servers)
{
        servers->count = 0;
        servers->configured = config != NULL && config->nameservers.count > 0;
        if (!servers->configured) {
                find_system_servers(servers);
                return;
        }
        for (size_t i = 0; i < config->nameservers.count && servers->count < SERVERS_MAX; i++) {
                char *text = servers->text[servers->count];

                if (snprintf(text, SERVER_TEXT_MAX, "%s", config->nameservers.items[i]) <
                    SERVER_TEXT_MAX)
                        servers->count++;
        }
}

static void on_answer(void *context, const dns_event_t *event)
{
        struct trial *trial = context;
        const enum dns_status status = event->answer->status;

        if (event->type == DNS_A)
                trial->invalid = status;
        if (status != DNS_TIMEOUT && status != DNS_TEMPFAIL &&
            (trial->best_us < 0 || event->microseconds < trial->best_us))
                trial->best_us = event->microseconds;
}

/* Two questions, the second one when the first was answered. @return 0 or a negative errno: there
 * is no resolver to ask with */
static int try_server(const doctor_t *doctor, const char *server, struct trial *trial)
{
        const dns_config_t settings = {
            .nameservers = &server,
            .nameserver_count = 1,
            .timeout_ms = (doctor->config != NULL ? doctor->config->dns_timeout : 5) * 1000,
            .observer = on_answer,
            .observer_context = trial,
        };
        resolver_t *resolver;
        int error = resolver_create(&settings, &resolver);

        if (error != 0)
                return error;
        trial->best_us = -1;
        dns_answer_release(dns_query(resolver, NO_SUCH_NAME, DNS_A, 0));
        if (trial->best_us >= 0)
                dns_answer_release(dns_query(resolver, NO_SUCH_NAME, DNS_TXT, 0));
        resolver_free(resolver);
        return 0;
}

static bool is_local(const char *server)
{
        return strncmp(server, "127.", 4) == 0 || strncmp(server, "::1@", 4) == 0 ||
               strcmp(server, "::1") == 0;
}

/* Where to change it, with one that should serve. */
static void change_servers(doctor_t *doctor, finding_t *finding)
{
        finding_change(&doctor->findings, finding, doctor->options.config_path, NULL,
                       "Nameservers = ( \"127.0.0.1\" );");
}

static void report_silent(doctor_t *doctor, const struct servers *servers, const char *server,
                          bool all, enum dns_status status)
{
        findings_t *findings = &doctor->findings;
        finding_t *finding = finding_add(
            findings, all ? SEVERITY_ERROR : SEVERITY_WARNING, "resolver-silent", NULL,
            "the resolver %s (%s) %s", server, servers->configured ? "Nameservers" : RESOLV_CONF,
            status == DNS_TIMEOUT ? "does not answer" : "refuses, or cannot be reached");

        finding_means(
            findings, finding,
            all ? "Without DNS no mail can be evaluated: with RejectFailures it is put off "
                  "(OnTempError)."
                : "Each look-up that is tried there first waits.");
        if (servers->configured)
                change_servers(doctor, finding);
        else
                finding_change(findings, finding, RESOLV_CONF, NULL, "nameserver 127.0.0.1");
}

static void report_answers(doctor_t *doctor, const struct servers *servers, const char *server,
                           const struct trial *trial)
{
        findings_t *findings = &doctor->findings;
        finding_t *finding;

        finding_add(findings, SEVERITY_OK, "resolver", NULL, "%s answers in %lld ms", server,
                    (long long)(trial->best_us / 1000));
        if (trial->invalid == DNS_OK || trial->invalid == DNS_NODATA) {
                finding = finding_add(findings, SEVERITY_WARNING, "resolver-wildcard", NULL,
                                      "%s knows a name that cannot exist, " NO_SUCH_NAME, server);
                finding_means(
                    findings, finding,
                    "It turns \"no such domain\" into another answer: np= of DMARC records "
                    "never applies, and SPF counts void look-ups wrongly.");
                change_servers(doctor, finding);
        }
        if (trial->best_us > SLOW_US) {
                finding = finding_add(findings, SEVERITY_WARNING, "resolver-slow", NULL,
                                      "%s takes %lld ms for an answer", server,
                                      (long long)(trial->best_us / 1000));
                finding_means(findings, finding,
                              "A message takes three to five look-ups. Run a caching resolver on "
                              "this host, and name it:");
                change_servers(doctor, finding);
        } else if (!is_local(server) && !servers->configured) {
                finding = finding_add(findings, SEVERITY_NOTE, "resolver-remote", NULL,
                                      "the resolver %s of " RESOLV_CONF " is another host", server);
                finding_means(
                    findings, finding,
                    "A caching resolver on this host is worth more than any setting here. "
                    "With one:");
                change_servers(doctor, finding);
        }
}

void doctor_check_resolver(doctor_t *doctor)
{
        struct trial trials[SERVERS_MAX];
        struct servers servers;
        size_t answered = 0;

        find_servers(doctor->config, &servers);
        for (size_t i = 0; i < servers.count; i++) {
                if (try_server(doctor, servers.text[i], &trials[i]) != 0) {
                        doctor->findings.failed = true;
                        return;
                }
                answered += trials[i].best_us >= 0 ? 1 : 0;
        }
        for (size_t i = 0; i < servers.count; i++) {
                if (trials[i].best_us >= 0)
                        report_answers(doctor, &servers, servers.text[i], &trials[i]);
                else
                        report_silent(doctor, &servers, servers.text[i], answered == 0,
                                      trials[i].invalid);
        }
}
