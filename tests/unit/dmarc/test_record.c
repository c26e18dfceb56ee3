/* DMARC Policy Records: the vectors of tests/data/dmarc-vectors.yaml, and hostile ones */
#include <criterion/criterion.h>
#include <string.h>

#include "common/dmarc/record.h"
#include "tests/unit/support/yaml.h"

static arena_t *arena;
static dmarc_record_t record;

static void begin(void)
{
        arena = arena_create((size_t)64 << 20);
}

static void end(void)
{
        arena_free(arena);
}

TestSuite(dmarc_record, .init = begin, .fini = end);

static const char *tag_text(const dmarc_policy_tag_t *tag)
{
        if (tag->state == DMARC_TAG_ABSENT)
                return NULL;
        return tag->state == DMARC_TAG_INVALID ? "invalid" : dmarc_policy_name(tag->value);
}

static void check_text(vectors_t *vectors, yaml_node_t *expect, const char *key, const char *found,
                       const char *id)
{
        yaml_node_t *node = vectors_get(vectors, expect, key);
        const char *wanted = vectors_text(node, NULL);

        if (node == NULL)
                return;
        if (wanted == NULL)
                cr_expect_null(found, "%s: %s: %s", id, key, found);
        else
                cr_expect(found != NULL && strcmp(found, wanted) == 0, "%s: %s: %s", id, key,
                          found != NULL ? found : "absent");
}

static void check_uris(vectors_t *vectors, yaml_node_t *expect, const char *key,
                       const char *const *uris, size_t count, const char *id)
{
        yaml_node_t *node = vectors_get(vectors, expect, key);

        if (node == NULL)
                return;
        cr_assert_eq(count, vectors_count(node), "%s: %s: %zu", id, key, count);
        for (size_t i = 0; i < count; i++)
                cr_expect_str_eq(uris[i], vectors_text(vectors_at(vectors, node, i), NULL), "%s",
                                 id);
}

static void check(vectors_t *vectors, yaml_node_t *vector)
{
        static const char *const psd[] = {"u", "y", "n"};
        yaml_node_t *expect = vectors_get(vectors, vector, "expect");
        yaml_node_t *text = vectors_get(vectors, vector, "txt");
        yaml_node_t *usable = vectors_get(vectors, expect, "usable");
        const char *id = vectors_get_text(vectors, vector, "id");
        int found = dmarc_record_parse(arena, (const char *)text->data.scalar.value,
                                       text->data.scalar.length, &record);

        cr_assert_eq(found, vectors_true(vectors_get(vectors, expect, "record")), "%s", id);
        if (found == 0)
                return;
        check_text(vectors, expect, "p", tag_text(&record.p), id);
        check_text(vectors, expect, "sp", tag_text(&record.sp), id);
        check_text(vectors, expect, "np", tag_text(&record.np), id);
        check_text(vectors, expect, "adkim", record.strict_dkim ? "s" : "r", id);
        check_text(vectors, expect, "aspf", record.strict_spf ? "s" : "r", id);
        check_text(vectors, expect, "psd", psd[record.psd], id);
        check_text(vectors, expect, "t", record.testing ? "y" : "n", id);
        check_text(vectors, expect, "fo", record.fo, id);
        check_uris(vectors, expect, "rua", record.rua, record.rua_count, id);
        check_uris(vectors, expect, "ruf", record.ruf, record.ruf_count, id);
        if (usable != NULL)
                cr_expect_eq(record.usable, vectors_true(usable), "%s: usable", id);
}

static void check_vectors(const char *file, size_t count)
{
        vectors_t vectors;
        yaml_node_t *all;

        vectors_open(&vectors, file);
        all = vectors_get(&vectors, vectors.root, "record_vectors");
        cr_assert_eq(vectors_count(all), count);
        for (size_t i = 0; i < vectors_count(all); i++)
                check(&vectors, vectors_at(&vectors, all, i));
        vectors_close(&vectors);
}

Test(dmarc_record, vectors)
{
        check_vectors("dmarc-vectors.yaml", 29);
}

Test(dmarc_record, further_vectors)
{
        check_vectors("dmarc-vectors-more.yaml", 9);
}

/* What the files do not have. */
Test(dmarc_record, more_rows)
{
        static const struct {
                const char *text;
                int found;
                enum dmarc_tag p;
                bool usable;
        } rows[] = {
            {"V=DMARC1; P=NONE", 1, DMARC_TAG_VALID, true},
            {"v=DMARC1; p=none; rua=mailto:a@example.com!10m , mailto:b@example.com!5", 1,
             DMARC_TAG_VALID, true},
            {"v=DMARC1; p=none; rua=mailto:", 1, DMARC_TAG_VALID, true},
            {"v=DMARC1; p=reject.", 1, DMARC_TAG_INVALID, false},
            {"v= DMARC1; p=reject", 1, DMARC_TAG_VALID, true},
            {"dmarc1; p=reject", 0, DMARC_TAG_ABSENT, false},
            {"v=DMARC1; p=reject; sp=", 1, DMARC_TAG_VALID, false},
            {"v=DMARC1; p=reject; rua=mailto:a@example.com?subject=x;y", 1, DMARC_TAG_VALID, true},
            {"v=DMARC1; p=none; p=reject", 1, DMARC_TAG_INVALID, false},
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
                cr_assert_eq(dmarc_record_parse(arena, rows[i].text, strlen(rows[i].text), &record),
                             rows[i].found, "%s", rows[i].text);
                cr_expect_eq(record.p.state, rows[i].p, "%s", rows[i].text);
                cr_expect_eq(record.usable, rows[i].usable, "%s", rows[i].text);
        }
}

Test(dmarc_record, drops_size_suffixes_and_bad_options)
{
        static const char text[] = "v=DMARC1; p=none; rua=mailto:a@example.com!10m , mailto:b@x!5;"
                                   " ruf=mailto:, c@d; fo=d:d";

        cr_assert_eq(dmarc_record_parse(arena, text, strlen(text), &record), 1);
        cr_assert_eq(record.rua_count, 2);
        cr_assert_str_eq(record.rua[0], "mailto:a@example.com");
        cr_assert_str_eq(record.rua[1], "mailto:b@x");
        cr_assert_eq(record.ruf_count, 0);
        cr_assert_str_eq(record.fo, "0");
}

Test(dmarc_record, stands_any_bytes)
{
        char text[DMARC_RECORD_MAX + 1];

        memset(text, ';', sizeof(text));
        memcpy(text, "v=DMARC1", 8);
        cr_assert_eq(dmarc_record_parse(arena, text, DMARC_RECORD_MAX, &record), 1);
        cr_assert_eq(dmarc_record_parse(arena, text, sizeof(text), &record), 0, "too long");
        cr_assert_eq(dmarc_record_parse(arena, "v=DMARC1\0; p=reject", 19, &record), 0);
        cr_assert_eq(dmarc_record_parse(arena, "v=DMARC1; p=rej\0ct", 18, &record), 1);
        cr_assert_eq(record.p.state, DMARC_TAG_INVALID);
        cr_assert_eq(dmarc_record_parse(arena, "", 0, &record), 0);
}
