/* truefrom.conf and ignore.hosts, by themselves and beside Postfix's networks. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/doctor/doctor.h"
#include "common/policy/ignore.h"

static void on_config_error(void *context, const char *file, unsigned line, const char *message)
{
        doctor_t *doctor = context;

        finding_add(&doctor->findings, SEVERITY_ERROR, "config", NULL, "%s:%u: %s", file, line,
                    message);
}

static void on_file_error(void *context, const char *file, unsigned line, const char *message)
{
        doctor_t *doctor = context;
        finding_t *finding = finding_add(&doctor->findings, SEVERITY_WARNING, "ignore-hosts", NULL,
                                         "%s:%u: %s", file, line, message);

        finding_means(&doctor->findings, finding, "The daemons skip this line.");
}

static void check_socket_set(doctor_t *doctor, const char *group, const char *socket,
                             const char *usual)
{
        finding_t *finding;

        if (socket != NULL)
                return;
        finding = finding_add(&doctor->findings, SEVERITY_ERROR, "socket-unset", NULL,
                              "%s.Socket is not set: truefrom-%s does not start", group, group);
        finding_change(&doctor->findings, finding, doctor->options.config_path,
                       strcmp(group, "milter") == 0 ? "group milter" : "group policyd",
                       "Socket = \"local:%s\";", usual);
}

static void check_values(doctor_t *doctor)
{
        const config_t *config = doctor->config;
        findings_t *findings = &doctor->findings;
        finding_t *finding;

        check_socket_set(doctor, "policyd", config->policyd.socket,
                         "/var/spool/postfix/truefrom/policyd.sock");
        check_socket_set(doctor, "milter", config->milter.socket,
                         "/var/spool/postfix/truefrom/milter.sock");
        if (config->authserv_id_implicit) {
                finding = finding_add(findings, SEVERITY_NOTE, "authserv-id", NULL,
                                      "AuthservID is not set: it is this host's name, %s",
                                      config->authserv_id);
                finding_means(findings, finding,
                              "Set it, so that it stays what the DKIM milter has.");
                finding_change(findings, finding, doctor->options.config_path, NULL,
                               "AuthservID = \"%s\";", config->authserv_id);
        }
        if (!config->milter.reject_failures) {
                finding =
                    finding_add(findings, SEVERITY_NOTE, "annotate-only", NULL,
                                "RejectFailures is off: mail that fails is marked and logged, "
                                "nothing is rejected or held");
                finding_means(findings, finding, "Once the log shows only what should fail:");
                finding_change(findings, finding, doctor->options.config_path, "group milter",
                               "RejectFailures = true;");
        }
}

void doctor_check_config(doctor_t *doctor)
{
        const char *path = doctor->options.config_path;

        doctor->config = config_load(path, CONFIG_TOOL, on_config_error, doctor);
        if (doctor->config == NULL) {
                finding_add(&doctor->findings, SEVERITY_NOTE, "skipped", NULL,
                            "without a configuration that loads, sockets, milters, the policy "
                            "service, the store and OpenDKIM were not looked at");
                return;
        }
        finding_add(&doctor->findings, SEVERITY_OK, "config", NULL, "%s loads", path);
        config_check_files(doctor->config, on_file_error, doctor);
        check_values(doctor);
}

/* The first address of a member of mynetworks: "192.0.2.0/24", "[2001:db8::]/32". */
static bool network_address(const char *network, address_t *address)
{
        char text[ADDRESS_TEXT_SIZE];
        size_t len;

        if (*network == '[')
                network++;
        len = strcspn(network, "]/");
        if (len >= sizeof(text))
                return false;
        memcpy(text, network, len);
        text[len] = '\0';
        return address_parse(text, address);
}

/* A member of mynetworks as a line of ignore.hosts. */
static const char *ignore_line(arena_t *arena, const char *network)
{
        size_t len;

        if (*network != '[')
                return network;
        len = strcspn(network, "]");
        return network[len] == ']'
                   ? arena_printf(arena, "%.*s%s", (int)len - 1, network + 1, network + len + 1)
                   : network;
}

