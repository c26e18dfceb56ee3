#include "common/base/results.h"

#include <string.h>
#include <strings.h>

static const char *const auth_names[AUTH_RESULT_COUNT] = {
    [AUTH_NONE] = "none",           [AUTH_NEUTRAL] = "neutral",     [AUTH_PASS] = "pass",
    [AUTH_FAIL] = "fail",           [AUTH_SOFTFAIL] = "softfail",   [AUTH_POLICY] = "policy",
    [AUTH_TEMPERROR] = "temperror", [AUTH_PERMERROR] = "permerror",
};

static const char *const policy_names[] = {
    [DMARC_POLICY_NONE] = "none",
    [DMARC_POLICY_QUARANTINE] = "quarantine",
    [DMARC_POLICY_REJECT] = "reject",
};

const char *auth_result_name(enum auth_result result)
{
        return (unsigned)result < AUTH_RESULT_COUNT ? auth_names[result] : "unknown";
}

bool auth_result_parse(const char *word, size_t len, enum auth_result *result)
{
        for (unsigned i = 0; i < AUTH_RESULT_COUNT; i++) {
                if (strlen(auth_names[i]) == len && strncasecmp(auth_names[i], word, len) == 0) {
                        *result = (enum auth_result)i;
                        return true;
                }
        }
        return false;
}

const char *dmarc_policy_name(enum dmarc_policy policy)
{
        return (unsigned)policy <= DMARC_POLICY_REJECT ? policy_names[policy] : "unknown";
}
