#include "cli/migrate/maincf.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define POLICY_SOCKET     "truefrom/policyd.sock"
#define POLICY_SERVICE    "{ unix:" POLICY_SOCKET ", timeout=30s, default_action=DUNNO }"
#define POLICY            "check_policy_service " POLICY_SERVICE
#define DATA_RESTRICTIONS "reject_unauth_pipelining, " POLICY
#define FORGED_RESULTS    "regexp:{{/^Authentication-Results:/ IGNORE}}"
#define QUEUE_DIRECTORY   "/var/spool/postfix/"
#define OPENDKIM          "unix:opendkim/opendkim.sock" /* as documented */

typedef struct maker {
        arena_t *arena;
        const postfix_t *postfix;
        const char *theirs, *ours;
        maincf_t *result;
} maker_t;

/* Is one to be left out of a list? */
typedef bool unwanted_fn(const maker_t *maker, const char *item);

static int add(const maker_t *maker, const char *service, const char *name, const char *value)
{
        maincf_t *result = maker->result;
        maincf_line_t *grown;

        if (value == NULL)
                return -ENOMEM;
        grown =
            arena_grow(maker->arena, result->lines, result->count, &result->room, sizeof(*grown));
        if (grown == NULL)
                return -ENOMEM;
        result->lines = grown;
        grown[result->count++] = (maincf_line_t){.service = service, .name = name, .value = value};
        return 0;
}

/* What stands in main.cf, with the names of other parameters replaced. */
static const char *written(const maker_t *maker, const char *name)
{
        const postfix_setting_t *setting = postfix_find(maker->postfix, NULL, name, NULL);

        if (setting == NULL)
                return "";
        return strchr(setting->value, '$') != NULL ? setting->expanded : setting->value;
}

static const char *after_colon(const char *socket)
{
        const char *colon = strchr(socket, ':');

        return colon != NULL ? colon + 1 : socket;
}

static bool is_inet(const char *socket)
{
        return strncasecmp(socket, "inet", 4) == 0;
}

/* "inet:8893@localhost" here is "inet:localhost:8893" there: OpenDMARC's port on this host. */
static bool same_port(const char *ours, const char *postfix)
{
        static const char *const here[] = {"localhost:", "127.0.0.1:", "[127.0.0.1]:", "[::1]:"};
        size_t digits = strcspn(after_colon(ours), "@");
        const char *rest = after_colon(postfix);

        for (size_t i = 0; i < sizeof(here) / sizeof(*here); i++) {
                size_t len = strlen(here[i]);

                if (strncasecmp(rest, here[i], len) == 0)
                        return strlen(rest + len) == digits &&
                               strncmp(rest + len, after_colon(ours), digits) == 0;
        }
        return false;
}

/* A path as it is below the queue directory, where a chroot may be. */
static const char *below_queue(const char *path)
{
        if (strncmp(path, QUEUE_DIRECTORY, strlen(QUEUE_DIRECTORY)) == 0)
                path += strlen(QUEUE_DIRECTORY);
        return path + strspn(path, "/");
}

static bool same_path(const char *ours, const char *postfix)
{
        return strcmp(below_queue(after_colon(ours)), below_queue(after_colon(postfix))) == 0;
}

static bool is_opendmarc(const maker_t *maker, const char *socket)
{
        if (strcasestr(socket, "opendmarc") != NULL)
                return true;
        if (maker->theirs == NULL || is_inet(socket) != is_inet(maker->theirs))
                return false;
        return is_inet(socket) ? same_port(maker->theirs, socket)
                               : same_path(maker->theirs, socket);
}

static bool opendmarc_or_ours(const maker_t *maker, const char *item)
{
        const char *socket = postfix_socket(maker->arena, item);

        return socket != NULL &&
               (strstr(socket, "truefrom/milter.sock") != NULL ||
                strcasecmp(socket, maker->ours) == 0 || is_opendmarc(maker, socket));
}

/* An SPF service: ours stands once, and no other beside it. */
static bool spf_service(const maker_t *maker, const char *item)
{
        const char *service = postfix_argument(item, "check_policy_service");

        (void)maker;
        return service != NULL &&
               (strcasestr(service, "spf") != NULL || strstr(service, POLICY_SOCKET) != NULL);
}

static bool leave_out(const maker_t *maker, postfix_list_t *list, unwanted_fn *unwanted)
{
        size_t kept = 0;
        bool found = false;

        for (size_t i = 0; i < list->count; i++) {
                if (unwanted(maker, list->items[i]))
                        found = true;
                else
                        list->items[kept++] = list->items[i];
        }
        list->count = kept;
        return found;
}

static const char *join(const maker_t *maker, const postfix_list_t *list, size_t at,
                        const char *insert)
{
        return postfix_join(maker->arena, list, at, insert, list->count);
}

/* Ours comes last, so behind OpenDKIM. */
static int smtpd_milters(const maker_t *maker)
{
        postfix_list_t list;

        if (postfix_split(maker->arena, written(maker, "smtpd_milters"), &list) != 0)
                return -ENOMEM;
        leave_out(maker, &list, opendmarc_or_ours);
        return add(maker, NULL, "smtpd_milters", join(maker, &list, list.count, maker->ours));
}

/* Mail of this host's own programs has no client to evaluate: signing it remains. */
static int non_smtpd_milters(const maker_t *maker)
{
        postfix_list_t list;

        if (postfix_split(maker->arena, written(maker, "non_smtpd_milters"), &list) != 0)
                return -ENOMEM;
        leave_out(maker, &list, opendmarc_or_ours);
        return add(maker, NULL, "non_smtpd_milters", join(maker, &list, 0, NULL));
}

