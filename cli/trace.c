#include "cli/trace.h"

#include <string.h>

#include "cli/paint.h"
#include "common/base/address.h"

const char *trace_type_name(enum dns_type type)
{
        switch (type) {
        case DNS_A:
                return "A";
        case DNS_PTR:
                return "PTR";
        case DNS_MX:
                return "MX";
        case DNS_TXT:
                return "TXT";
        case DNS_AAAA:
                return "AAAA";
        }
        return "?";
}

const char *trace_status_name(enum dns_status status)
{
        static const char *const names[] = {
            [DNS_OK] = "ok",
            [DNS_NODATA] = "nodata",
            [DNS_NXDOMAIN] = "nxdomain",
            [DNS_TEMPFAIL] = "tempfail",
            [DNS_TIMEOUT] = "timeout",
        };

        return names[status];
}

static const char *address_text(arena_t *arena, const dns_record_t *record)
{
        static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
        char text[ADDRESS_TEXT_SIZE];
        address_t address;

        if (record->len == sizeof(address.octets)) {
                memcpy(address.octets, record->data, sizeof(address.octets));
        } else {
                memcpy(address.octets, mapped, sizeof(mapped));
                memcpy(address.octets + sizeof(mapped), record->data, 4);
        }
        return arena_strdup(arena, address_format(&address, text));
}

static const char *record_text(arena_t *arena, enum dns_type type, const dns_record_t *record)
{
        const char *text;

        if (type == DNS_A || type == DNS_AAAA)
                return address_text(arena, record);
        text = paint_escape(arena, record->data, record->len);
        if (type == DNS_MX && text != NULL)
                return arena_printf(arena, "%u %s", record->preference, text);
        return text;
}

static bool copy_records(trace_t *trace, const dns_event_t *event, trace_event_t *out)
{
        const dns_answer_t *answer = event->answer;
        const char **data = arena_calloc(trace->arena, answer->count, sizeof(*data));

        if (data == NULL)
                return false;
        for (size_t i = 0; i < answer->count; i++) {
                data[i] = record_text(trace->arena, event->type, &answer->records[i]);
                if (data[i] == NULL)
                        return false;
        }
        out->data = data;
        out->count = answer->count;
        return true;
}

void trace_observe(void *context, const dns_event_t *event)
{
        trace_t *trace = context;
        trace_event_t *events =
            arena_grow(trace->arena, trace->events, trace->count, &trace->room, sizeof(*events));
        trace_event_t kept = {
            .phase = trace->phase,
            .name = paint_escape(trace->arena, event->name, strlen(event->name)),
            .type = event->type,
            .status = event->answer->status,
            .cname = event->answer->cname,
            .cached = event->cached,
            .microseconds = event->microseconds,
        };

        if (events == NULL || kept.name == NULL || !copy_records(trace, event, &kept)) {
                trace->failed = true;
                return;
        }
        trace->events = events;
        trace->events[trace->count++] = kept;
}
