/*
 * fields.h - the field counts that RFC 5322 section 3.6 demands (option RequiredHeaders)
 *
 * Pure. Counts as the fields go by; nothing of them is kept.
 */
#ifndef TRUEFROM_MAIL_FIELDS_H
#define TRUEFROM_MAIL_FIELDS_H

#include <stddef.h>

/** The fields that section 3.6 limits. */
enum field_name {
        FIELD_FROM, /* these two exactly once */
        FIELD_DATE,
        FIELD_SENDER, /* these at most once */
        FIELD_REPLY_TO,
        FIELD_TO,
        FIELD_CC,
        FIELD_BCC,
        FIELD_MESSAGE_ID,
        FIELD_IN_REPLY_TO,
        FIELD_REFERENCES,
        FIELD_SUBJECT,
        FIELD_NAME_COUNT
};

/** Counters of one message; zero it to start. Plain data. */
typedef struct fields_count {
        unsigned count[FIELD_NAME_COUNT];
} fields_count_t;

/** Count one field by its name (case-insensitive, trailing white space ignored). */
void fields_add(fields_count_t *fields, const char *name);

/**
 * What is wrong, if anything.
 * @return NULL when the message conforms, else a constant text such as "no From field" or "multiple
 * Subject fields"
 */
const char *fields_error(const fields_count_t *fields);

/** The same of the From field alone. */
const char *fields_from_error(const fields_count_t *fields);

#endif
