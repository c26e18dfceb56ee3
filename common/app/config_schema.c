#include "common/app/config_schema.h"

#include <string.h>
#include <strings.h>

#include "common/app/endpoint.h"
#include "common/app/opendmarc.h"
#include "common/dns/resolver.h"
#include "common/mail/domain.h"

#define REJECT_STRING_MAX 400

static const char *const log_targets[] = {"stderr", "syslog", NULL};
static const char *const actions[] = {"reject", "hold", "accept", NULL};
static const char *const required_headers[] = {"false", "true", "from", NULL};
static const char *const temp_error_actions[] = {"tempfail", "accept", NULL};

static const char *check_socket(const char *value)
{
        const char *why;

        return endpoint_valid(value, &why) ? NULL : why;
}

static const char *check_nameserver(const char *value)
{
        return dns_nameserver_valid(value)
                   ? NULL
                   : "not a name server: must be \"ADDRESS\" or \"ADDRESS@PORT\"";
}

static const char *check_domain(const char *value)
{
        char domain[DOMAIN_SIZE];

        if (*value == '.')
                value++;
        return domain_normalize(value, strlen(value), domain) == 0
                   ? NULL
                   : "not a domain name: must be such as \"example.org\" or \".example.org\"";
}

static const char *check_path(const char *value)
{
        return *value == '/' ? NULL : "must be a path that begins with /";
}

static const char *check_path_or_empty(const char *value)
{
        return *value == '\0' ? NULL : check_path(value);
}

static const char *check_printable(const char *value)
{
        for (const char *at = value; *at != '\0'; at++)
                if (*at < 0x20 || *at > 0x7e)
                        return "only printable ASCII is allowed";
        return *value != '\0' ? NULL : "must not be empty";
}

static const char *check_reject_string(const char *value)
{
        const char *why = check_printable(value);
        const char *percent = strchr(value, '%');

        if (why != NULL)
                return why;
        if (percent == NULL || percent[1] != 's' || strchr(percent + 1, '%') != NULL)
                return "must have exactly one %s, which stands for the domain, and no other %";
        return strlen(value) <= REJECT_STRING_MAX ? NULL : "must have at most 400 characters";
}

static const char *check_mailbox(const char *value)
{
        const char *at = strrchr(value, '@');
        char domain[DOMAIN_SIZE];

        if (at == NULL || at == value || strlen(value) > 320 || check_printable(value) != NULL ||
            strpbrk(value, " <>,;") != NULL ||
            domain_normalize(at + 1, strlen(at + 1), domain) != 0)
                return "not a mail address: must be such as \"user@example.org\"";
        return NULL;
}

static const char *check_umask(const char *value)
{
        if (*value == '\0' || strlen(value) > 4 || strspn(value, "01234567") != strlen(value))
                return "must be an octal number such as \"0007\"";
        return NULL;
}

#define TEXT(grp, name, member, value, checker)                                                    \
        {                                                                                          \
                grp, name, OPTION_STRING, offsetof(config_t, member), value, 0, 0, 0, NULL,        \
                    checker                                                                        \
        }
#define LIST(grp, name, member, checker)                                                           \
        {                                                                                          \
                grp, name, OPTION_LIST, offsetof(config_t, member), NULL, 0, 0, 0, NULL, checker   \
        }
#define BOOL(grp, name, member, value)                                                             \
        {                                                                                          \
                grp, name, OPTION_BOOL, offsetof(config_t, member), NULL, value, 0, 0, NULL, NULL  \
        }
#define NUMBER(grp, name, member, value, min, max)                                                 \
        {                                                                                          \
                grp, name, OPTION_NUMBER, offsetof(config_t, member), NULL, value, min, max, NULL, \
                    NULL                                                                           \
        }
#define CHOICE(grp, name, member, value, words)                                                    \
        {                                                                                          \
                grp, name, OPTION_CHOICE, offsetof(config_t, member), value, 0, 0, 0, words, NULL  \
        }
#define SWITCH(grp, name, member, words)                                                           \
        {                                                                                          \
                grp, name, OPTION_SWITCH, offsetof(config_t, member), NULL, 0, 0, 0, words, NULL   \
        }
