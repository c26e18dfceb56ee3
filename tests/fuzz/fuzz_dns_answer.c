/*
 * Feed dns_answer_parse with any message. The first octet chooses the type, the rest is the
 * message; the question asked is the message's own where it has one, so that the parser gets past
 * it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/dns/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
        if (!condition)
                abort();
}

static void check_record(const dns_record_t *record, enum dns_type type, size_t size)
{
        require(record->data[record->len] == '\0');
        require(type == DNS_MX || record->preference == 0);
        switch (type) {
        case DNS_A:
                require(record->len == 4);
                break;
        case DNS_AAAA:
                require(record->len == 16);
                break;
        case DNS_TXT:
                require(record->len < size);
                break;
        default:
                require(strlen(record->data) == record->len && record->len < DNS_NAME_TEXT_SIZE);
        }
}

static void check_answer(const dns_answer_t *answer, enum dns_type type, const uint8_t *octets,
                         size_t size)
{
        static const uint8_t truncated = 2, response = 0x80;

        require(answer->status == DNS_OK || answer->status == DNS_NODATA ||
                answer->status == DNS_NXDOMAIN || answer->status == DNS_TEMPFAIL);
        require((answer->status == DNS_OK) == (answer->count > 0));
        require(answer->ttl <= INT32_MAX);
        if (answer->status != DNS_TEMPFAIL)
                require(size > 12 && (octets[2] & response) && !(octets[2] & truncated));
        else
                require(!answer->cname && answer->ttl == 0);
        for (size_t i = 0; i < answer->count; i++)
                check_record(&answer->records[i], type, size);
}

/* The text of a name, where it has one, reads back as the same name. */
static void check_name(const dns_name_t *name)
{
        char text[DNS_NAME_TEXT_SIZE];
        dns_name_t again;
        int len = dns_name_to_text(name, text);

        if (len <= 0)
                return;
        require(dns_name_from_text(text, &again) && dns_name_equal(name, &again));
        require(dns_name_within(name, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const enum dns_type types[] = {DNS_A, DNS_PTR, DNS_MX, DNS_TXT, DNS_AAAA};
        const dns_answer_t *answer;
        dns_question_t question;
        enum dns_type type;

        if (size == 0)
                return 0;
        type = types[data[0] % (sizeof(types) / sizeof(types[0]))];
        data++;
        size--;
        require(dns_question_init(&question, "example.org", (uint16_t)type));
        if (dns_name_from_message(data, size, 12, &question.name, NULL))
                check_name(&question.name);
        else
                require(dns_question_init(&question, "example.org", (uint16_t)type));
        answer = dns_answer_parse(&question, data, size);
        check_answer(answer, type, data, size);
        dns_answer_release(answer);
        return 0;
}
