#include "tests/unit/support/dnsmessage.h"

#include <arpa/nameser.h>
#include <string.h>

static void put(dns_builder_t *builder, const void *octets, size_t len)
{
        if (len > 0)
                memcpy(builder->octets + builder->len, octets, len);
        builder->len += len;
}

static void put16(dns_builder_t *builder, unsigned value)
{
        uint8_t octets[2] = {(uint8_t)(value >> 8), (uint8_t)value};

        put(builder, octets, sizeof(octets));
}

static void put32(dns_builder_t *builder, uint32_t value)
{
        put16(builder, value >> 16);
        put16(builder, value & 0xFFFFU);
}

static void put_name(dns_builder_t *builder, const char *name)
{
        while (*name != '\0') {
                size_t len = strcspn(name, ".");
                uint8_t octet = (uint8_t)len;

                put(builder, &octet, 1);
                put(builder, name, len);
                name += len + (name[len] == '.');
        }
        put(builder, "", 1);
}

void build_start(dns_builder_t *builder, unsigned flags, const char *name, unsigned type)
{
        builder->len = 0;
        put16(builder, 0x1234);
        put16(builder, flags);
        put16(builder, 1);
        put16(builder, 0);
        put32(builder, 0);
        put_name(builder, name);
        put16(builder, type);
        put16(builder, ns_c_in);
}

static void count(dns_builder_t *builder, enum section section)
{
        uint8_t *octets = builder->octets + 6 + 2 * section;
        unsigned value = ((unsigned)octets[0] << 8 | octets[1]) + 1;

        octets[0] = (uint8_t)(value >> 8);
        octets[1] = (uint8_t)value;
}

static void put_record_start(dns_builder_t *builder, enum section section, const char *owner,
                             unsigned type, uint32_t ttl)
{
        count(builder, section);
        put_name(builder, owner);
        put16(builder, type);
        put16(builder, ns_c_in);
        put32(builder, ttl);
}

void build_record(dns_builder_t *builder, enum section section, const char *owner, unsigned type,
                  uint32_t ttl, const void *data, size_t len)
{
        put_record_start(builder, section, owner, type, ttl);
        put16(builder, (unsigned)len);
        put(builder, data, len);
}

/* Set the length, which stands before `start`, to what has been put since. */
static void end_data(dns_builder_t *builder, size_t start)
{
        size_t len = builder->len - start;

        builder->octets[start - 2] = (uint8_t)(len >> 8);
        builder->octets[start - 1] = (uint8_t)len;
}

void build_name_record(dns_builder_t *builder, enum section section, const char *owner,
                       unsigned type, uint32_t ttl, int preference, const char *target)
{
        size_t start;

        put_record_start(builder, section, owner, type, ttl);
        put16(builder, 0);
        start = builder->len;
        if (preference >= 0)
                put16(builder, (unsigned)preference);
        put_name(builder, target);
        end_data(builder, start);
}

void build_soa(dns_builder_t *builder, const char *owner, uint32_t ttl, uint32_t minimum)
{
        size_t start;

        put_record_start(builder, SECTION_AUTHORITY, owner, ns_t_soa, ttl);
        put16(builder, 0);
        start = builder->len;
        put_name(builder, "ns.example");
        put_name(builder, "hostmaster.example");
        for (uint32_t number = 1; number <= 4; number++)
                put32(builder, number);
        put32(builder, minimum);
        end_data(builder, start);
}
