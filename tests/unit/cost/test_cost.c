/*
 * What the parsers of mail and of records cost: ten times the input takes about ten times the CPU
 * time, however it is built. Ratios of one thread's CPU time, so that a busy machine makes no
 * difference.
 */
#include <criterion/criterion.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/auth/gather.h"
#include "common/auth/spf_record.h"
#include "common/dmarc/record.h"
#include "common/mail/arc_seal.h"
#include "common/mail/authres.h"
#include "common/mail/domain.h"
#include "common/mail/envelope.h"
#include "common/mail/fields.h"
#include "common/mail/from.h"
#include "common/mail/header.h"
#include "common/mail/list_id.h"
#include "common/mail/received.h"

#define GROWTH    10
#define RATIO_MAX 25.0      /* linear is 10, quadratic 100 */
#define LEAST_NS  2000000.0 /* that the small input is measured for */
#define ATTEMPTS  3
#define UNITS_MAX 20

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

typedef void parse_fn(arena_t *arena, char *text, size_t len);

static arena_t *arena;

/* Memory stays with malloc: what the kernel takes for pages is not ours to measure. */
static void begin(void)
{
        mallopt(M_MMAP_THRESHOLD, 512 << 20);
        mallopt(M_TRIM_THRESHOLD, 512 << 20);
        arena = arena_create((size_t)512 << 20);
}

static void end(void)
{
        arena_free(arena);
}

TestSuite(cost, .init = begin, .fini = end, .timeout = 300);

static double now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* `unit` over and over, behind `head`. Must be freed. */
static char *build(const char *head, const char *unit, size_t len)
{
        size_t begun = strlen(head), step = strlen(unit);
        char *text = malloc(len + 1);

        cr_assert_not_null(text);
        for (size_t i = 0; i < len; i++)
                text[i] = i < begun ? head[i] : unit[(i - begun) % step];
        text[len] = '\0';
        return text;
}

static double run(parse_fn *parse, char *text, size_t len, unsigned times)
{
        double begun = now_ns();

        for (unsigned i = 0; i < times; i++) {
                parse(arena, text, len);
                arena_reset(arena);
        }
        return now_ns() - begun;
}

static double best(parse_fn *parse, const char *head, const char *unit, size_t len, unsigned times)
{
        char *text = build(head, unit, len);
        double least = run(parse, text, len, times);

        for (int i = 1; i < ATTEMPTS && !SANITIZED; i++) {
                double took = run(parse, text, len, times);

                least = took < least ? took : least;
        }
        free(text);
        return least;
}

/* How often the small input must be parsed to be measured. */
static unsigned times_of(parse_fn *parse, const char *head, const char *unit, size_t len)
{
        unsigned times = 1;

        while (times < 1 << 16 && best(parse, head, unit, len, times) < LEAST_NS)
                times *= 4;
        return times;
}

static void linear(parse_fn *parse, const char *name, const char *head, const char *unit,
                   size_t len)
{
        unsigned times = SANITIZED ? 1 : times_of(parse, head, unit, len);
        double ratio =
            best(parse, head, unit, len * GROWTH, times) / best(parse, head, unit, len, times);

        /* a sanitizer's malloc takes more time than the parsers, and is not linear */
        cr_expect(ratio < RATIO_MAX || SANITIZED, "%s: \"%s%s...\" takes %.1f times as long", name,
                  head, unit, ratio);
}

static void all_linear(parse_fn *parse, const char *name, size_t len, const char *const *heads,
                       const char *const *units)
{
        for (; *heads != NULL; heads++)
                for (size_t i = 0; units[i] != NULL; i++)
                        linear(parse, name, *heads, units[i], len);
}

#define HEADS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define UNITS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* --- the From field --- */

static void parse_from(arena_t *memory, char *text, size_t len)
{
        const from_field_t field = {.body = text, .len = len};
        from_author_t author;

        cr_assert_eq(from_parse(memory, &field, 1, &author), 0);
}

/* Each line is a field. */
static void parse_from_fields(arena_t *memory, char *text, size_t len)
{
        from_field_t *fields = calloc(len, sizeof(*fields));
        from_author_t author;
        size_t count = 0;

        for (char *at = text, *stop; at < text + len; at = stop + 1) {
                stop = memchr(at, '\n', (size_t)(text + len - at));
                if (stop == NULL)
                        stop = text + len;
                fields[count++] = (from_field_t){.body = at, .len = (size_t)(stop - at)};
        }
        cr_assert_eq(from_parse(memory, fields, count, &author), 0);
        free(fields);
}

