#include "common/dns/question.h"

#include <arpa/nameser.h>
#include <string.h>

static uint8_t *put16(uint8_t *out, unsigned value)
{
        out[0] = (uint8_t)(value >> 8);
        out[1] = (uint8_t)value;
        return out + 2;
}

bool dns_question_init(dns_question_t *question, const char *name, uint16_t type)
{
        question->type = type;
        return dns_name_from_text(name, &question->name);
}

int dns_question_compare(const dns_question_t *question, const dns_question_t *other)
{
        if (question->type != other->type)
                return question->type < other->type ? -1 : 1;
        if (question->name.len != other->name.len)
                return question->name.len < other->name.len ? -1 : 1;
        return memcmp(question->name.octets, other->name.octets, question->name.len);
}

size_t dns_question_encode(const dns_question_t *question, uint16_t id,
                           uint8_t query[DNS_QUERY_MAX])
{
        static const unsigned recursion_desired = 0x0100;
        uint8_t *out = query;

        out = put16(out, id);
        out = put16(out, recursion_desired);
        out = put16(out, 1); /* questions */
        out = put16(out, 0); /* answers */
        out = put16(out, 0); /* authority */
        out = put16(out, 1); /* additional */
        memcpy(out, question->name.octets, question->name.len);
        out += question->name.len;
        out = put16(out, question->type);
        out = put16(out, ns_c_in);
        *out++ = 0; /* OPT: the root's */
        out = put16(out, ns_t_opt);
        out = put16(out, DNS_UDP_SIZE);
        out = put16(out, 0); /* extended RCODE, version */
        out = put16(out, 0); /* flags */
        out = put16(out, 0); /* no options */
        return (size_t)(out - query);
}
