#include "common/mail/fields.h"

#include <string.h>
#include <strings.h>

/* RFC 5322 section 3.6: the table's minimum and maximum, and what to say when it is broken. */
static const struct {
        const char *name;
        unsigned minimum;
        const char *error;
} limits[FIELD_NAME_COUNT] = {
    [FIELD_FROM] = {"From", 1, "not exactly one From field"},
    [FIELD_DATE] = {"Date", 1, "not exactly one Date field"},
    [FIELD_SENDER] = {"Sender", 0, "multiple Sender fields"},
    [FIELD_REPLY_TO] = {"Reply-To", 0, "multiple Reply-To fields"},
    [FIELD_TO] = {"To", 0, "multiple To fields"},
    [FIELD_CC] = {"Cc", 0, "multiple Cc fields"},
    [FIELD_BCC] = {"Bcc", 0, "multiple Bcc fields"},
    [FIELD_MESSAGE_ID] = {"Message-ID", 0, "multiple Message-ID fields"},
    [FIELD_IN_REPLY_TO] = {"In-Reply-To", 0, "multiple In-Reply-To fields"},
    [FIELD_REFERENCES] = {"References", 0, "multiple References fields"},
    [FIELD_SUBJECT] = {"Subject", 0, "multiple Subject fields"},
};

void fields_add(fields_count_t *fields, const char *name)
{
        size_t len = strlen(name);

        /* obs-optional (RFC 5322 4.5): white space before the colon */
        while (len > 0 && (name[len - 1] == ' ' || name[len - 1] == '\t'))
                len--;
        for (unsigned i = 0; i < FIELD_NAME_COUNT; i++) {
                if (strlen(limits[i].name) == len && strncasecmp(limits[i].name, name, len) == 0) {
                        fields->count[i]++;
                        return;
                }
        }
}

const char *fields_error(const fields_count_t *fields)
{
        for (unsigned i = 0; i < FIELD_NAME_COUNT; i++)
                if (fields->count[i] < limits[i].minimum || fields->count[i] > 1)
                        return limits[i].error;
        return NULL;
}
