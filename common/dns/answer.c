#include "common/dns/answer.h"

#include <arpa/nameser.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/dns/message.h"

/* An answer, its records and their data are one block. */
struct counted_answer {
        dns_answer_t answer;    /* first: callers hold its address */
        atomic_uint references; /* 0: constant */
        size_t size;
        dns_record_t records[];
};

static struct counted_answer *counted(const dns_answer_t *answer)
{
        return (struct counted_answer *)(uintptr_t)answer;
}

const dns_answer_t *dns_answer_failure(enum dns_status status)
{
        static const struct counted_answer timeout = {.answer.status = DNS_TIMEOUT};
        static const struct counted_answer tempfail = {.answer.status = DNS_TEMPFAIL};

        return status == DNS_TIMEOUT ? &timeout.answer : &tempfail.answer;
}

const dns_answer_t *dns_answer_hold(const dns_answer_t *answer)
{
        struct counted_answer *block = counted(answer);

        if (atomic_load_explicit(&block->references, memory_order_relaxed) > 0)
                atomic_fetch_add_explicit(&block->references, 1, memory_order_relaxed);
        return answer;
}

void dns_answer_release(const dns_answer_t *answer)
{
        struct counted_answer *block = counted(answer);

        if (!answer || atomic_load_explicit(&block->references, memory_order_relaxed) == 0)
                return;
        if (atomic_fetch_sub_explicit(&block->references, 1, memory_order_acq_rel) == 1)
                free(block);
}

size_t dns_answer_size(const dns_answer_t *answer)
{
        return counted(answer)->size;
}

/* What is learnt of a response before any memory is taken. */
struct reading {
        const dns_message_t *message;
        uint16_t type;
        dns_name_t end; /* of the CNAME chain */
        unsigned links; /* CNAMEs followed */
        uint32_t ttl;   /* the least so far */
        size_t count;   /* usable records */
        size_t bytes;   /* their data, with a NUL each */
        bool soa;       /* a fitting SOA record stands in the authority section */
        unsigned extended_rcode;
};

static void lower_ttl(struct reading *reading, uint32_t ttl)
{
        /* RFC 2181 8: with the top bit set it counts as zero. */
        if (ttl > INT32_MAX)
                ttl = 0;
        if (ttl < reading->ttl)
                reading->ttl = ttl;
}

static bool at_end_of_chain(const struct reading *reading, const dns_rr_t *record)
{
        return record->class == ns_c_in && dns_name_equal(&record->owner, &reading->end);
}

/* Read a name that must fill the data from `offset` on. */
static bool data_name(const dns_message_t *message, const dns_rr_t *record, size_t offset,
                      dns_name_t *name)
{
        size_t end;

        return dns_name_from_message(message->octets, message->len, record->data + offset, name,
                                     &end) &&
               end == record->data + record->len;
}

/* Follow the chain from the asked name. Records usually stand in the order of the chain (then one
 * pass is enough), but need not. */
static bool follow_chain(struct reading *reading)
{
        bool moved = true;

        while (moved) {
                size_t pos = reading->message->answer_pos;

                moved = false;
                for (unsigned i = 0; i < reading->message->answer; i++) {
                        dns_rr_t record;

                        if (!dns_message_record(reading->message, &pos, &record))
                                return false;
                        if (record.type != ns_t_cname || !at_end_of_chain(reading, &record))
                                continue;
                        if (++reading->links > DNS_CHAIN_MAX ||
                            !data_name(reading->message, &record, 0, &reading->end))
                                return false;
                        lower_ttl(reading, record.ttl);
                        moved = true;
                }
        }
        return true;
}

/* Join the character-strings of a TXT record (RFC 7208 3.3, RFC 9989 4.7), into `out` unless NULL.
 * A record without any is illegal (RFC 1035 3.3.14), but no reason to refuse those beside it.
 * @return their length, or -1 when they do not fill the data */
static int join_strings(const uint8_t *data, size_t len, char *out)
{
        size_t pos = 0;
        size_t used = 0;

        while (pos < len) {
                size_t string = data[pos++];

                if (string > len - pos)
                        return -1;
                if (out)
                        memcpy(out + used, data + pos, string);
                used += string;
                pos += string;
        }
        return (int)used;
}

/* The value of a record as dns_record_t promises it, without its NUL, into `out` unless NULL.
 * @return its length, or -1 for malformed data; *usable false when no dns_record_t can hold it */
static int read_value(const dns_message_t *message, const dns_rr_t *record, char *out, bool *usable)
{
        const uint8_t *data = message->octets + record->data;
        char text[DNS_NAME_TEXT_SIZE];
        dns_name_t name;
        int len;

        *usable = true;
        switch (record->type) {
        case ns_t_a:
        case ns_t_aaaa:
                if (record->len != (record->type == ns_t_a ? NS_INADDRSZ : NS_IN6ADDRSZ))
                        return -1;
                if (out)
                        memcpy(out, data, record->len);
                return record->len;
        case ns_t_txt:
                return join_strings(data, record->len, out);
        case ns_t_mx:
        case ns_t_ptr:
                if (!data_name(message, record, record->type == ns_t_mx ? NS_INT16SZ : 0, &name))
                        return -1;
                len = dns_name_to_text(&name, text);
                *usable = len >= 0;
                if (out && *usable)
                        memcpy(out, text, (size_t)len);
                return *usable ? len : 0;
        default:
                return -1;
        }
}