#define FROM_OCTETS (FROM_OCTETS_MAX / GROWTH - 10)

Test(cost, from)
{
        all_linear(parse_from, "from", FROM_OCTETS, HEADS("", "a@b.test, "),
                   UNITS("@. . .", "@", "@a.", ". ", "@a b", "a@b.c,", "(", ")", "()", "\"", "\\",
                         "<", "<>", ",", ":;", ";", "[", "@[", "@[]", "=?", "=?utf-8?Q?",
                         "=?u?B?YQ==?= ", "=?utf-8?q?a=40b.test?=,", "\"a@b.test\",", "(a@b.test),",
                         "\n ", "\xe2\x98\x83", "@\xe2\x98\x83. ", "@\xc3\xbc.", "\xff"));
}

Test(cost, from_of_one_domain_without_an_end)
{
        all_linear(
            parse_from, "from", FROM_OCTETS, HEADS("a@", "\"a@b\", c@"),
            UNITS(". . ", "a.", "a", "a .", "\xe2\x98\x83", "\xc3\xbc.", "(c).", "-", "[", "]"));
}

Test(cost, from_fields)
{
        all_linear(parse_from_fields, "from fields", FROM_OCTETS, HEADS("", "a@b.test\n"),
                   UNITS("\n", "a@b.c\n", "@\n", "@. . \n", "=?u?Q?@\n"));
}

/* However long: what is behind the octets that are looked at costs nothing. */
Test(cost, from_beyond_its_octets)
{
        all_linear(parse_from, "long from", 100000, HEADS(""),
                   UNITS("@. . .", "\xe2\x98\x83", "(@", "a@b,"));
}

/* --- other fields of the header --- */

static void parse_authres(arena_t *memory, char *text, size_t len)
{
        authres_t field;

        cr_assert_eq(authres_parse(memory, text, len, &field), 0);
}

Test(cost, authres)
{
        all_linear(parse_authres, "authres", 20000, HEADS("", "mx.test; ", "mx.test; dkim=pass "),
                   UNITS(";", "; dkim=pass header.d=a.test", "header.d=a ", "(", "()", "\"", "\\",
                         "=", ".", "a=b;", "x.y=z ", "reason=\"a\" ", "\n ", "a", " 1", "/"));
}

static void gather_fields(arena_t *memory, char *text, size_t len)
{
        static const char *const trusted[] = {"mx.test"};
        authres_field_t *fields = calloc(len, sizeof(*fields));
        gather_input_t input = {.fields = fields,
                                .sender = "a@b.test",
                                .authserv_id = "mx.test",
                                .trusted_ids = trusted,
                                .trusted_count = 1};
        gathered_t gathered;

        for (char *at = text, *stop; at < text + len; at = stop + 1) {
                stop = memchr(at, '\n', (size_t)(text + len - at));
                if (stop == NULL)
                        stop = text + len;
                fields[input.field_count++] =
                    (authres_field_t){.body = at, .len = (size_t)(stop - at), .occurrence = 1};
        }
        cr_assert_eq(gather_results(memory, &input, &gathered), 0);
        free(fields);
}

Test(cost, many_authres_fields)
{
        all_linear(gather_fields, "gather", 4000, HEADS(""),
                   UNITS("mx.test; dkim=pass header.d=a.test\n", "other.test; spf=pass\n",
                         "mx.test; arc=pass\n", "mx.test; spf=pass smtp.mailfrom=b.test\n"));
        /* each takes a few KiB, so that many are slow for want of cache */
        linear(gather_fields, "gather", "", "\n", 300);
}

static void parse_arc_seal(arena_t *memory, char *text, size_t len)
{
        arc_chain_t chain = {.instances = 0};

        (void)memory;
        arc_chain_add(&chain, text, len);
}

Test(cost, arc_seal)
{
        all_linear(parse_arc_seal, "arc seal", 30000, HEADS("", "i=1; d=a.test; b="),
                   UNITS(";", "a=b;", "i=1;", "=", " ", "\n ", "a", "d=", "a ", "\xff"));
}

static void parse_list_id(arena_t *memory, char *text, size_t len)
{
        char id[LIST_ID_SIZE];

        (void)memory;
        list_id_parse(text, len, id);
}

