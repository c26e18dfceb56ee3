/*
 * arc_seal.h - who sealed a message last (ARC, RFC 8617)
 *
 * No seal is verified here: that is done by a filter before us, which tells by "arc=pass" in an
 * Authentication-Results field that is believed (contract 5.2). What such a field leaves open is
 * whose chain passed. The latest sealer answers for the message as it is now, and for what it says
 * of the chain before it; earlier sealers could have been put there by anyone after them. Pure.
 */
#ifndef TRUEFROM_MAIL_ARC_SEAL_H
#define TRUEFROM_MAIL_ARC_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/mail/authres.h"
#include "common/mail/domain.h"

#define ARC_INSTANCE_MAX 50    /**< RFC 8617 4.2.1 */
#define ARC_SEAL_MAX     16384 /**< octets of an ARC-Seal field; longer is malformed */

/** An ARC-Seal field: instance (i=) and sealing domain (d=, normalized). */
typedef struct arc_seal {
        unsigned instance; /**< 1 to ARC_INSTANCE_MAX */
        char domain[DOMAIN_SIZE];
} arc_seal_t;

/**
 * Read an ARC-Seal field's body (RFC 8617 4.1.3, RFC 6376 3.2). Strict, so that no reader can take
 * another tag for i= or d= than we do: a tag given twice, or known but in upper case, is malformed.
 * @return false when it is malformed; *out is then undefined
 */
bool arc_seal_parse(const char *body, size_t len, arc_seal_t *out);

/** All ARC-Seal fields of a message; zero it to start. Plain data of a fixed size. */
typedef struct arc_chain {
        uint64_t instances; /**< a bit each */
        arc_seal_t last;    /**< the highest instance */
        bool broken;        /**< a field was malformed, or an instance stood twice */
} arc_chain_t;

/** Add one field's body. */
void arc_chain_add(arc_chain_t *chain, const char *body, size_t len);

/**
 * What believed Authentication-Results fields say of ARC; zero it to start. Plain data. All must
 * say the same: a verifier speaks of every message, if only "arc=none", so that a field that was
 * forged in its name, and that nobody removed, stands against a true one.
 */
typedef struct arc_results {
        bool passed;       /**< "arc=pass" */
        bool contradicted; /**< another result as well, or another arc.chain, or one without */
        const char
            *chain; /**< value of arc.chain, which OpenARC adds for a final receiver; or NULL */
} arc_results_t;

/** Add one result with the method "arc"; its strings must outlive *results. */
void arc_results_add(arc_results_t *results, const authres_result_t *result);

/**
 * The domain that sealed the message last, when all believed results are a pass: the first of
 * arc.chain (OpenARC writes the latest first), else that of the highest ARC-Seal field. That filter
 * saw the same fields, so without arc.chain they must be a whole chain, one seal an instance.
 * @param out the normalized domain
 * @return false when there is none to be believed
 */
bool arc_sealer(const arc_results_t *results, const arc_chain_t *chain, char out[DOMAIN_SIZE]);

#endif
