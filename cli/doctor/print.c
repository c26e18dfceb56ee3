/* The list of findings, for people and for programs. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/doctor/findings.h"

#define INDENT "         "

static const char *const severity_names[SEVERITIES] = {
    [SEVERITY_OK] = "ok",
    [SEVERITY_NOTE] = "note",
    [SEVERITY_WARNING] = "warning",
    [SEVERITY_ERROR] = "error",
};

static const char *const severity_colours[SEVERITIES] = {
    [SEVERITY_OK] = "\033[32m",
    [SEVERITY_NOTE] = "\033[36m",
    [SEVERITY_WARNING] = "\033[33m",
    [SEVERITY_ERROR] = "\033[31m",
};

/* Texts carry what stands in files of others: whatever is not printable ASCII is written as \ooo.
 */
static void print_text(FILE *out, const char *text)
{
        for (; *text != '\0'; text++) {
                if (*text >= 0x20 && *text <= 0x7e)
                        putc(*text, out);
                else
                        fprintf(out, "\\%03o", (unsigned)(unsigned char)*text);
        }
}

static void print_change(FILE *out, const change_t *change)
{
        fputs(INDENT "-> ", out);
        if (change->file == NULL) {
                fputs("run: ", out);
        } else {
                print_text(out, change->file);
                if (change->section != NULL) {
                        fputs(", ", out);
                        print_text(out, change->section);
                }
                fputs(": ", out);
        }
        print_text(out, change->line);
        putc('\n', out);
}

static void print_finding(FILE *out, const finding_t *finding, bool colour)
{
        fprintf(out, "%s%-7s%s  %s", colour ? severity_colours[finding->severity] : "",
                severity_names[finding->severity], colour ? "\033[0m" : "", finding->keyword);
        if (finding->where != NULL) {
                fputs(" (", out);
                print_text(out, finding->where);
                putc(')', out);
        }
        fputs(": ", out);
        print_text(out, finding->text);
        putc('\n', out);
        if (finding->meaning != NULL) {
                fputs(INDENT, out);
                print_text(out, finding->meaning);
                putc('\n', out);
        }
        for (const change_t *change = finding->changes; change != NULL; change = change->next)
                print_change(out, change);
}

static void print_number(FILE *out, unsigned number, const char *what, const char *end)
{
        fprintf(out, "%u %s%s%s", number, what, number == 1 ? "" : "s", end);
}

/* Is this command wanted, and not there before (of another file)? */
static bool is_followup(const findings_t *findings, size_t i)
{
        const followup_t *followups = findings->followups;

        if (!findings_change_file(findings, followups[i].file))
                return false;
        for (size_t k = 0; k < i; k++)
                if (strcmp(followups[k].command, followups[i].command) == 0 &&
                    findings_change_file(findings, followups[k].file))
                        return false;
        return true;
}

static void print_followups(const findings_t *findings, FILE *out)
{
        for (size_t i = 0; i < findings->followup_count; i++) {
                if (!is_followup(findings, i))
                        continue;
                fputs("After the changes run: ", out);
                print_text(out, findings->followups[i].command);
                putc('\n', out);
        }
}

void findings_print(const findings_t *findings, FILE *out, bool colour)
{
        for (const finding_t *finding = findings->first; finding != NULL; finding = finding->next)
                print_finding(out, finding, colour);
        print_followups(findings, out);
        print_number(out, findings_count(findings, SEVERITY_ERROR), "error", ", ");
        print_number(out, findings_count(findings, SEVERITY_WARNING), "warning", ", ");
        print_number(out, findings_count(findings, SEVERITY_NOTE), "note", "\n");
}

/* As print_text, for JSON. NULL when memory is out. */
static json_t *json_text(const char *text)
{
        char *buffer = NULL;
        size_t size;
        FILE *out = open_memstream(&buffer, &size);
        json_t *value;

        if (out == NULL)
                return NULL;
        print_text(out, text);
        value = fclose(out) == 0 ? json_string(buffer) : NULL;
        free(buffer);
        return value;
}

/* @return false when memory is out; a NULL text is left out */
static bool set_text(json_t *object, const char *key, const char *text)
{
        return text == NULL || json_object_set_new(object, key, json_text(text)) == 0;
}

static json_t *json_change(const change_t *change)
{
        json_t *object = json_object();
        bool command = change->file == NULL;

        if (object == NULL || !set_text(object, "file", change->file) ||
            !set_text(object, "section", change->section) ||
            !set_text(object, command ? "command" : "line", change->line)) {
                json_decref(object);
                return NULL;
        }
        return object;
}

static json_t *json_changes(const finding_t *finding)
{
        json_t *array = json_array();

        for (const change_t *change = finding->changes; array != NULL && change != NULL;
             change = change->next) {
                if (json_array_append_new(array, json_change(change)) != 0) {
                        json_decref(array);
                        return NULL;
                }
        }
        return array;
}

static json_t *json_finding(const finding_t *finding)
{
        json_t *object = json_object();

        if (object == NULL || !set_text(object, "severity", severity_names[finding->severity]) ||
            !set_text(object, "keyword", finding->keyword) ||
            !set_text(object, "where", finding->where) ||
            !set_text(object, "text", finding->text) ||
            !set_text(object, "meaning", finding->meaning) ||
            json_object_set_new(object, "changes", json_changes(finding)) != 0) {
                json_decref(object);
                return NULL;
        }
        return object;
}

static json_t *json_findings(const findings_t *findings)
{
        json_t *array = json_array();

        for (const finding_t *finding = findings->first; array != NULL && finding != NULL;
             finding = finding->next) {
                if (json_array_append_new(array, json_finding(finding)) != 0) {
                        json_decref(array);
                        return NULL;
                }
        }
        return array;
}

static json_t *json_followups(const findings_t *findings)
{
        json_t *array = json_array();

        for (size_t i = 0; array != NULL && i < findings->followup_count; i++) {
                if (!is_followup(findings, i))
                        continue;
                if (json_array_append_new(array, json_text(findings->followups[i].command)) != 0) {
                        json_decref(array);
                        return NULL;
                }
        }
        return array;
}

bool findings_print_json(const findings_t *findings, FILE *out)
{
        json_t *root = json_pack("{s:o, s:o, s:i, s:i, s:i}", "findings", json_findings(findings),
                                 "afterwards", json_followups(findings), "errors",
                                 (int)findings_count(findings, SEVERITY_ERROR), "warnings",
                                 (int)findings_count(findings, SEVERITY_WARNING), "notes",
                                 (int)findings_count(findings, SEVERITY_NOTE));
        bool ok = root != NULL && json_dumpf(root, out, JSON_INDENT(2)) == 0;

        json_decref(root);
        if (ok)
                putc('\n', out);
        return ok;
}
