/*
 * A query that fails: a result that is final must be the one that any answer would have given
 * (contract 5.7). Pseudo-random zones; in each, every answer that a failed query could have had.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "common/dmarc/dmarc.h"
#include "common/mail/domain.h"

enum answer { NO_RECORD, PSD_U, PSD_N, PSD_Y, FAILURE };

#define NAMES 7

static const char *const names[NAMES] = {
    "cc", "org.cc", "a.org.cc", "b.org.cc", "x.a.org.cc", "y.a.org.cc", "x.b.org.cc",
};

struct zone {
        enum answer answers[NAMES];
};

static enum dmarc_dns_status txt(void *context, arena_t *arena, const char *name,
                                 const dmarc_txt_t **records, size_t *count)
{
        static const dmarc_txt_t texts[] = {
            [PSD_U] = {.text = "v=DMARC1; p=reject", .len = 18},
            [PSD_N] = {.text = "v=DMARC1; p=reject; psd=n", .len = 25},
            [PSD_Y] = {.text = "v=DMARC1; p=reject; psd=y", .len = 25},
        };
        const struct zone *zone = context;

        (void)arena;
        for (size_t i = 0; i < NAMES; i++) {
                enum answer answer = zone->answers[i];

                if (strcmp(name + strlen("_dmarc."), names[i]) != 0)
                        continue;
                if (answer == FAILURE)
                        return DMARC_DNS_ERROR;
                *records = &texts[answer];
                *count = 1;
                return answer == NO_RECORD ? DMARC_DNS_NODATA : DMARC_DNS_FOUND;
        }
        return DMARC_DNS_NXDOMAIN;
}

static enum dmarc_dns_status exists(void *context, const char *name)
{
        (void)context;
        (void)name;
        return DMARC_DNS_FOUND;
}

static dmarc_outcome_t evaluate_in(arena_t *arena, struct zone *zone, const char *author,
                                   const char *identifier)
{
        const dmarc_dns_t dns = {.txt = txt, .exists = exists, .context = zone};
        const dmarc_input_t input = {
            .author_domain = author,
            .spf = {.result = AUTH_PASS, .domain = identifier},
        };
        dmarc_outcome_t outcome;

        cr_assert_eq(dmarc_evaluate(arena, &dns, &input, &outcome), 0);
        return outcome;
}

/* Put the number's digits in the place of the failures; a top level's counts as no record. */
static void substitute(const struct zone *zone, unsigned number, struct zone *out)
{
        *out = *zone;
        for (size_t i = 0; i < NAMES; i++) {
                if (zone->answers[i] != FAILURE)
                        continue;
                out->answers[i] = i == 0 ? NO_RECORD : (enum answer)(number % FAILURE);
                if (i > 0)
                        number /= FAILURE;
        }
}

static unsigned possibilities(const struct zone *zone)
{
        unsigned count = 1;

        for (size_t i = 1; i < NAMES; i++)
                if (zone->answers[i] == FAILURE)
                        count *= FAILURE;
        return count;
}

static void check_zone(arena_t *arena, struct zone *zone, const char *author,
                       const char *identifier)
{
        dmarc_outcome_t outcome = evaluate_in(arena, zone, author, identifier);

        if (outcome.result == AUTH_TEMPERROR)
                return;
        for (unsigned i = 0; i < possibilities(zone); i++) {
                struct zone whole;
                dmarc_outcome_t other;

                substitute(zone, i, &whole);
                other = evaluate_in(arena, &whole, author, identifier);
                cr_assert_eq(outcome.result, other.result, "%s, %s: %s, but %s with answers %u",
                             author, identifier, auth_result_name(outcome.result),
                             auth_result_name(other.result), i);
        }
}

Test(failures, a_final_result_is_the_one_that_any_answer_gives)
{
        arena_t *arena = arena_create((size_t)1 << 20);
        unsigned random = 1;

        for (int round = 0; round < 20000; round++) {
                struct zone zone;
                const char *author, *identifier;
                unsigned failures = 0;

                for (size_t i = 0; i < NAMES; i++) {
                        random = random * 1103515245 + 12345;
                        zone.answers[i] = (enum answer)((random >> 16) % (FAILURE + 1));
                        if (zone.answers[i] == FAILURE && ++failures > 3)
                                zone.answers[i] = NO_RECORD;
                }
                random = random * 1103515245 + 12345;
                author = names[1 + (random >> 16) % (NAMES - 1)];
                random = random * 1103515245 + 12345;
                identifier = names[1 + (random >> 16) % (NAMES - 1)];
                check_zone(arena, &zone, author, identifier);
                arena_reset(arena);
        }
        arena_free(arena);
}

/* OnTempError = "accept" must not let in what names a broken name below a domain with a policy. */
Test(failures, the_policy_above_a_failure_is_known_to_be_possible)
{
        arena_t *arena = arena_create(0);
        struct zone zone = {.answers = {[1] = PSD_U, [2] = FAILURE}};
        dmarc_outcome_t outcome = evaluate_in(arena, &zone, "a.org.cc", "evil.cc");

        cr_expect_eq(outcome.result, AUTH_TEMPERROR);
        cr_expect_eq(outcome.possible, DMARC_POLICY_REJECT);
        cr_expect_not(outcome.has_policy);
        cr_expect_not(outcome.only_top_level_failed);
        zone = (struct zone){.answers = {[0] = FAILURE}};
        outcome = evaluate_in(arena, &zone, "a.org.cc", "a.org.cc");
        cr_expect_eq(outcome.result, AUTH_TEMPERROR);
        cr_expect_eq(outcome.possible, DMARC_POLICY_NONE);
        cr_expect(outcome.only_top_level_failed);
        arena_free(arena);
}