/* In master.cf a value has no blanks: in a list a comma does as well. */
static const char *without_blanks(const maker_t *maker, const char *value)
{
        char *text = value != NULL ? arena_strdup(maker->arena, value) : NULL;
        char *end = text;

        for (const char *at = text; at != NULL && *at != '\0'; at++) {
                if (*at != ' ' && *at != '\t')
                        *end++ = *at;
                else if (end > text && strchr(",{", end[-1]) == NULL &&
                         strchr(" \t,}", at[1]) == NULL)
                        *end++ = ',';
        }
        if (text != NULL)
                *end = '\0';
        return text;
}

/* Services whose own list in master.cf names OpenDMARC. */
static int services(const maker_t *maker)
{
        for (size_t i = 0; i < maker->postfix->service_count; i++) {
                const postfix_service_t *service = &maker->postfix->services[i];
                bool overridden = false;
                const postfix_setting_t *setting =
                    postfix_find(maker->postfix, service, "smtpd_milters", &overridden);
                postfix_list_t list;

                if (!overridden)
                        continue;
                if (postfix_split(maker->arena, setting->value, &list) != 0)
                        return -ENOMEM;
                if (leave_out(maker, &list, opendmarc_or_ours) &&
                    add(maker, service->label, "smtpd_milters",
                        without_blanks(maker, join(maker, &list, list.count, maker->ours))) != 0)
                        return -ENOMEM;
        }
        return 0;
}

/* Does nothing behind it count for mail to this host? */
static bool ends_the_list(const char *item)
{
        static const char *const names[] = {"permit", "reject", "defer", "permit_auth_destination"};

        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
                if (strcasecmp(item, names[i]) == 0)
                        return true;
        return false;
}

/* Where a policy service belongs: once the recipient is known to be ours, and before what ends
 * the list for it. */
static size_t policy_place(const postfix_list_t *list)
{
        for (size_t i = 0; i < list->count; i++) {
                if (ends_the_list(list->items[i]))
                        return i;
                if (strcasecmp(list->items[i], "reject_unauth_destination") == 0 ||
                    strcasecmp(list->items[i], "defer_unauth_destination") == 0)
                        return i + 1;
        }
        return list->count;
}

static int restrictions(const maker_t *maker, const char *name, const char *when_empty)
{
        const char *value = written(maker, name);
        postfix_list_t list;

        if (*value == '\0')
                return add(maker, NULL, name, when_empty);
        if (postfix_split_restrictions(maker->arena, value, &list) != 0)
                return -ENOMEM;
        leave_out(maker, &list, spf_service);
        return add(maker, NULL, name, join(maker, &list, policy_place(&list), POLICY));
}

/* Forged Authentication-Results go before any milter sees them; what was checked stays. */
static int header_checks(const maker_t *maker)
{
        const char *value = written(maker, "header_checks");
        const char *const inner[] = {"mime_header_checks", "nested_header_checks"};

        if (strstr(value, "Authentication-Results") != NULL)
                return add(maker, NULL, "header_checks", value);
        if (add(maker, NULL, "header_checks",
                arena_printf(maker->arena, FORGED_RESULTS "%s%s", *value != '\0' ? ", " : "",
                             value)) != 0)
                return -ENOMEM;
        /* by default these are header_checks, which would look into attached messages */
        for (size_t i = 0; i < sizeof(inner) / sizeof(*inner); i++) {
                const postfix_setting_t *setting =
                    postfix_find(maker->postfix, NULL, inner[i], NULL);

                if (setting != NULL && strcmp(setting->value, "$header_checks") == 0 &&
                    add(maker, NULL, inner[i], value) != 0)
                        return -ENOMEM;
        }
        return 0;
}

/* Against messages smuggled behind others; only where this Postfix knows it and allows them. */
static int bare_newlines(const maker_t *maker)
{
        if (postfix_find(maker->postfix, NULL, "smtpd_forbid_bare_newline", NULL) == NULL ||
            strcasecmp(written(maker, "smtpd_forbid_bare_newline"), "no") != 0)
                return 0;
        return add(maker, NULL, "smtpd_forbid_bare_newline", "yes");
}

#define NETWORKS_FIRST "permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination, "

static int documented(const maker_t *maker)
{
        const struct {
                const char *name, *value;
        } lines[] = {
            {"smtpd_recipient_restrictions", NETWORKS_FIRST POLICY},
            {"smtpd_data_restrictions", DATA_RESTRICTIONS},
            {"smtpd_milters", arena_printf(maker->arena, OPENDKIM ", %s", maker->ours)},
            {"non_smtpd_milters", OPENDKIM},
            {"milter_default_action", "tempfail"},
            {"header_checks", FORGED_RESULTS},
            {"mime_header_checks", ""},
            {"nested_header_checks", ""},
            {"smtpd_forbid_bare_newline", "yes"},
        };

        for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
                if (add(maker, NULL, lines[i].name, lines[i].value) != 0)
                        return -ENOMEM;
        return 0;
}

int maincf_make(arena_t *arena, const postfix_t *postfix, const char *theirs, const char *ours,
                maincf_t *result)
{
        const maker_t maker = {arena, postfix, theirs, ours, result};

        memset(result, 0, sizeof(*result));
        if (postfix == NULL)
                return documented(&maker);
        if (restrictions(&maker, "smtpd_recipient_restrictions", NETWORKS_FIRST POLICY) != 0 ||
            restrictions(&maker, "smtpd_data_restrictions", DATA_RESTRICTIONS) != 0 ||
            smtpd_milters(&maker) != 0 || non_smtpd_milters(&maker) != 0 ||
            add(&maker, NULL, "milter_default_action", "tempfail") != 0 ||
            header_checks(&maker) != 0 || bare_newlines(&maker) != 0 || services(&maker) != 0)
                return -ENOMEM;
        return 0;
}
