#include "common/app/handling.h"

static enum config_action milder(enum config_action a, enum config_action b)
{
        return a > b ? a : b;
}

handling_t handling_of(const config_t *config, const override_t *override)
{
        handling_t handling = {
            .enforce = config->milter.reject_failures,
            .on_reject = config->milter.reject_action,
            .on_quarantine = config->milter.quarantine_action,
            .on_open = config->milter.on_temp_error,
        };

        if (override == NULL)
                return handling;
        handling.enforce = override->action != OVERRIDE_ANNOTATE;
        if (override->action == OVERRIDE_QUARANTINE) {
                handling.on_quarantine = milder(handling.on_quarantine, ACTION_HOLD);
                handling.on_reject = milder(handling.on_reject, handling.on_quarantine);
        }
        return handling;
}