Test(cost, list_id)
{
        all_linear(parse_list_id, "list id", 30000, HEADS("", "<", "name <"),
                   UNITS("<", ">", "<>", "a.", "(", ")", "()", "\"", " ", "a", ".", "\xc3\xbc"));
}

static void parse_received(arena_t *memory, char *text, size_t len)
{
        received_t received;

        cr_assert_geq(received_parse(memory, text, len, &received), 0);
}

Test(cost, received)
{
        all_linear(
            parse_received, "received", 30000,
            HEADS("", "from a (b [192.0.2.1]) ", "from a (b [192.0.2.1]) by c (d) with "),
            UNITS("(", "()", ")", "[", "]", " ", "from ", "by ", "a ", "a", "\n ", ";", "\\"));
}

static void read_header(arena_t *memory, char *text, size_t len)
{
        header_field_t field;
        header_t header;

        header_begin(&header, text, len);
        while (header_next(memory, &header, &field) == 1)
                ;
}

Test(cost, header)
{
        all_linear(read_header, "header", 30000, HEADS("", "A: b\n", "From a\n"),
                   UNITS("A: b\n", "A:", "\n ", " ", "\r", "\r\n ", "From \n", ">From \n", "a",
                         "A:\n ", "A \t", ":"));
}

static void count_field(arena_t *memory, char *text, size_t len)
{
        fields_count_t fields = {.count = {0}};

        (void)memory;
        (void)len;
        fields_add(&fields, text);
}

Test(cost, fields)
{
        all_linear(count_field, "fields", 30000, HEADS("", "From"), UNITS(" ", "a", "\t", "From "));
}

/* --- the envelope, and names --- */

static void read_envelope(arena_t *memory, char *text, size_t len)
{
        const char *sender = envelope_sender(memory, text);

        (void)len;
        cr_assert_not_null(sender);
        cr_assert_not_null(envelope_helo(memory, text));
        envelope_sender_domain(sender);
        envelope_sender_equal(sender, text);
}

Test(cost, envelope)
{
        all_linear(read_envelope, "envelope", 30000, HEADS("", "<", "<@a:", "\""),
                   UNITS("@", ":", "\\", "\"", "<", ">", "a", "@a,", "a@b"));
}

static void read_domain(arena_t *memory, char *text, size_t len)
{
        char domain[DOMAIN_LONG_SIZE];

        (void)memory;
        domain_normalize(text, len, domain);
        domain_normalize_long(text, len, domain);
}

Test(cost, domain)
{
        static const char *const units[] = {".",
                                            "a.",
                                            "a",
                                            "-",
                                            "\xc3\xbc",
                                            "\xc3\xbc.",
                                            "\xff",
                                            "\xe2\x98\x83",
                                            "\xe3\x80\x82",
                                            "\xe2\x80\x8b",
                                            "xn--a.",
                                            NULL};

        all_linear(read_domain, "domain", 30000, HEADS("", "b."), units);
        all_linear(read_domain, "short domain", 100, HEADS("", "b."), units); /* for libidn2 */
}

/* --- records --- */

static void parse_dmarc(arena_t *memory, char *text, size_t len)
{
        dmarc_record_t record;

        cr_assert_geq(dmarc_record_parse(memory, text, len, &record), 0);
}

Test(cost, dmarc_record)
{
        all_linear(parse_dmarc, "dmarc record", 6000,
                   HEADS("", "v=DMARC1; ", "v=DMARC1; p=none; rua="),
                   UNITS(";", "p=none;", "=", " ", "rua=mailto:a@b.test;", "mailto:a@b.test,", ",",
                         "!", ":", "a", "fo=1;"));
}

static void parse_spf(arena_t *memory, char *text, size_t len)
{
        spf_subject_t subject = {
            .sender = "a.user+tag@sender.test", .helo = "helo.test", .domain = "current.test"};
        const char *why;

        (void)memory;
        address_parse("192.0.2.99", &subject.client);
        free(spf_record_rewrite(text, len, &subject, &why));
}

Test(cost, spf_record)
{
        all_linear(parse_spf, "spf record", SPF_RECORD_MAX / GROWTH - 10, HEADS("v=spf1 "),
                   UNITS(" ", "a ", "ip4:192.0.2.1 ", "ip6:2001:db8::1 ", "include:a.test ",
                         "a:%{d} ", "mx/0 ", "exp=a.test ", "redirect=a.test ", "a:%{d1r.}.test ",
                         "a", "a.", "-all ", "?", "x=y "));
}