#define OVERRIDES(grp, name, member)                                                               \
        {                                                                                          \
                grp, name, OPTION_OVERRIDES, offsetof(config_t, member), NULL, 0, 0, 0, NULL, NULL \
        }

const option_schema_t option_schema[] = {
    TEXT(NULL, "AuthservID", authserv_id, "HOSTNAME", check_printable),
    LIST(NULL, "TrustedAuthservIDs", trusted_authserv_ids, check_printable),
    TEXT(NULL, "IgnoreHosts", ignore_hosts, NULL, check_path),
    LIST(NULL, "IgnoreMailFrom", ignore_mail_from, check_domain),
    BOOL(NULL, "IgnoreAuthenticatedClients", ignore_authenticated_clients, true),
    LIST(NULL, "Nameservers", nameservers, check_nameserver),
    NUMBER(NULL, "DNSTimeout", dns_timeout, 5, 1, 20),
    TEXT(NULL, "StateDirectory", state_directory, "/run/truefrom/state", check_path),
    NUMBER(NULL, "StateLifetime", state_lifetime, 3600, 60, 604800),
    NUMBER(NULL, "StateSize", state_size, 256, 1, 65536),
    TEXT(NULL, "HistoryDirectory", history_directory, "/var/lib/truefrom/history",
         check_path_or_empty),
    CHOICE(NULL, "LogTarget", log_target, "syslog", log_targets),
    TEXT(NULL, "UserID", user_id, NULL, check_printable),
    TEXT(NULL, "UMask", umask_text, "0007", check_umask),
    TEXT("policyd", "Socket", policyd.socket, NULL, check_socket),
    TEXT("policyd", "MetricsSocket", policyd.metrics_socket, NULL, check_socket),
    BOOL("policyd", "AddReceivedSPF", policyd.add_received_spf, false),
    BOOL("policyd", "RejectSPFFail", policyd.reject_spf_fail, false),
    TEXT("milter", "Socket", milter.socket, NULL, check_socket),
    TEXT("milter", "MetricsSocket", milter.metrics_socket, NULL, check_socket),
    BOOL("milter", "RejectFailures", milter.reject_failures, false),
    CHOICE("milter", "RejectAction", milter.reject_action, "reject", actions),
    CHOICE("milter", "QuarantineAction", milter.quarantine_action, "hold", actions),
    SWITCH("milter", "RequiredHeaders", milter.required_headers, required_headers),
    BOOL("milter", "SPFSelfValidate", milter.spf_self_validate, true),
    BOOL("milter", "SPFIgnoreResults", milter.spf_ignore_results, false),
    TEXT("milter", "RejectString", milter.reject_string, "rejected by DMARC policy for %s",
         check_reject_string),
    TEXT("milter", "CopyFailuresTo", milter.copy_failures_to, NULL, check_mailbox),
    CHOICE("milter", "OnTempError", milter.on_temp_error, "tempfail", temp_error_actions),
    OVERRIDES("milter", "Overrides", milter.overrides),
};

const size_t option_schema_count = sizeof(option_schema) / sizeof(*option_schema);

const option_schema_t *option_find(const char *group, const char *name)
{
        for (size_t i = 0; i < option_schema_count; i++) {
                const option_schema_t *row = &option_schema[i];

                if ((group == NULL) == (row->group == NULL) &&
                    (group == NULL || strcmp(group, row->group) == 0) &&
                    strcmp(name, row->name) == 0)
                        return row;
        }
        return NULL;
}

const char *option_hint(const char *group, const char *name)
{
        const opendmarc_option_t *opendmarc = opendmarc_option_find(name);

        if (opendmarc != NULL && opendmarc->instead != NULL)
                return opendmarc->instead;
        for (size_t i = 0; i < option_schema_count; i++) {
                const option_schema_t *row = &option_schema[i];

                if (strcasecmp(name, row->name) != 0)
                        continue;
                if (row->group == NULL && group == NULL)
                        return "mind upper and lower case";
                if (row->group == NULL)
                        return "it belongs at the top level, outside of the groups";
                if (group != NULL && strcmp(group, row->group) == 0)
                        return "mind upper and lower case";
                return strcmp(row->group, "milter") == 0 ? "it belongs into the group milter"
                                                         : "it belongs into the group policyd";
        }
        return NULL;
}
