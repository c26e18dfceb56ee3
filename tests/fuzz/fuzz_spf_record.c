/* Feed the rewriting of SPF records with any text: what comes out is printable, and libspf2 takes
 * each term of it, however long the record is */
#include <stdlib.h>
#include <string.h>

#include "common/auth/spf_compile.h"
#include "common/auth/spf_record.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void keep_quiet(const char *file, int line, const char *message)
{
        (void)file;
        (void)line;
        (void)message;
}

static SPF_server_t *make_server(void)
{
        static SPF_server_t *server;

        if (server)
                return server;
        SPF_warning_handler = SPF_info_handler = SPF_debug_handler = keep_quiet;
        server = SPF_server_new(SPF_DNS_ZONE, 0);
        return server;
}

static void compile(char *lines)
{
        SPF_request_t *request = SPF_request_new(make_server());
        SPF_response_t *response = SPF_response_new(request);
        SPF_record_t *record;

        if (spf_compile(make_server(), response, lines, &record) != SPF_E_SUCCESS)
                abort();
        SPF_record_free(record);
        SPF_response_free(response);
        SPF_request_free(request);
}

static void check(const char *text, size_t len, const char *client)
{
        spf_subject_t subject = {
            .sender = "a.user+tag@sender.test", .helo = "helo.test", .domain = "current.test"};
        const char *why;
        char *lines;

        address_parse(client, &subject.client);
        lines = spf_record_rewrite(text, len, &subject, &why);
        if (!lines != !!why)
                abort();
        if (!lines)
                return;
        for (const char *at = lines; *at; at++)
                if ((*at < ' ' || *at > '~') && *at != '\n')
                        abort();
        compile(lines);
        free(lines);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
        char *text = malloc(size + 6);

        /* without a NUL at its end: nothing may read beyond the length */
        memcpy(text, "v=spf1", 6);
        memcpy(text + 6, data, size);
        check(text, size + 6, "192.0.2.1");
        check(text, size + 6, "2001:db8::1");
        free(text);
        return 0;
}