/* Count the records that answer, or with `block`, fill them in. */
static bool read_answer_section(struct reading *reading, struct counted_answer *block)
{
        const dns_message_t *message = reading->message;
        size_t pos = message->answer_pos;
        dns_record_t *next = block ? block->records : NULL;
        char *data = block ? (char *)(block->records + reading->count) : NULL;

        for (unsigned i = 0; i < message->answer; i++) {
                dns_rr_t record;
                bool usable;
                int len;

                if (!dns_message_record(message, &pos, &record))
                        return false;
                if (record.type != reading->type || !at_end_of_chain(reading, &record))
                        continue;
                len = read_value(message, &record, data, &usable);
                if (len < 0)
                        return false;
                if (!usable)
                        continue;
                if (!block) {
                        lower_ttl(reading, record.ttl);
                        reading->count++;
                        reading->bytes += (size_t)len + 1;
                        continue;
                }
                next->data = data;
                next->len = (size_t)len;
                if (record.type == ns_t_mx)
                        next->preference = dns_get16(message->octets + record.data);
                next++;
                data += len + 1; /* the block is zeroed: the NUL is there */
        }
        return true;
}

/* The time for which a negative answer holds (RFC 2308 5): the lesser of TTL and MINIMUM. */
static bool read_soa(struct reading *reading, const dns_rr_t *record)
{
        static const size_t numbers = 20;
        const dns_message_t *message = reading->message;
        dns_name_t name;
        size_t pos = record->data;

        if (!dns_name_from_message(message->octets, message->len, pos, &name, &pos) ||
            !dns_name_from_message(message->octets, message->len, pos, &name, &pos) ||
            pos + numbers != record->data + record->len)
                return false;
        lower_ttl(reading, record->ttl);
        lower_ttl(reading, dns_get32(message->octets + pos + 16));
        reading->soa = true;
        return true;
}

/* Walk to the message's end, for the SOA of a negative answer and the OPT record. */
static bool read_rest(struct reading *reading)
{
        const dns_message_t *message = reading->message;
        unsigned before = message->answer;
        unsigned total = before + message->authority + message->additional;
        size_t pos = message->answer_pos;

        for (unsigned i = 0; i < total; i++) {
                dns_rr_t record;

                if (!dns_message_record(message, &pos, &record))
                        return false;
                if (i < before)
                        continue;
                if (i >= before + message->authority) {
                        if (record.type == ns_t_opt)
                                reading->extended_rcode = record.ttl >> 24;
                        continue;
                }
                if (reading->count == 0 && record.type == ns_t_soa && record.class == ns_c_in &&
                    dns_name_within(&reading->end, &record.owner) && !read_soa(reading, &record))
                        return false;
        }
        return true;
}

static enum dns_status judge(const struct reading *reading)
{
        const dns_message_t *message = reading->message;
        unsigned rcode = (reading->extended_rcode << 4) | (message->flags & 0xFU);

        /* Under a CNAME the code is that of the chain's end (RFC 6604 3). */
        if (rcode == ns_r_nxdomain)
                return reading->count == 0 ? DNS_NXDOMAIN : DNS_TEMPFAIL;
        if (rcode != ns_r_noerror)
                return DNS_TEMPFAIL;
        if (reading->count > 0)
                return DNS_OK;
        /* Without SOA from a server that does not recurse, this is a referral (RFC 2308 2.2), or
         * a chain that leaves what the server knows: the records may well exist. */
        if (!reading->soa && !dns_message_recursive(message) &&
            (reading->links > 0 || !dns_message_authoritative(message)))
                return DNS_TEMPFAIL;
        return DNS_NODATA;
}

static const dns_answer_t *build(struct reading *reading, enum dns_status status)
{
        size_t size =
            sizeof(struct counted_answer) + reading->count * sizeof(dns_record_t) + reading->bytes;
        struct counted_answer *block = calloc(1, size);

        if (!block)
                return dns_answer_failure(DNS_TEMPFAIL);
        block->size = size;
        atomic_init(&block->references, 1);
        block->answer.status = status;
        block->answer.cname = reading->links > 0;
        block->answer.ttl = status == DNS_OK || reading->soa ? reading->ttl : 0;
        block->answer.count = reading->count;
        block->answer.records = block->records;
        (void)read_answer_section(reading, block); /* it went well when it counted */
        return &block->answer;
}

const dns_answer_t *dns_answer_parse(const dns_question_t *question, const uint8_t *octets,
                                     size_t len)
{
        dns_message_t message;
        struct reading reading = {
            .message = &message, .type = question->type, .end = question->name, .ttl = UINT32_MAX};
        enum dns_status status;

        if (!dns_message_open(&message, octets, len, question) || !follow_chain(&reading) ||
            !read_answer_section(&reading, NULL) || !read_rest(&reading))
                return dns_answer_failure(DNS_TEMPFAIL);
        status = judge(&reading);
        if (status == DNS_TEMPFAIL)
                return dns_answer_failure(status);
        return build(&reading, status);
}
