/*
 * config.h - truefrom.conf (contract section 2)
 *
 * A loaded configuration is immutable and counted by reference, so that a reload swaps a pointer
 * while messages finish with the one that they began with.
 */
#ifndef TRUEFROM_APP_CONFIG_H
#define TRUEFROM_APP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/app/log.h"
#include "common/policy/override.h"

/** From the strictest to the mildest. */
enum config_action { ACTION_REJECT, ACTION_HOLD, ACTION_ACCEPT };
/** RequiredHeaders; false and true are the first two. */
enum config_required { REQUIRED_NONE, REQUIRED_ALL, REQUIRED_FROM };
enum config_temp_error { TEMP_ERROR_TEMPFAIL, TEMP_ERROR_ACCEPT };

/** A list of strings. */
typedef struct config_strings {
        const char *const *items;
        size_t count;
        size_t room; /**< of the loader, while it grows */
} config_strings_t;

/** Which program reads it: only its own Socket is required, by the tool none; CONFIG_BOTH: what
 * both daemons need. */
enum config_program { CONFIG_POLICYD, CONFIG_MILTER, CONFIG_TOOL, CONFIG_BOTH };

typedef struct config {
        int64_t read_us;                       /**< when reading the file began, since 1970 */
        const char *authserv_id;               /**< AuthservID, resolved; never NULL */
        bool authserv_id_implicit;             /**< AuthservID was not set */
        config_strings_t trusted_authserv_ids; /**< never empty */
        const char *ignore_hosts;              /**< NULL = unset */
        config_strings_t
            ignore_mail_from; /**< normalized domains, with "." in front = those below */
        bool ignore_authenticated_clients;
        config_strings_t nameservers; /**< empty = resolv.conf */
        unsigned dns_timeout;         /**< seconds */
        const char *state_directory;
        unsigned state_lifetime; /**< seconds */
        unsigned state_size;     /**< MiB */
        const char *history_directory;
        enum log_target log_target;
        const char *user_id; /**< "user" or "user:group"; NULL = unset */
        const char *umask_text;
        mode_t umask_bits; /**< umask_text as a number */
        struct {
                const char *socket;
                const char *metrics_socket; /**< NULL = unset */
                bool add_received_spf;
                bool reject_spf_fail;
        } policyd;
        struct {
                const char *socket;
                const char *metrics_socket; /**< NULL = unset */
                bool reject_failures;
                enum config_action reject_action;
                enum config_action quarantine_action;
                enum config_required required_headers;
                bool spf_self_validate;
                bool spf_ignore_results;
                const char *reject_string;    /**< exactly one %s, no other conversion: checked */
                const char *copy_failures_to; /**< NULL = unset */
                enum config_temp_error on_temp_error;
                override_list_t overrides; /**< empty = none */
        } milter;
} config_t;

/** Called for each error found; `message` has no newline. */
typedef void config_error_fn(void *context, const char *file, unsigned line, const char *message);

/**
 * Load and check a file and the files that it names (IgnoreHosts must be readable and its lines are
 * checked). Reports every error that it can find, not just the first.
 * @return the configuration (config_release), or NULL after at least one call of `error`
 */
const config_t *config_load(const char *path, enum config_program program, config_error_fn *error,
                            void *context);

/** Report an error at the line of an option, such as "milter.Socket": for what is found after the
 * configuration was loaded. Line 1 where the file does not have the option. */
void config_report(const char *path, const char *option, const char *message,
                   config_error_fn *error, void *context);

/**
 * Check the contents of the files that a configuration names: each broken line of IgnoreHosts is an
 * error (a daemon skips such lines). For -t.
 * @return true when there was none
 */
bool config_check_files(const config_t *config, config_error_fn *error, void *context);

/** Take and give back a reference. Thread-safe. NULL is fine for release. */
const config_t *config_retain(const config_t *config);
void config_release(const config_t *config);

#endif
