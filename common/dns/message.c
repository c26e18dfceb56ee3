#include "common/dns/message.h"

#include <arpa/nameser.h>

#define FLAG_RESPONSE      0x8000U
#define FLAG_OPCODE        0x7800U
#define FLAG_AUTHORITATIVE 0x0400U
#define FLAG_TRUNCATED     0x0200U
#define FLAG_RECURSIVE     0x0080U

uint16_t dns_get16(const uint8_t *octets)
{
        return (uint16_t)((octets[0] << 8) | octets[1]);
}

uint32_t dns_get32(const uint8_t *octets)
{
        return ((uint32_t)dns_get16(octets) << 16) | dns_get16(octets + 2);
}

bool dns_message_open(dns_message_t *message, const uint8_t *octets, size_t len,
                      const dns_question_t *question)
{
        dns_name_t name;
        size_t pos;

        if (len < NS_HFIXEDSZ)
                return false;
        message->octets = octets;
        message->len = len;
        message->flags = dns_get16(octets + 2);
        message->answer = dns_get16(octets + 6);
        message->authority = dns_get16(octets + 8);
        message->additional = dns_get16(octets + 10);
        if (!(message->flags & FLAG_RESPONSE) || (message->flags & (FLAG_OPCODE | FLAG_TRUNCATED)))
                return false;
        if (dns_get16(octets + 4) != 1 ||
            !dns_name_from_message(octets, len, NS_HFIXEDSZ, &name, &pos) ||
            len - pos < NS_QFIXEDSZ)
                return false;
        message->answer_pos = pos + NS_QFIXEDSZ;
        return dns_name_equal(&name, &question->name) &&
               dns_get16(octets + pos) == question->type && dns_get16(octets + pos + 2) == ns_c_in;
}

bool dns_message_record(const dns_message_t *message, size_t *pos, dns_rr_t *record)
{
        const uint8_t *octets = message->octets;
        size_t at;

        if (!dns_name_from_message(octets, message->len, *pos, &record->owner, &at) ||
            message->len - at < NS_RRFIXEDSZ)
                return false;
        record->type = dns_get16(octets + at);
        record->class = dns_get16(octets + at + 2);
        record->ttl = dns_get32(octets + at + 4);
        record->len = dns_get16(octets + at + 8);
        record->data = at + NS_RRFIXEDSZ;
        *pos = record->data + record->len;
        return *pos <= message->len;
}

bool dns_message_has_opt(const dns_message_t *message)
{
        unsigned before = (unsigned)message->answer + message->authority;
        unsigned total = before + message->additional;
        size_t pos = message->answer_pos;
        dns_rr_t record;

        for (unsigned i = 0; i < total && dns_message_record(message, &pos, &record); i++) {
                if (i >= before && record.type == ns_t_opt)
                        return true;
        }
        return false;
}

bool dns_message_authoritative(const dns_message_t *message)
{
        return (message->flags & FLAG_AUTHORITATIVE) != 0;
}

bool dns_message_recursive(const dns_message_t *message)
{
        return (message->flags & FLAG_RECURSIVE) != 0;
}
