/* fields: how often each may stand (RFC 5322 3.6) */
#include <criterion/criterion.h>
#include <string.h>

#include "common/mail/fields.h"

static const char *error_of(const char *const *names)
{
        fields_count_t fields = {0};

        for (; *names; names++)
                fields_add(&fields, *names);
        return fields_error(&fields);
}

#define ERROR_OF(...) error_of((const char *const[]){__VA_ARGS__, NULL})

Test(fields, enough)
{
        cr_expect_null(ERROR_OF("From", "Date"));
        cr_expect_null(ERROR_OF("FROM", "date", "To", "Cc", "Bcc", "Sender", "Reply-To", "Subject",
                                "Message-Id", "In-Reply-To", "References"));
        cr_expect_null(ERROR_OF("From", "Date", "Received", "Received", "X-From", "Resent-From"));
}

Test(fields, too_few)
{
        cr_expect_str_eq(ERROR_OF("Date"), "no From field");
        cr_expect_str_eq(ERROR_OF("From"), "no Date field");
}

Test(fields, too_many)
{
        static const char *const names[] = {"Sender",      "Reply-To",   "To",
                                            "Cc",          "Bcc",        "Message-ID",
                                            "In-Reply-To", "References", "Subject"};

        cr_expect_str_eq(ERROR_OF("From", "From", "Date"), "multiple From fields");
        cr_expect_str_eq(ERROR_OF("From", "Date", "From "), "multiple From fields");
        cr_expect_str_eq(ERROR_OF("From", "Date", "Date"), "multiple Date fields");
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
                const char *error = ERROR_OF("From", "Date", names[i], names[i]);

                cr_assert_not_null(error, "%s", names[i]);
                cr_expect_not_null(strstr(error, names[i]), "%s: %s", names[i], error);
        }
}
