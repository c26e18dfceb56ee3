/*
 * message.h - a bounds-checked walk through a raw DNS message (RFC 1035 4.1)
 *
 * Pure, without memory: records are positions in the message, which must stay in place.
 */
#ifndef TRUEFROM_DNS_MESSAGE_H
#define TRUEFROM_DNS_MESSAGE_H

#include "common/dns/question.h"

/** One record; plain data. */
typedef struct dns_rr {
        dns_name_t owner;
        uint16_t type;
        uint16_t class; /**< for OPT: the sender's UDP size */
        uint32_t ttl;   /**< as it stands; for OPT: extended RCODE, version and flags */
        size_t data;    /**< where the data begin */
        uint16_t len;   /**< octets of data */
} dns_rr_t;

/** A message whose header and question have been read; plain data. */
typedef struct dns_message {
        const uint8_t *octets;
        size_t len;
        uint16_t flags;  /**< the second word of the header */
        uint16_t answer; /**< records in each section */
        uint16_t authority;
        uint16_t additional;
        size_t answer_pos; /**< where the answer section begins */
} dns_message_t;

/** A number in network order; the octets must be there. */
uint16_t dns_get16(const uint8_t *octets);
uint32_t dns_get32(const uint8_t *octets);

/** Read the header and the question.
 * @return false unless it is a response to exactly this question, and not truncated */
bool dns_message_open(dns_message_t *message, const uint8_t *octets, size_t len,
                      const dns_question_t *question);

/** Read the record at *pos and move *pos behind it. @return false when it leaves the message */
bool dns_message_record(const dns_message_t *message, size_t *pos, dns_rr_t *record);

/** True when the message is well-formed up to an OPT record in its additional section. */
bool dns_message_has_opt(const dns_message_t *message);

/** The flags AA and RA. */
bool dns_message_authoritative(const dns_message_t *message);
bool dns_message_recursive(const dns_message_t *message);

#endif
