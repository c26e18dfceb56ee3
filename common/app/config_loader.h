/*
 * config_loader.h - what the parts of the configuration's loader share
 *
 * Internal to common/app.
 */
#ifndef TRUEFROM_APP_CONFIG_LOADER_H
#define TRUEFROM_APP_CONFIG_LOADER_H

/* libconfig has a config_t of its own */
#define config_t libconfig_t
#include <libconfig.h>
#undef config_t

#include "common/app/config.h"
#include "common/app/config_schema.h"
#include "common/base/arena.h"

/** What a config_t lives in. */
struct holder {
        config_t config; /**< first: a config_t is its holder */
        arena_t *arena;
        unsigned references;
};

struct loader {
        const char *path;
        struct holder *holder;
        config_error_fn *error;
        void *context;
        bool failed;
        bool out_of_memory; /**< reported; nothing is read from here on */
};

/** Read the file into `parsed` (initialized). @return false after reporting why it cannot be */
bool loader_parse(struct loader *loader, libconfig_t *parsed);

/** Report an error. @param setting where it is; NULL = line 1 of the file */
void loader_report(struct loader *loader, const config_setting_t *setting, const char *message);

/** As loader_report, with the option's name in front; a message that does not fit is cut. */
void loader_report_option(struct loader *loader, const config_setting_t *setting, const char *name,
                          const char *message, const char *more);

/** Report that memory is out, once. */
void loader_report_memory(struct loader *loader);

/** A copy in the configuration's memory; NULL after reporting that memory is out. */
const char *loader_keep(struct loader *loader, const char *text, size_t len);

/** Read the option Overrides into config->milter.overrides. */
void loader_read_overrides(struct loader *loader, const config_setting_t *setting);

/** Give back what overrides hold outside of the arena. */
void overrides_release(const override_list_t *overrides);

#endif
