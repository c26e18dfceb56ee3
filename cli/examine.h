/*
 * examine.h - what the milter would find of a message, and do with it
 *
 * For the sub-commands that evaluate without a mail server. SPF is evaluated anew when the client
 * is known; else a believed spf= result stands. DKIM is never verified here: its results are those
 * of believed Authentication-Results fields, or given by the user.
 */
#ifndef TRUEFROM_CLI_EXAMINE_H
#define TRUEFROM_CLI_EXAMINE_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/command.h"
#include "common/app/config.h"
#include "common/app/rules.h"
#include "common/auth/evaluate.h"
#include "common/auth/gather.h"
#include "common/auth/spf.h"
#include "common/mail/fields.h"
#include "common/mail/from.h"
#include "common/policy/ignore.h"
#include "common/policy/override_input.h"

/** A growing list of strings; they are the user's, the array is an arena's. */
typedef struct text_list {
        const char **items;
        size_t count, room;
} text_list_t;

/** @return 0 or -ENOMEM */
int text_list_add(arena_t *arena, text_list_t *list, const char *item);

/** What all messages of one run share; threads may share it too. */
typedef struct examiner {
        const config_t *config;
        ignore_file_t *ignore;
        resolver_t *resolver;
} examiner_t;

/**
 * Load the configuration (or, without -c and without the default file, the defaults), and what it
 * takes to evaluate by it.
 * @param nameservers in place of Nameservers, unless it is empty
 * @param observer, context as dns_config_t has them
 * @return 0 (examiner_close), or the exit status after a message on stderr
 */
int examiner_open(const command_options_t *options, const text_list_t *nameservers,
                  dns_observer_fn *observer, void *context, examiner_t *examiner);
void examiner_close(examiner_t *examiner);

/** What is known of one message. */
typedef struct subject {
        bool has_client;
        address_t client;
        const char *client_name; /**< verified host name, or NULL */
        const char *helo;        /**< policy-service form (envelope.h); "" = unknown */
        const char *sender;      /**< policy-service form; NULL = unknown */
        bool authenticated;      /**< the client had logged in */
        fields_count_t fields;
        const from_field_t *from;
        size_t from_count;
        const authres_field_t *authres;
        size_t authres_count;
        gather_signatures_t signatures;
        struct override_input *override_input; /**< NULL = there are no Overrides */
        bool dkim_given; /**< the two below are in place of what the fields say */
        const dmarc_identifier_t *dkim;
        size_t dkim_count;
} subject_t;

/** Nothing is known yet. @return 0 or -ENOMEM */
int subject_init(const examiner_t *examiner, arena_t *arena, subject_t *subject);

/** Why the milter would not evaluate the message. */
enum spared { SPARED_NOT, SPARED_CLIENT, SPARED_AUTHENTICATED, SPARED_AUTHOR };

/** "client", "authenticated", "author"; NULL for SPARED_NOT. */
const char *spared_name(enum spared spared);

/** Where the SPF result is from. */
enum spf_source { SPF_FROM_NOWHERE, SPF_FROM_DNS, SPF_FROM_FIELD };

/** Memory is the arena's. */
typedef struct examination {
        from_author_t author;
        enum spared spared;
        const char *nonconformance; /**< why RequiredHeaders would reject it, or NULL */
        gathered_t gathered;
        const override_t *override;     /**< the entry of Overrides that matches, or NULL */
        const dmarc_identifier_t *dkim; /**< that count */
        size_t dkim_count;
        enum spf_source spf_source;
        spf_outcome_t spf;
        evaluation_t evaluation;
} examination_t;

/* The steps, in this order; @return 0 or -ENOMEM. */

/** Read the fields, and what the settings say of the message. @param observer NULL = nobody */
int examine_fields(const examiner_t *examiner, arena_t *arena, const subject_t *subject,
                   gather_observer_fn *observer, void *context, examination_t *out);

/** SPF. @param evaluator of this thread; @param deadline_ms as dns_query, of both steps */
void examine_spf(spf_evaluator_t *evaluator, const subject_t *subject, int64_t deadline_ms,
                 examination_t *out);

/** DMARC: out->evaluation. */
int examine_dmarc(const examiner_t *examiner, arena_t *arena, int64_t deadline_ms,
                  examination_t *out);

#define EXAMINE_LIMIT_MS 20000 /**< for SPF and DMARC together, as in the milter */

/** Whether RequiredHeaders refuses it. DMARC's refusal goes before that. @param enforce as below */
bool examine_breaks_rules(const examiner_t *examiner, const examination_t *examination,
                          bool enforce);

/** What the milter would do. @param enforce in place of RejectFailures; an entry of Overrides that
 * matches decides all the same */
enum decision_kind examine_decide(const examiner_t *examiner, const examination_t *examination,
                                  bool enforce);

/** What it would say: "550 5.7.1 …", "451 4.7.1 …", the hold reason, or "".
 * @return a text in the arena, or NULL when memory is out */
const char *examine_reply(const examiner_t *examiner, arena_t *arena,
                          const examination_t *examination, bool enforce);

/** "accept", "hold", "reject" or "tempfail". */
const char *decision_name(enum decision_kind decision);

/** "accept", "quarantine", "reject" or "open". */
const char *verdict_name(enum verdict verdict);

#endif
