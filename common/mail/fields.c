#include "common/mail/fields.h"

#include <string.h>
#include <strings.h>

/* RFC 5322 section 3.6: what there may be once, and what to say of a field that is missing where
 * there must be one, or that is there again. */
static const struct {
        const char *name;
        const char *missing; /* NULL = it may be */
        const char *again;
} limits[FIELD_NAME_COUNT] = {
    [FIELD_FROM] = {"From", "no From field", "multiple From fields"},
    [FIELD_DATE] = {"Date", "no Date field", "multiple Date fields"},
    [FIELD_SENDER] = {"Sender", NULL, "multiple Sender fields"},
    [FIELD_REPLY_TO] = {"Reply-To", NULL, "multiple Reply-To fields"},
    [FIELD_TO] = {"To", NULL, "multiple To fields"},
    [FIELD_CC] = {"Cc", NULL, "multiple Cc fields"},
    [FIELD_BCC] = {"Bcc", NULL, "multiple Bcc fields"},
    [FIELD_MESSAGE_ID] = {"Message-ID", NULL, "multiple Message-ID fields"},
    [FIELD_IN_REPLY_TO] = {"In-Reply-To", NULL, "multiple In-Reply-To fields"},
    [FIELD_REFERENCES] = {"References", NULL, "multiple References fields"},
    [FIELD_SUBJECT] = {"Subject", NULL, "multiple Subject fields"},
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

static const char *error_of(const fields_count_t *fields, unsigned field)
{
        if (fields->count[field] == 0)
                return limits[field].missing;
        return fields->count[field] > 1 ? limits[field].again : NULL;
}

const char *fields_from_error(const fields_count_t *fields)
{
        return error_of(fields, FIELD_FROM);
}

const char *fields_error(const fields_count_t *fields)
{
        const char *error = NULL;

        for (unsigned i = 0; i < FIELD_NAME_COUNT && error == NULL; i++)
                error = error_of(fields, i);
        return error;
}
