/*
 * handling.h - what the operator's settings make of a verdict
 */
#ifndef TRUEFROM_APP_HANDLING_H
#define TRUEFROM_APP_HANDLING_H

#include <stdbool.h>

#include "common/app/config.h"
#include "common/policy/override.h"

typedef struct handling {
        bool enforce; /**< false: accept whatever the verdict; the rest then means nothing */
        enum config_action on_reject;
        enum config_action on_quarantine;
        enum config_temp_error on_open;
} handling_t;

/**
 * RejectFailures, RejectAction, QuarantineAction and OnTempError, as changed by an override.
 * OVERRIDE_QUARANTINE: what would be rejected becomes what QuarantineAction does; where that is
 * "reject" too, held. Never more than without it. A verdict that is open stays OnTempError's
 * affair: to hold it would need a hand for mail that may well pass a minute later.
 * @param override the entry that matched, or NULL
 */
handling_t handling_of(const config_t *config, const override_t *override);

#endif
