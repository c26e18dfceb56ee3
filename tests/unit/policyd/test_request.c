/* policy requests: in pieces of any size, within their limits */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/request.h"

static const char two[] = "request=smtpd_access_policy\nsender=a@b\nunknown=x\nqueue_id=\n\n"
                          "sender=second\n\n";

static request_reader_t reader;
static policy_request_t request;

static void teardown(void)
{
        request_reader_clear(&reader);
        policy_request_clear(&request);
}

TestSuite(request, .fini = teardown);

static enum request_status feed(const char *data, size_t len, size_t *taken)
{
        return request_read(&reader, data, len, taken, &request);
}

static enum request_status feed_text(const char *text)
{
        size_t taken;

        return feed(text, strlen(text), &taken);
}

Test(request, one_after_the_other)
{
        size_t taken, all;

        cr_assert_eq(feed(two, strlen(two), &taken), REQUEST_COMPLETE);
        cr_expect_str_eq(policy_request_get(&request, POLICY_REQUEST), "smtpd_access_policy");
        cr_expect_str_eq(policy_request_get(&request, POLICY_SENDER), "a@b");
        cr_expect_str_eq(policy_request_get(&request, POLICY_QUEUE_ID), "");
        cr_expect_str_eq(policy_request_get(&request, POLICY_INSTANCE), "");
        cr_expect_eq(request.values[POLICY_INSTANCE], 0);
        policy_request_clear(&request);
        all = taken;
        cr_assert_eq(feed(two + all, strlen(two) - all, &taken), REQUEST_COMPLETE);
        cr_expect_str_eq(policy_request_get(&request, POLICY_SENDER), "second");
        cr_expect_eq(all + taken, strlen(two));
        cr_expect_not(request_reader_pending(&reader));
}

Test(request, pieces_of_every_size)
{
        const size_t len = strlen(two);

        for (size_t piece = 1; piece <= len; piece++) {
                size_t at = 0, complete = 0;

                while (at < len) {
                        size_t taken, some = len - at < piece ? len - at : piece;

                        if (feed(two + at, some, &taken) == REQUEST_COMPLETE) {
                                complete++;
                                cr_expect_str_eq(policy_request_get(&request, POLICY_SENDER),
                                                 complete == 1 ? "a@b" : "second");
                                policy_request_clear(&request);
                        }
                        at += taken;
                }
                cr_expect_eq(complete, 2, "pieces of %zu", piece);
        }
}

Test(request, the_last_of_two_values_counts)
{
        cr_assert_eq(feed_text("sender=a\nsender=b\n\n"), REQUEST_COMPLETE);
        cr_expect_str_eq(policy_request_get(&request, POLICY_SENDER), "b");
}

Test(request, values_may_hold_equals_signs)
{
        cr_assert_eq(feed_text("sender==a=b=\n=x\n\n"), REQUEST_COMPLETE);
        cr_expect_str_eq(policy_request_get(&request, POLICY_SENDER), "=a=b=");
}

Test(request, an_empty_one)
{
        cr_assert_eq(feed_text("\n"), REQUEST_COMPLETE);
        cr_expect_str_eq(policy_request_get(&request, POLICY_REQUEST), "");
}

Test(request, lines_without_equals_sign_or_with_nul)
{
        size_t taken;

        cr_expect_eq(feed_text("sender\n"), REQUEST_MALFORMED);
        request_reader_clear(&reader);
        cr_expect_eq(feed("sender=a\0b\n", 11, &taken), REQUEST_MALFORMED);
        cr_expect_str_neq(request_status_text(REQUEST_MALFORMED), "no error");
}

static enum request_status line_of(size_t len)
{
        char *line = malloc(len + 1);
        enum request_status status;
        size_t taken;

        memset(line, 'x', len);
        line[1] = '=';
        line[len] = '\n';
        request_reader_clear(&reader);
        status = feed(line, len + 1, &taken);
        free(line);
        return status;
}

Test(request, longest_line)
{
        cr_expect_eq(line_of(REQUEST_LINE_MAX), REQUEST_INCOMPLETE);
        cr_expect_eq(line_of(REQUEST_LINE_MAX + 1), REQUEST_LINE_TOO_LONG);
}

Test(request, longest_line_in_pieces)
{
        enum request_status status = REQUEST_INCOMPLETE;
        size_t fed = 0;

        while (status == REQUEST_INCOMPLETE && fed < 10 * REQUEST_LINE_MAX) {
                status = feed_text("x");
                fed++;
        }
        cr_expect_eq(status, REQUEST_LINE_TOO_LONG);
        cr_expect_eq(fed, REQUEST_LINE_MAX + 1);
}

/* A request of exactly `size` octets. */
static enum request_status request_of(size_t size)
{
        char *text = malloc(size), *line;
        enum request_status status;
        size_t taken;

        memset(text, 'y', size);
        for (line = text; line < text + size - 1; line += 1024) {
                size_t len = (size_t)(text + size - 1 - line);

                line[0] = 'x';
                line[1] = '=';
                line[(len < 1024 + 3 ? len : 1024) - 1] = '\n';
                if (len < 1024 + 3)
                        break;
        }
        text[size - 1] = '\n';
        request_reader_clear(&reader);
        status = feed(text, size, &taken);
        free(text);
        return status;
}

Test(request, longest_request)
{
        cr_expect_eq(request_of(REQUEST_SIZE_MAX), REQUEST_COMPLETE);
        cr_expect_eq(request_of(REQUEST_SIZE_MAX + 1), REQUEST_TOO_LONG);
}
