#include "cli/doctor/findings.h"

#include <stdarg.h>
#include <string.h>

void findings_init(findings_t *findings, arena_t *arena)
{
        memset(findings, 0, sizeof(*findings));
        findings->arena = arena;
        findings->last = &findings->first;
}

static __attribute__((format(printf, 2, 0))) const char *
format_text(findings_t *findings, const char *format, va_list args)
{
        va_list again;
        char *text = NULL;
        int len;

        va_copy(again, args);
        len = vsnprintf(NULL, 0, format, again);
        va_end(again);
        if (len >= 0)
                text = arena_alloc(findings->arena, (size_t)len + 1);
        if (text == NULL) {
                findings->failed = true;
                return "";
        }
        vsnprintf(text, (size_t)len + 1, format, args);
        return text;
}

finding_t *finding_add(findings_t *findings, enum severity severity, const char *keyword,
                       const char *where, const char *format, ...)
{
        finding_t *finding = arena_alloc(findings->arena, sizeof(*finding));
        va_list args;

        if (finding == NULL) {
                findings->failed = true;
                return &findings->lost;
        }
        finding->severity = severity;
        finding->keyword = keyword;
        finding->where = where;
        va_start(args, format);
        finding->text = format_text(findings, format, args);
        va_end(args);
        *findings->last = finding;
        findings->last = &finding->next;
        return finding;
}

void finding_means(findings_t *findings, finding_t *finding, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        finding->meaning = format_text(findings, format, args);
        va_end(args);
}

static void add_change(findings_t *findings, finding_t *finding, const change_t *wanted)
{
        change_t **last = &finding->changes;
        change_t *change = arena_alloc(findings->arena, sizeof(*change));

        if (change == NULL) {
                findings->failed = true;
                return;
        }
        *change = *wanted;
        while (*last != NULL)
                last = &(*last)->next;
        *last = change;
}

void finding_change(findings_t *findings, finding_t *finding, const char *file, const char *section,
                    const char *format, ...)
{
        change_t change = {.file = file, .section = section};
        va_list args;

        va_start(args, format);
        change.line = format_text(findings, format, args);
        va_end(args);
        add_change(findings, finding, &change);
}

void finding_command(findings_t *findings, finding_t *finding, const char *format, ...)
{
        change_t change = {0};
        va_list args;

        va_start(args, format);
        change.line = format_text(findings, format, args);
        va_end(args);
        add_change(findings, finding, &change);
}

static bool same_text(const char *one, const char *other)
{
        return one == other || (one != NULL && other != NULL && strcmp(one, other) == 0);
}

static bool same_changes(const change_t *one, const change_t *other)
{
        while (one != NULL && other != NULL && same_text(one->file, other->file) &&
               same_text(one->section, other->section) && same_text(one->line, other->line)) {
                one = one->next;
                other = other->next;
        }
        return one == NULL && other == NULL;
}

static bool same_finding(const finding_t *one, const finding_t *other)
{
        return one->severity == other->severity && strcmp(one->keyword, other->keyword) == 0 &&
               same_text(one->text, other->text) && same_text(one->meaning, other->meaning) &&
               same_changes(one->changes, other->changes);
}

static void join_where(findings_t *findings, finding_t *finding, const finding_t *other)
{
        char *both;

        if (finding->where == NULL || other->where == NULL ||
            strcmp(finding->where, other->where) == 0)
                return;
        both = arena_printf(findings->arena, "%s, %s", finding->where, other->where);
        if (both == NULL)
                findings->failed = true;
        else
                finding->where = both;
}

void findings_merge(findings_t *findings)
{
        for (finding_t *one = findings->first; one != NULL; one = one->next) {
                finding_t **link = &one->next;

                while (*link != NULL) {
                        if (!same_finding(one, *link)) {
                                link = &(*link)->next;
                                continue;
                        }
                        join_where(findings, one, *link);
                        *link = (*link)->next;
                }
        }
        findings->last = &findings->first;
        while (*findings->last != NULL)
                findings->last = &(*findings->last)->next;
}

unsigned findings_count(const findings_t *findings, enum severity severity)
{
        unsigned count = 0;

        for (const finding_t *finding = findings->first; finding != NULL; finding = finding->next)
                if (finding->severity == severity)
                        count++;
        return count;
}

bool findings_change_file(const findings_t *findings, const char *file)
{
        for (const finding_t *finding = findings->first; finding != NULL; finding = finding->next)
                for (const change_t *change = finding->changes; change != NULL;
                     change = change->next)
                        if (change->file != NULL && strcmp(change->file, file) == 0)
                                return true;
        return false;
}
