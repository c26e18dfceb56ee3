/*
 * Write a field from any values, and read it again: one field, with our id, one spf and one dmarc
 * result; nothing in a value ends or extends it. LF separates sender, helo and author domain.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/mail/authres.h"
#include "common/mail/domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
        if (!condition)
                abort();
}

/* Folding is white space behind a newline, and nothing else stands there. */
static void check_octets(const char *field)
{
        for (const char *at = field; *at; at++) {
                require(*at != '\r');
                require(*at != '\n' || at[1] == '\t' || at[1] == ' ');
                require(*at == '\n' || *at == '\t' || ((unsigned char)*at >= ' ' && *at != 0x7f));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        arena_t *arena = arena_create(0);
        char *text = malloc(size + 1), *helo, *author;
        char domain[DOMAIN_SIZE];
        authres_report_t report = {.authserv_id = "mx.example.org", .has_spf = true};
        authres_t again;
        char *field;

        memcpy(text, data, size);
        text[size] = '\0';
        helo = strchr(text, '\n');
        if (helo)
                *helo++ = '\0';
        author = helo ? strchr(helo, '\n') : NULL;
        if (author)
                *author++ = '\0';
        report.spf = (enum auth_result)(size % AUTH_RESULT_COUNT);
        report.spf_mailfrom = *text ? text : NULL;
        report.spf_helo = helo;
        if (author && domain_normalize(author, strlen(author), domain) == 0)
                report.header_from = domain;
        report.has_evaluated = size % 2;
        field = authres_format(arena, &report);
        require(field != NULL);
        check_octets(field);
        require(authres_parse(arena, field, strlen(field), &again) == 0);
        require(again.status == AUTHRES_OK && strcmp(again.authserv_id, "mx.example.org") == 0);
        require(again.result_count == 2);
        require(strcmp(again.results[0].method, "spf") == 0);
        require(strcmp(again.results[1].method, "dmarc") == 0);
        free(text);
        arena_free(arena);
        return 0;
}
