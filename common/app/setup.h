/*
 * setup.h - what a reload replaces as a whole: configuration, ignore list, resolver
 *
 * Counted by reference: a message finishes with the setup that it began with. Thread-safe, and
 * unchanging but for the reference count.
 */
#ifndef TRUEFROM_APP_SETUP_H
#define TRUEFROM_APP_SETUP_H

#include <stdatomic.h>

#include "common/app/config.h"
#include "common/dns/resolver.h"
#include "common/metrics/metrics.h"
#include "common/policy/ignore.h"

#define SETUP_TICK_SECONDS 2

typedef struct setup {
        const config_t *config;
        ignore_file_t *ignore;
        resolver_t *resolver;
        atomic_uint references;
} setup_t;

/**
 * Open what a configuration names.
 * @param config taken over, even on failure
 * @param metrics where the resolver's answers are counted (monitor_observe_dns), and which must
 * outlive the setup; NULL = nowhere
 * @return the setup (setup_release), or NULL after logging why
 */
setup_t *setup_create(const config_t *config, metrics_t *metrics);

/** Look whether ignore.hosts has changed, or can no longer be read: every SETUP_TICK_SECONDS, so
 * that it is seen (and logged) where no mail comes. Any thread that holds a reference. */
void setup_tick(setup_t *setup);

setup_t *setup_retain(setup_t *setup);

/** NULL is fine. */
void setup_release(setup_t *setup);

#endif
