#include "common/auth/spf_compile.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/auth/spf_record.h"

static size_t count_terms(const char *line)
{
        size_t count = 0;

        for (; *line != '\0'; line++)
                count += *line == ' ';
        return count;
}

static SPF_errcode_t compile_line(SPF_server_t *server, SPF_response_t *response, const char *line,
                                  SPF_record_t **part)
{
        SPF_errcode_t error = SPF_record_compile(server, response, part, line);

        if (error == SPF_E_SUCCESS && *part != NULL && (*part)->num_mech == count_terms(line) &&
            (*part)->num_mod == 0)
                return SPF_E_SUCCESS;
        if (*part != NULL)
                SPF_record_free(*part);
        *part = NULL;
        return error == SPF_E_NO_MEMORY ? error : SPF_E_BIG_MECH;
}

/* Append the mechanisms: libspf2 goes through them by their number, from one to the next. */
static SPF_errcode_t append(SPF_record_t *record, const SPF_record_t *part)
{
        const size_t len = record->mech_len + part->mech_len;
        SPF_mech_t *grown;

        if (record->num_mech + part->num_mech > UCHAR_MAX)
                return SPF_E_BIG_MECH;
        if (part->mech_len == 0)
                return SPF_E_SUCCESS;
        grown = realloc(record->mech_first, len);
        if (grown == NULL)
                return SPF_E_NO_MEMORY;
        memcpy((char *)grown + record->mech_len, part->mech_first, part->mech_len);
        record->mech_first = grown;
        record->mech_size = record->mech_len = len;
        record->num_mech = (unsigned char)(record->num_mech + part->num_mech);
        record->num_dns_mech = (unsigned char)(record->num_dns_mech + part->num_dns_mech);
        return SPF_E_SUCCESS;
}

SPF_errcode_t spf_compile(SPF_server_t *server, SPF_response_t *response, char *lines,
                          SPF_record_t **record)
{
        SPF_errcode_t error = SPF_E_SUCCESS;
        char *line, *next = lines;

        *record = NULL;
        while (error == SPF_E_SUCCESS && (line = strsep(&next, "\n")) != NULL) {
                SPF_record_t *part = NULL;

                error = compile_line(server, response, line, &part);
                if (*record == NULL) {
                        *record = part;
                } else if (error == SPF_E_SUCCESS) {
                        error = append(*record, part);
                        SPF_record_free(part);
                }
        }
        if (error != SPF_E_SUCCESS && *record != NULL) {
                SPF_record_free(*record);
                *record = NULL;
        }
        return error;
}

static spf_subject_t subject_of(const SPF_request_t *request)
{
        spf_subject_t subject = {
            .sender = request->env_from,
            .helo = request->helo_dom,
            .domain = request->cur_dom,
        };

        if (request->client_ver == AF_INET6) {
                memcpy(subject.client.octets, &request->ipv6, sizeof(request->ipv6));
        } else {
                memset(subject.client.octets + 10, 0xff, 2);
                memcpy(subject.client.octets + 12, &request->ipv4, sizeof(request->ipv4));
        }
        return subject;
}

SPF_errcode_t spf_compile_for(const SPF_request_t *request, SPF_response_t *response,
                              const char *text, size_t len, SPF_record_t **record, const char **why)
{
        const spf_subject_t subject = subject_of(request);
        SPF_errcode_t error = SPF_E_NO_MEMORY;
        char *lines = spf_record_rewrite(text, len, &subject, why);

        if (lines != NULL) {
                error = spf_compile(request->spf_server, response, lines, record);
                *why = "a record that libspf2 does not take";
        } else if (*why != NULL) {
                error = SPF_E_SYNTAX;
        }
        free(lines);
        return error;
}
