#include "policyd/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/app/log.h"

#define READ_OCTETS 16384

struct connection {
        connection_t *next, *previous;
        struct ev_loop *loop;
        const connection_events_t *events;
        ev_io readable, writable;
        request_reader_t reader;
        char *input; /* read behind the request at hand, not looked at yet */
        size_t input_len;
        char *output; /* what the client did not take yet */
        size_t output_len;
        bool busy;      /* a reply is owed */
        bool finishing; /* no more requests */
};

static void destroy(connection_t *connection)
{
        connection->events->closed(connection->events->context, connection);
        ev_io_stop(connection->loop, &connection->readable);
        ev_io_stop(connection->loop, &connection->writable);
        close(connection->readable.fd);
        request_reader_clear(&connection->reader);
        free(connection->input);
        free(connection->output);
        free(connection);
}

/* Put aside what stands behind the request at hand. */
static bool keep_input(connection_t *connection, const char *data, size_t len)
{
        char *copy = NULL;

        if (len > 0) {
                copy = malloc(len);
                if (copy == NULL)
                        return false;
                memcpy(copy, data, len);
        }
        free(connection->input);
        connection->input = copy;
        connection->input_len = len;
        return true;
}

/* Take bytes in up to the end of the first request in them. */
static void feed(connection_t *connection, const char *data, size_t len)
{
        policy_request_t request;
        size_t taken;
        enum request_status status = request_read(&connection->reader, data, len, &taken, &request);

        if (status == REQUEST_COMPLETE) {
                connection->busy = true;
                ev_io_stop(connection->loop, &connection->readable);
                if (!keep_input(connection, data + taken, len - taken))
                        connection->finishing = true;
                connection->events->request(connection->events->context, connection, &request);
                return;
        }
        if (status != REQUEST_INCOMPLETE) {
                log_warning(
                    "closing the connection of a policy client: %s; see that only Postfix uses "
                    "policyd.Socket",
                    request_status_text(status));
                destroy(connection);
                return;
        }
        keep_input(connection, NULL, 0);
        ev_io_start(connection->loop, &connection->readable);
}

static void go_on(connection_t *connection)
{
        char *input = connection->input;

        connection->busy = false;
        if (connection->finishing) {
                destroy(connection);
                return;
        }
        connection->input = NULL;
        feed(connection, input, connection->input_len);
        free(input);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
        connection_t *connection = watcher->data;
        char data[READ_OCTETS];
        ssize_t len = recv(watcher->fd, data, sizeof(data), 0);

        (void)loop;
        (void)events;
        if (len > 0)
                feed(connection, data, (size_t)len);
        else if (len == 0 || (errno != EAGAIN && errno != EINTR))
                destroy(connection);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
        connection_t *connection = watcher->data;
        ssize_t sent = send(watcher->fd, connection->output, connection->output_len, MSG_NOSIGNAL);

        (void)events;
        if (sent < 0) {
                if (errno != EAGAIN && errno != EINTR)
                        destroy(connection);
                return;
        }
        connection->output_len -= (size_t)sent;
        memmove(connection->output, connection->output + sent, connection->output_len);
        if (connection->output_len > 0)
                return;
        free(connection->output);
        connection->output = NULL;
        ev_io_stop(loop, watcher);
        go_on(connection);
}

connection_t *connection_create(struct ev_loop *loop, int fd, const connection_events_t *events)
{
        connection_t *connection = calloc(1, sizeof(*connection));

        if (connection == NULL) {
                close(fd);
                return NULL;
        }
        connection->loop = loop;
        connection->events = events;
        ev_io_init(&connection->readable, on_readable, fd, EV_READ);
        ev_io_init(&connection->writable, on_writable, fd, EV_WRITE);
        connection->readable.data = connection;
        connection->writable.data = connection;
        ev_io_start(loop, &connection->readable);
        return connection;
}

void connection_reply(connection_t *connection, const char *reply)
{
        size_t len = strlen(reply);
        ssize_t sent = send(connection->readable.fd, reply, len, MSG_NOSIGNAL);

        if (sent == (ssize_t)len) {
                go_on(connection);
                return;
        }
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
                destroy(connection);
                return;
        }
        connection->output = strdup(reply + (sent > 0 ? sent : 0));
        if (connection->output == NULL) {
                destroy(connection);
                return;
        }
        connection->output_len = strlen(connection->output);
        ev_io_start(connection->loop, &connection->writable);
}

void connection_finish(connection_t *connection)
{
        connection->finishing = true;
        if (!connection->busy)
                destroy(connection);
}

connection_t *connection_next(const connection_t *connection)
{
        return connection->next;
}

void connection_link(connection_t **head, connection_t *connection)
{
        connection->next = *head;
        if (*head != NULL)
                (*head)->previous = connection;
        *head = connection;
}

void connection_unlink(connection_t **head, connection_t *connection)
{
        if (connection->previous != NULL)
                connection->previous->next = connection->next;
        else
                *head = connection->next;
        if (connection->next != NULL)
                connection->next->previous = connection->previous;
}
