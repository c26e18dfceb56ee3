#include "common/mail/authres.h"

#include <string.h>

#include "common/mail/domain.h"
#include "common/mail/envelope.h"
#include "common/mail/lexer.h"

#define LINE_WANTED 78  /* RFC 5322 2.1.1 */
#define NAME_OCTETS 24  /* "Authentication-Results: " stands before us */
#define VALUE_MAX   320 /* octets of an address that is written out: 64 "@" 255 */
#define WRITTEN_MAX 700 /* octets of a value as written: a line has 998 at most */
#define COMMENT_MAX 200

static bool is_token(const char *text)
{
        lexer_t lexer = {.at = text, .end = text + strlen(text)};

        return lexer_token(&lexer) > 0 && lexer_done(&lexer);
}

/* Words of atext with single dots between them. */
static bool is_dot_atom(const char *text, size_t len)
{
        lexer_t lexer = {.at = text, .end = text + len};

        do {
                if (lexer_atom(&lexer) == 0)
                        return false;
        } while (lexer_accept(&lexer, '.'));
        return lexer_done(&lexer);
}

static bool is_printable(const char *text, size_t len)
{
        for (size_t i = 0; i < len; i++)
                if ((unsigned char)text[i] < ' ' || (unsigned char)text[i] > 0x7e)
                        return false;
        return true;
}

/* As a quoted-string; what is not printable ASCII becomes "?". */
static char *quote(arena_t *arena, const char *text, size_t len)
{
        char *out = arena_calloc(arena, len + 2, 2);
        char *at = out;

        if (out == NULL)
                return NULL;
        *at++ = '"';
        for (size_t i = 0; i < len; i++) {
                if (text[i] == '"' || text[i] == '\\')
                        *at++ = '\\';
                *at++ = text[i];
                if (!is_printable(&text[i], 1))
                        at[-1] = '?';
        }
        *at = '"';
        return out;
}

static char *value(arena_t *arena, const char *text)
{
        if (is_token(text))
                return arena_strdup(arena, text);
        return quote(arena, text, strlen(text));
}

/*
 * [local-part "@"] domain-name. A local part that cannot be written, or is longer than any good
 * one, is left out: RFC 8601 2.7.2 would rather not have it anyway.
 */
static char *mailbox(arena_t *arena, const char *sender)
{
        const char *domain = envelope_sender_domain(sender);
        char normalized[DOMAIN_SIZE];
        char *local;
        size_t len;

        if (domain == NULL)
                return quote(arena, sender, strlen(sender));
        if (domain_normalize(domain, strlen(domain), normalized) != 0)
                return quote(arena, domain, strlen(domain));
        if (!is_printable(domain, strlen(domain)))
                domain = normalized;
        len = (size_t)(strrchr(sender, '@') - sender);
        if (strlen(sender) > VALUE_MAX || !is_printable(sender, len))
                return arena_strdup(arena, domain);
        local = is_dot_atom(sender, len) ? arena_strndup(arena, sender, len)
                                         : quote(arena, sender, len);
        return local != NULL ? arena_printf(arena, "%s@%s", local, domain) : NULL;
}

/* Text for a comment: nothing in it can end the comment. */
static char *comment(arena_t *arena, const char *text)
{
        size_t len = strnlen(text, COMMENT_MAX);
        char *out = arena_strndup(arena, text, len);

        for (char *at = out; at != NULL && *at != '\0'; at++)
                if (!is_printable(at, 1) || strchr("()\\", *at) != NULL)
                        *at = '?';
        return out;
}

static char *format_spf(arena_t *arena, const authres_report_t *report)
{
        const char *property = report->spf_mailfrom != NULL ? "mailfrom" : "helo";
        const char *identity =
            report->spf_mailfrom != NULL ? report->spf_mailfrom : report->spf_helo;
        char *text = NULL;

        if (identity == NULL || *identity == '\0')
                return arena_printf(arena, "spf=%s", auth_result_name(report->spf));
        text = report->spf_mailfrom != NULL ? mailbox(arena, identity) : value(arena, identity);
        if (text == NULL)
                return NULL;
        if (strlen(text) > WRITTEN_MAX)
                return arena_printf(arena, "spf=%s", auth_result_name(report->spf));
        return arena_printf(arena, "spf=%s smtp.%s=%s", auth_result_name(report->spf), property,
                            text);
}

static char *format_dmarc(arena_t *arena, const authres_report_t *report)
{
        const char *more = report->comment != NULL ? comment(arena, report->comment) : "";
        const char *from = report->header_from != NULL ? value(arena, report->header_from) : NULL;

        if (more == NULL || (report->header_from != NULL && from == NULL))
                return NULL;
        return arena_printf(arena, "dmarc=%s (p=%s dis=%s%s%s)%s%s%s%s",
                            auth_result_name(report->dmarc), dmarc_policy_name(report->policy),
                            dmarc_policy_name(report->disposition), *more != '\0' ? " " : "", more,
                            from != NULL ? " header.from=" : "", from != NULL ? from : "",
                            report->has_evaluated ? " policy.dmarc=" : "",
                            report->has_evaluated ? dmarc_policy_name(report->evaluated) : "");
}

char *authres_format(arena_t *arena, const authres_report_t *report)
{
        const char *id = value(arena, report->authserv_id);
        const char *spf = report->has_spf ? format_spf(arena, report) : "";
        const char *dmarc = format_dmarc(arena, report);
        const char *fold;
        size_t len;

        if (id == NULL || spf == NULL || dmarc == NULL)
                return NULL;
        len = NAME_OCTETS + strlen(id) + strlen(spf) + strlen(dmarc) + 4;
        fold = len <= LINE_WANTED ? " " : "\n\t";
        return arena_printf(arena, "%s;%s%s%s%s%s", id, *spf != '\0' ? fold : "", spf,
                            *spf != '\0' ? ";" : "", fold, dmarc);
}