/* Does mail come back to this host from itself? */
static bool reinjects(const postfix_t *postfix)
{
        if (*postfix_value(postfix, NULL, "content_filter") != '\0')
                return true;
        for (size_t i = 0; i < postfix->service_count; i++) {
                const postfix_service_t *service = &postfix->services[i];

                if (doctor_role(postfix, service) == ROLE_INTERNAL ||
                    *postfix_value(postfix, service, "content_filter") != '\0')
                        return true;
        }
        return false;
}

static void on_ignore_error(void *context, unsigned line, const char *message)
{
        (void)context;
        (void)line;
        (void)message; /* reported by config_check_files */
}

static void check_loopback(doctor_t *doctor, ignore_file_t *ignored)
{
        findings_t *findings = &doctor->findings;
        address_t loopback;
        finding_t *finding;
        bool again;

        if (!address_parse("127.0.0.1", &loopback) || ignore_file_match(ignored, &loopback, NULL))
                return;
        again = reinjects(doctor->postfix);
        finding = finding_add(findings, again ? SEVERITY_WARNING : SEVERITY_NOTE, "ignore-loopback",
                              NULL, "IgnoreHosts does not have 127.0.0.1");
        finding_means(
            findings, finding,
            again ? "Mail that a content filter hands back to Postfix is evaluated again, as "
                    "if this host had sent it, and fails."
                  : "Mail that programs of this host send by SMTP is evaluated.");
        finding_change(findings, finding, doctor->config->ignore_hosts, NULL, "127.0.0.0/8");
        finding_change(findings, finding, doctor->config->ignore_hosts, NULL, "::1");
}

static bool is_loopback(const address_t *address)
{
        static const uint8_t ipv6_loopback[16] = {[15] = 1};

        return (address_is_ipv4(address) && address->octets[12] == 127) ||
               memcmp(address->octets, ipv6_loopback, sizeof(ipv6_loopback)) == 0;
}

/* Where lines are to be added. Without a file there must be one first, and it must have what is
 * ignored without it. */
static const char *ignore_path(doctor_t *doctor, finding_t *finding)
{
        static const char usual[] = "/etc/truefrom/ignore.hosts";
        findings_t *findings = &doctor->findings;

        if (doctor->config->ignore_hosts != NULL)
                return doctor->config->ignore_hosts;
        finding_change(findings, finding, doctor->options.config_path, NULL,
                       "IgnoreHosts = \"%s\";", usual);
        finding_change(findings, finding, usual, NULL, "127.0.0.0/8");
        finding_change(findings, finding, usual, NULL, "::1");
        return usual;
}

static void check_networks(doctor_t *doctor, ignore_file_t *ignored)
{
        findings_t *findings = &doctor->findings;
        finding_t *finding = NULL;
        const char *path = NULL;
        postfix_list_t networks;

        if (postfix_split(doctor->arena, postfix_value(doctor->postfix, NULL, "mynetworks"),
                          &networks) != 0) {
                findings->failed = true;
                return;
        }
        for (size_t i = 0; i < networks.count; i++) {
                address_t address;

                if (!network_address(networks.items[i], &address) || is_loopback(&address) ||
                    ignore_file_match(ignored, &address, NULL))
                        continue;
                if (finding == NULL) {
                        finding = finding_add(findings, SEVERITY_NOTE, "ignore-mynetworks", NULL,
                                              "not all of mynetworks is in IgnoreHosts");
                        finding_means(
                            findings, finding,
                            "Mail from there is evaluated, though Postfix trusts it. Unless "
                            "that is wanted:");
                        path = ignore_path(doctor, finding);
                }
                finding_change(findings, finding, path, NULL, "%s",
                               ignore_line(doctor->arena, networks.items[i]));
        }
}

void doctor_check_networks(doctor_t *doctor)
{
        ignore_file_t *ignored;

        if (ignore_file_open(doctor->config->ignore_hosts, on_ignore_error, NULL, &ignored) != 0)
                return; /* config_load has said why */
        check_loopback(doctor, ignored);
        check_networks(doctor, ignored);
        ignore_file_free(ignored);
}
