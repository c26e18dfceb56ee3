/*
 * override.h - exceptions from the general handling of failures (option milter.Overrides)
 *
 * The operator's entries in order; the first whose conditions all hold decides. Pure, and
 * unchanging once compiled: any thread.
 *
 * A message has one fate, but may have several author domains and several recipients. An entry that
 * relaxes (annotate, quarantine) must hold for every one of them: otherwise a spoofed author could
 * hide behind a listed one, and a recipient be exposed by another. An entry that enforces needs
 * only one.
 */
#ifndef TRUEFROM_POLICY_OVERRIDE_H
#define TRUEFROM_POLICY_OVERRIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/address.h"
#include "common/policy/ignore.h"

enum override_action {
        OVERRIDE_ENFORCE,   /**< as if RejectFailures were on */
        OVERRIDE_ANNOTATE,  /**< as if RejectFailures were off */
        OVERRIDE_QUARANTINE /**< as enforce, but nothing worse than the hold queue */
};

/** Entries as domain_matches takes them; any of them is enough; none = no such condition. */
typedef struct override_patterns {
        const char *const *items;
        size_t count;
} override_patterns_t;

/** One entry. It has at least one condition. */
typedef struct override {
        const char *name; /**< a token (RFC 2045), or "#3" for the third entry without a name */
        enum override_action action;
        override_patterns_t author_domains;
        override_patterns_t recipient_domains;
        override_patterns_t list_ids;
        override_patterns_t arc_sealers;
        ignore_list_t *clients; /**< NULL = no such condition */
} override_t;

/** All entries. Memory is the configuration's. */
typedef struct override_list {
        const override_t *items;
        size_t count;
        bool wants_recipients; /**< some entry has that condition … */
        bool wants_list_id;
        bool wants_arc_sealer;
} override_list_t;

/** What entries are held against. Domains are normalized. */
typedef struct override_facts {
        const char *const *author_domains;
        size_t author_count;
        bool authors_incomplete; /**< the From field hides further ones */
        const address_t *client; /**< NULL = unknown */
        const char *client_name; /**< verified, or NULL */
        const char *const *recipient_domains;
        size_t recipient_count;     /**< 0 = not known */
        bool recipients_incomplete; /**< there are further ones, or some without a domain */
        const char *list_id;        /**< NULL = none, or several */
        const char *arc_sealer;     /**< verified, or NULL */
} override_facts_t;

/** The entry that decides, or NULL. */
const override_t *override_find(const override_list_t *list, const override_facts_t *facts);

#endif
