#include "common/app/page_server.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <microhttpd.h>

#define PATH             "/metrics"
#define CONNECTIONS_MAX  32
#define CONNECTION_BYTES 16384 /* a request's head must fit */
#define IDLE_SECONDS     10

struct page_server {
        struct MHD_Daemon *daemon;
        const char *type;
        page_write_fn *write;
        void *context;
};

static enum MHD_Result send_text(struct MHD_Connection *connection, unsigned status,
                                 const char *text)
{
        /* libmicrohttpd's argument is not const, though it changes nothing */
        struct MHD_Response *response = MHD_create_response_from_buffer(
            strlen(text), (void *)(size_t)text, MHD_RESPMEM_PERSISTENT);
        enum MHD_Result result;

        if (response == NULL)
                return MHD_NO;
        if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
                MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
        result = MHD_queue_response(connection, status, response);
        MHD_destroy_response(response);
        return result;
}

static enum MHD_Result send_page(const page_server_t *server, struct MHD_Connection *connection)
{
        struct MHD_Response *response;
        enum MHD_Result result;
        char *page = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&page, &len);

        if (out == NULL)
                return MHD_NO;
        server->write(server->context, out);
        if (fclose(out) != 0) {
                free(page);
                return MHD_NO;
        }
        response = MHD_create_response_from_buffer(len, page, MHD_RESPMEM_MUST_FREE);
        if (response == NULL) {
                free(page);
                return MHD_NO;
        }
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, server->type);
        result = MHD_queue_response(connection, MHD_HTTP_OK, response);
        MHD_destroy_response(response);
        return result;
}

/* Answered at the first call, before a body is read: so libmicrohttpd closes the connection after
 * the reply. Readers come seldom, and should not hold one of the few connections. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_len, void **request)
{
        (void)version;
        (void)body;
        (void)body_len;
        (void)request;
        if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
                return send_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        if (strcmp(url, PATH) != 0)
                return send_text(connection, MHD_HTTP_NOT_FOUND, "the page is " PATH "\n");
        return send_page(context, connection);
}

/* Signals are for the daemon's own thread. */
static struct MHD_Daemon *start_daemon(page_server_t *server, int listener)
{
        struct MHD_Daemon *daemon;
        sigset_t all, old;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        daemon = MHD_start_daemon(MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL,
                                  on_request, server, MHD_OPTION_LISTEN_SOCKET, listener,
                                  MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
                                  MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
                                  MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, MHD_OPTION_END);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        return daemon;
}

int page_server_start(int listener, const char *type, page_write_fn *write, void *context,
                      page_server_t **server)
{
        page_server_t *made = calloc(1, sizeof(*made));

        if (made == NULL) {
                close(listener);
                return -ENOMEM;
        }
        made->type = type;
        made->write = write;
        made->context = context;
        errno = 0;
        made->daemon = start_daemon(made, listener);
        if (made->daemon == NULL) {
                int error = errno != 0 ? -errno : -EIO;

                close(listener);
                free(made);
                return error;
        }
        *server = made;
        return 0;
}

void page_server_stop(page_server_t *server)
{
        if (server == NULL)
                return;
        MHD_stop_daemon(server->daemon);
        free(server);
}
