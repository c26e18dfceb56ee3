#include "common/dmarc/align.h"

#include <errno.h>
#include <string.h>

#include "common/mail/domain.h"

/* Identifier and author domain can share an Organizational Domain only if they share a top level.
 */
static bool share_top_level(const char *a, const char *b)
{
        return strcmp(domain_suffix(a, 1), domain_suffix(b, 1)) == 0;
}

/* Whether the name is strictly below every failure of the walk, so that what is there is certain.
 */
static bool is_certain(const dmarc_walk_t *walk, const char *name)
{
        return walk->failed == NULL || domain_label_count(name) > domain_label_count(walk->failed);
}

/*
 * Two walks that have found the same record go on through the same names from there. Whatever a
 * failed query above it would have said, it would have said of both: they have the same
 * Organizational Domain, or cut the same name below the same public suffix.
 */
static bool share_record(const dmarc_walk_t *a, const dmarc_walk_t *b)
{
        for (size_t i = 0; i < a->count; i++)
                for (size_t n = 0; n < b->count; n++)
                        if (strcmp(a->found[i].name, b->found[n].name) == 0 &&
                            is_certain(a, a->found[i].name) && is_certain(b, b->found[n].name))
                                return true;
        return false;
}

/* The author's walk has found a record, so that the failure of a top level says nothing. */
static bool has_failed(const dmarc_walk_t *walk)
{
        return walk->failed != NULL && domain_label_count(walk->failed) > 1;
}

static enum alignment align_by_walk(aligner_t *aligner, const char *domain)
{
        const dmarc_walk_t *author = aligner->author;
        dmarc_walk_t *walk = arena_alloc(aligner->arena, sizeof(*walk));

        if (walk == NULL || dmarc_walk(aligner->arena, aligner->dns, domain, walk) != 0) {
                aligner->error = -ENOMEM;
                return ALIGNMENT_UNKNOWN;
        }
        if (has_failed(walk) || has_failed(author))
                return share_record(walk, author) ? ALIGNED : ALIGNMENT_UNKNOWN;
        return strcmp(dmarc_organizational_domain(walk), dmarc_organizational_domain(author)) == 0
                   ? ALIGNED
                   : NOT_ALIGNED;
}

static enum alignment align_relaxed(aligner_t *aligner, const char *domain)
{
        const dmarc_walk_t *author = aligner->author;
        enum alignment alignment;

        if (dmarc_walk_finish(aligner->arena, aligner->dns, aligner->author) != 0) {
                aligner->error = -ENOMEM;
                return ALIGNMENT_UNKNOWN;
        }
        /* an Organizational Domain is the name itself or above it */
        if (!has_failed(author) && !domain_is_within(domain, dmarc_organizational_domain(author)))
                return NOT_ALIGNED;
        for (size_t i = 0; i < aligner->known_count; i++)
                if (strcmp(aligner->known[i].domain, domain) == 0)
                        return aligner->known[i].alignment;
        if (aligner->known_count == DMARC_IDENTIFIERS_MAX) {
                aligner->too_many = true;
                return has_failed(author) ? ALIGNMENT_UNKNOWN : NOT_ALIGNED;
        }
        alignment = align_by_walk(aligner, domain);
        aligner->known[aligner->known_count].domain = domain;
        aligner->known[aligner->known_count++].alignment = alignment;
        return alignment;
}

enum alignment align(aligner_t *aligner, const char *domain, bool strict)
{
        const char *author = aligner->author->start;

        if (domain == NULL)
                return NOT_ALIGNED;
        if (strcmp(domain, author) == 0)
                return ALIGNED;
        if (strict || !share_top_level(domain, author))
                return NOT_ALIGNED;
        return align_relaxed(aligner, domain);
}
