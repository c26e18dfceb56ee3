#include "common/dmarc/align.h"

#include <string.h>

#include "common/mail/domain.h"

/* Identifier and author domain can share an Organizational Domain only if they share a top level.
 */
static bool share_top_level(const char *a, const char *b)
{
        return strcmp(domain_suffix(a, 1), domain_suffix(b, 1)) == 0;
}

static enum alignment align_by_walk(aligner_t *aligner, const char *domain, const char *author_org)
{
        dmarc_walk_t *walk = arena_alloc(aligner->arena, sizeof(*walk));

        if (walk == NULL || dmarc_walk(aligner->arena, aligner->dns, domain, walk) != 0) {
                aligner->error = -1;
                return ALIGNMENT_UNKNOWN;
        }
        if (walk->error)
                return ALIGNMENT_UNKNOWN;
        return strcmp(dmarc_organizational_domain(walk), author_org) == 0 ? ALIGNED : NOT_ALIGNED;
}

static enum alignment align_relaxed(aligner_t *aligner, const char *domain)
{
        const char *author_org;
        enum alignment alignment;

        if (dmarc_walk_finish(aligner->arena, aligner->dns, aligner->author) != 0) {
                aligner->error = -1;
                return ALIGNMENT_UNKNOWN;
        }
        if (aligner->author->error)
                return ALIGNMENT_UNKNOWN;
        author_org = dmarc_organizational_domain(aligner->author);
        /* an Organizational Domain is the name itself or above it */
        if (!domain_is_within(domain, author_org))
                return NOT_ALIGNED;
        for (size_t i = 0; i < aligner->known_count; i++)
                if (strcmp(aligner->known[i].domain, domain) == 0)
                        return aligner->known[i].alignment;
        if (aligner->known_count == DMARC_IDENTIFIERS_MAX) {
                aligner->too_many = true;
                return NOT_ALIGNED;
        }
        alignment = align_by_walk(aligner, domain, author_org);
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
