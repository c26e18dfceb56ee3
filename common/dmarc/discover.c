#include "common/dmarc/discover.h"

#include <errno.h>
#include <string.h>

#include "common/mail/domain.h"

#define LABEL_MAX   63
#define SKIP_TO     7    /* labels, from a name that has more (RFC 9989 4.10 step 5) */
#define RECORDS_MAX 1000 /* TXT records looked at of one name */

static const char prefix[] = "_dmarc.";

/* A name that the DNS cannot hold has no record. */
static bool expressible(const char *domain)
{
        if (strlen(prefix) + strlen(domain) > DOMAIN_MAX)
                return false;
        for (const char *label = domain; *label != '\0';) {
                size_t len = strcspn(label, ".");

                if (len == 0 || len > LABEL_MAX)
                        return false;
                label += len + (label[len] == '.');
        }
        return *domain != '\0';
}

/* The one DMARC record among the TXT records of a name; several count as none. @return 1, 0 or
 * -ENOMEM */
static int choose_record(arena_t *arena, const dmarc_txt_t *records, size_t count,
                         dmarc_record_t *chosen)
{
        size_t kept = 0;

        for (size_t i = 0; i < count && i < RECORDS_MAX && kept < 2; i++) {
                dmarc_record_t record;
                int found = dmarc_record_parse(arena, records[i].text, records[i].len, &record);

                if (found < 0)
                        return found;
                if (found > 0 && kept++ == 0)
                        *chosen = record;
        }
        return kept == 1;
}

/*
 * A failure counts, but for one at the top level below a record that was found: hardly any top
 * level has a record, and its servers' trouble would hold up the mail of all domains below it.
 */
static void note_failure(dmarc_walk_t *walk, const char *domain)
{
        if (walk->failed == NULL && (walk->count == 0 || domain_label_count(domain) > 1))
                walk->failed = domain;
}

/* @return 1 when there is a record at `domain`, 0 when not (or the query failed), -ENOMEM */
static int ask(arena_t *arena, const dmarc_dns_t *dns, const char *domain, dmarc_walk_t *walk)
{
        const dmarc_txt_t *records = NULL;
        size_t count = 0;
        const char *name;

        if (!expressible(domain))
                return 0;
        name = arena_printf(arena, "%s%s", prefix, domain);
        if (name == NULL)
                return -ENOMEM;
        switch (dns->txt(dns->context, arena, name, &records, &count)) {
        case DMARC_DNS_FOUND:
                return choose_record(arena, records, count, &walk->found[walk->count].record);
        case DMARC_DNS_ERROR:
                note_failure(walk, domain);
                return 0;
        case DMARC_DNS_NODATA:
        case DMARC_DNS_NXDOMAIN:
                break;
        }
        return 0;
}

/* One step. @return 0 or -ENOMEM */
static int step(arena_t *arena, const dmarc_dns_t *dns, dmarc_walk_t *walk)
{
        int found = ask(arena, dns, walk->target, walk);
        size_t labels = domain_label_count(walk->target);

        if (found < 0)
                return found;
        if (found > 0)
                walk->found[walk->count++].name = walk->target;
        walk->queries++;
        if (labels <= 1 || walk->queries == DMARC_WALK_MAX ||
            (found > 0 && walk->found[walk->count - 1].record.psd != DMARC_PSD_U))
                walk->target = NULL;
        else
                walk->target = domain_suffix(walk->start, labels > SKIP_TO ? SKIP_TO : labels - 1);
        return 0;
}

int dmarc_walk_begin(arena_t *arena, const dmarc_dns_t *dns, const char *domain, dmarc_walk_t *walk)
{
        memset(walk, 0, sizeof(*walk));
        walk->start = domain;
        walk->target = domain;
        return step(arena, dns, walk);
}

int dmarc_walk_finish(arena_t *arena, const dmarc_dns_t *dns, dmarc_walk_t *walk)
{
        int error = 0;

        while (walk->target != NULL && walk->failed == NULL && error == 0)
                error = step(arena, dns, walk);
        return error;
}

int dmarc_walk_past_failure(arena_t *arena, const dmarc_dns_t *dns, dmarc_walk_t *walk)
{
        int error = 0;

        while (walk->target != NULL && error == 0)
                error = step(arena, dns, walk);
        return error;
}

int dmarc_walk(arena_t *arena, const dmarc_dns_t *dns, const char *domain, dmarc_walk_t *walk)
{
        int error = dmarc_walk_begin(arena, dns, domain, walk);

        return error == 0 ? dmarc_walk_finish(arena, dns, walk) : error;
}

const char *dmarc_organizational_domain(const dmarc_walk_t *walk)
{
        for (size_t i = 0; i < walk->count; i++) {
                const dmarc_found_t *found = &walk->found[i];

                if (found->record.psd == DMARC_PSD_N)
                        return found->name;
                if (found->record.psd == DMARC_PSD_Y && strcmp(found->name, walk->start) != 0)
                        return domain_suffix(walk->start, domain_label_count(found->name) + 1);
        }
        return walk->count > 0 ? walk->found[walk->count - 1].name : walk->start;
}
