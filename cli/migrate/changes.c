/* What becomes of mail that OpenDMARC 1.4.2 treated otherwise. */
#include <stdbool.h>
#include <string.h>

#include "cli/migrate/next.h"

enum when {
        ALWAYS,
        ENFORCED,       /* RejectFailures */
        REQUIRED,       /* RequiredHeaders */
        EVALUATED_EACH, /* RejectFailures, and several authors are no error in themselves */
};

static const struct {
        enum when when;
        const char *text;
} changes[] = {
    {REQUIRED, "Several author domains in one From field: OpenDMARC accepts (250) unless "
               "RejectMultiValueFrom; refused now (550), by RequiredHeaders."},
    {REQUIRED, "Several Sender fields: OpenDMARC does not count them; refused now (550), by "
               "RequiredHeaders."},
    {EVALUATED_EACH,
     "Several author domains: OpenDMARC accepts without evaluation; now each is "
     "evaluated and the strictest outcome counts (550 instead of 250 for a spoof)."},
    {ENFORCED, "DNS trouble (SERVFAIL, no answer) on the way to a policy: OpenDMARC accepts with "
               "dmarc=none; deferred now (451). OnTempError = \"accept\" accepts."},
    {ALWAYS, "np=: OpenDMARC does not know it; now it is the policy for names that do not exist."},
    {ALWAYS, "pct=: OpenDMARC takes a sample; RFC 9989 has no pct, the policy counts for all. "
             "t=y, unknown to OpenDMARC, asks for one step less."},
    {ALWAYS, "Organizational domains come from the DNS (RFC 9989), not from PublicSuffixList."},
    {ALWAYS, "Received-SPF fields are not read, and smtp.helo counts for the null sender only: SPF "
             "comes from truefrom-policyd."},
    {ALWAYS, "Authentication-Results: one field with spf= and dmarc=, where OpenDMARC adds two."},
};

static bool truth(const opendmarc_conf_t *conf, const char *name)
{
        const opendmarc_setting_t *setting = opendmarc_conf_get(conf, name);

        return setting != NULL && setting->truth;
}

static bool applies(enum when when, const opendmarc_conf_t *conf)
{
        const bool required = truth(conf, "RequiredHeaders");
        const bool enforced = truth(conf, "RejectFailures");

        switch (when) {
        case ENFORCED:
                return enforced;
        case REQUIRED:
                return required;
        case EVALUATED_EACH:
                return enforced && !required;
        case ALWAYS:
                break;
        }
        return true;
}

void migrate_print_changes(FILE *out, const opendmarc_conf_t *conf)
{
        fputs("Treated otherwise than by OpenDMARC:\n", out);
        for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++)
                if (applies(changes[i].when, conf))
                        fprintf(out, "- %s\n", changes[i].text);
}
