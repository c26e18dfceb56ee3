/*
 * authres.h - Authentication-Results fields in and out (RFC 8601)
 *
 * Pure, without recursion, bounded by the limits below. Whether a field is to be believed is not
 * decided here (contract 5.2).
 */
#ifndef TRUEFROM_MAIL_AUTHRES_H
#define TRUEFROM_MAIL_AUTHRES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/results.h"

#define AUTHRES_LENGTH_MAX    65536 /**< octets of a field body; longer is malformed */
#define AUTHRES_RESULTS_MAX   1000  /**< results in a field; more is malformed */
#define AUTHRES_COMMENT_DEPTH 100   /**< nesting of comments; deeper is malformed */

/** Property types: those of RFC 8601 2.2 and the IANA registry, and "arc", which OpenARC writes
 * (arc.chain). Others are dropped. */
enum authres_ptype {
        AUTHRES_SMTP,
        AUTHRES_HEADER,
        AUTHRES_BODY,
        AUTHRES_POLICY,
        AUTHRES_DNS,
        AUTHRES_ARC
};

typedef struct authres_property {
        enum authres_ptype ptype;
        const char *name;  /**< property, lower case */
        const char *value; /**< unquoted; may hold any text: validate before use */
} authres_property_t;

typedef struct authres_result {
        const char *method;      /**< lower case: "dkim", "spf", "dmarc", … */
        enum auth_result result; /**< only results registered for the method come through; any
                                      other of "arc" is a fail */
        const authres_property_t *properties;
        size_t property_count;
} authres_result_t;

enum authres_status {
        AUTHRES_OK,
        AUTHRES_MALFORMED,  /**< the whole field is to be dropped; authserv_id may be known. One
                                 result that breaks the grammar is left out from among others */
        AUTHRES_UNSUPPORTED /**< a version other than 1; authserv_id is known, no results */
};

typedef struct authres {
        enum authres_status status;
        const char *authserv_id;         /**< unquoted, as written; NULL when it cannot be read */
        const authres_result_t *results; /**< usable results only (standards.md 5.2 and 5.5) */
        size_t result_count;
} authres_t;

/**
 * Read one field body (continuations as libmilter gives them: "\n" and white space).
 * @param out filled in; its memory is the arena's
 * @return 0 or -ENOMEM
 */
int authres_parse(arena_t *arena, const char *body, size_t len, authres_t *out);

/** The value of a property of a result, or NULL. `name` in lower case. */
const char *authres_property(const authres_result_t *result, enum authres_ptype ptype,
                             const char *name);

/**
 * True when two authserv-ids may be meant to be the same: without regard to case, compared as
 * A-labels. For removal, never for belief: what an earlier filter does not take for its own name it
 * does not remove either, so that belief compares ASCII without regard to case and nothing else.
 */
bool authres_id_equal(const char *a, const char *b);

/** What our own field says (contract 6). All strings may be NULL = left out. */
typedef struct authres_report {
        const char *authserv_id;
        bool has_spf; /**< SPF was evaluated by us */
        enum auth_result spf;
        const char *spf_mailfrom; /**< the sender address or domain; when NULL, spf_helo is used */
        const char *spf_helo;
        enum auth_result dmarc;
        enum dmarc_policy policy;      /**< after p/sp/np, before t */
        enum dmarc_policy disposition; /**< what we do */
        const char *header_from;       /**< A-labels; NULL when no author domain is known */
        bool has_evaluated;            /**< false: no policy, policy.dmarc is left out */
        enum dmarc_policy evaluated;   /**< after t */
        const char *comment;           /**< further text for the dmarc comment, or NULL; any text */
} authres_report_t;

/**
 * Write our field's body, folded with "\n\t", every value quoted where RFC 8601 asks for it, so
 * that nothing from the message can end or extend the field.
 * @return a string in the arena, or NULL when memory is out
 */
char *authres_format(arena_t *arena, const authres_report_t *report);

#endif
