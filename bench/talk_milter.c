/*
 * The MTA's side of the milter protocol, as Postfix 3.7 speaks it (seen with strace): macros go
 * before every event of the envelope, even one that the milter does not want, and before every
 * header field; what needs no reply is sent together with what follows.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

#include "bench/talk.h"

#define ACTIONS_OFFERED  0x1FFU
#define PROTOCOL_OFFERED 0x1FFFFFU
#define PACKET_MAX       65536

static void put(script_t *script, const void *data, size_t len)
{
        script_put(script, PEER_MILTER, data, len);
}

/* The length is filled in by packet_end. */
static size_t packet_begin(script_t *script, char command)
{
        const uint32_t later = 0;
        size_t start = script->texts[PEER_MILTER].len;

        put(script, &later, sizeof(later));
        put(script, &command, 1);
        return start;
}

static void packet_end(script_t *script, size_t start)
{
        struct text *text = &script->texts[PEER_MILTER];
        uint32_t len = htonl((uint32_t)(text->len - start - sizeof(len)));

        memcpy(text->octets + start, &len, sizeof(len));
}

static void put_text(script_t *script, const char *text)
{
        put(script, text, strlen(text) + 1);
}

static const char *macro_value(const char *name, const message_t *message, char stage)
{
        static const char *const fixed[][2] = {
            {"j", "mx.bench.test"},
            {"{daemon_name}", "mx.bench.test"},
            {"{daemon_addr}", "192.0.2.25"},
            {"v", "Postfix 3.7.11"},
            {"{mail_host}", "example.test"},
            {"{mail_mailer}", "smtp"},
            {"{rcpt_addr}", "recipient@example.test"},
            {"{rcpt_host}", "example.test"},
            {"{rcpt_mailer}", "local"},
        };
        static char origin[64];

        if (strcmp(name, "i") == 0) /* known from the first accepted recipient on */
                return stage == SMFIC_MAIL || stage == SMFIC_RCPT ? NULL : message->queue_id;
        if (strcmp(name, "{mail_addr}") == 0)
                return message->sender;
        if (strcmp(name, "_") == 0) {
                snprintf(origin, sizeof(origin), "unknown [%s]", message->client);
                return origin;
        }
        for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
                if (strcmp(name, fixed[i][0]) == 0)
                        return fixed[i][1];
        return NULL;
}

/* `list` is what Postfix sends by default; an empty list of the milter's means that one too. */
static void put_macros(script_t *script, const milter_options_t *options, const message_t *message,
                       char event, int stage, const char *list)
{
        size_t start = packet_begin(script, SMFIC_MACRO);
        char names[256], *next = names;
        const char *name;

        put(script, &event, 1);
        snprintf(names, sizeof(names), "%s",
                 *options->macros[stage] != '\0' ? options->macros[stage] : list);
        while ((name = strsep(&next, " ,")) != NULL) {
                const char *value = macro_value(name, message, event);

                if (value == NULL)
                        continue;
                put_text(script, name);
                put_text(script, value);
        }
        packet_end(script, start);
}

static bool wanted(const milter_options_t *options, uint32_t unwanted)
{
        return (options->protocol & unwanted) == 0;
}

static void await_unless(script_t *script, const milter_options_t *options, uint32_t no_reply)
{
        if ((options->protocol & no_reply) == 0)
                script_await(script, PEER_MILTER);
}

void milter_script_negotiate(script_t *script)
{
        const uint32_t offer[] = {htonl(6), htonl(ACTIONS_OFFERED), htonl(PROTOCOL_OFFERED)};
        size_t start = packet_begin(script, SMFIC_OPTNEG);

        put(script, offer, sizeof(offer));
        packet_end(script, start);
        script_await(script, PEER_MILTER);
}

void milter_script_session(script_t *script, const milter_options_t *options,
                           const message_t *message)
{
        uint16_t port = htons(message->port);
        char host[24];
        size_t start;

        put_macros(script, options, message, SMFIC_CONNECT, SMFIM_CONNECT,
                   "j {daemon_name} {daemon_addr} v _");
        if (wanted(options, SMFIP_NOCONNECT)) {
                start = packet_begin(script, SMFIC_CONNECT);
                snprintf(host, sizeof(host), "[%s]", message->client);
                put_text(script, host);
                put(script, "4", 1);
                put(script, &port, sizeof(port));
                put_text(script, message->client);
                packet_end(script, start);
                await_unless(script, options, SMFIP_NR_CONN);
        }
        put_macros(script, options, message, SMFIC_HELO, SMFIM_HELO,
                   "{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer}");
        if (wanted(options, SMFIP_NOHELO)) {
                start = packet_begin(script, SMFIC_HELO);
                put_text(script, message->helo);
                packet_end(script, start);
                await_unless(script, options, SMFIP_NR_HELO);
        }
}

void milter_script_mail(script_t *script, const milter_options_t *options, const message_t *message,
                        bool first)
{
        char path[96];

        if (!first)
                packet_end(script, packet_begin(script, SMFIC_ABORT));
        put_macros(
            script, options, message, SMFIC_MAIL, SMFIM_ENVFROM,
            "i {auth_type} {auth_authen} {auth_author} {mail_addr} {mail_host} {mail_mailer}");
        if (wanted(options, SMFIP_NOMAIL)) {
                size_t start = packet_begin(script, SMFIC_MAIL);

                snprintf(path, sizeof(path), "<%s>", message->sender);
                put_text(script, path);
                packet_end(script, start);
                await_unless(script, options, SMFIP_NR_MAIL);
        }
}

void milter_script_recipient(script_t *script, const milter_options_t *options,
                             const message_t *message)
{
        put_macros(script, options, message, SMFIC_RCPT, SMFIM_ENVRCPT,
                   "i {rcpt_addr} {rcpt_host} {rcpt_mailer}");
        if (wanted(options, SMFIP_NORCPT)) {
                size_t start = packet_begin(script, SMFIC_RCPT);

                put_text(script, "<recipient@example.test>");
                packet_end(script, start);
                await_unless(script, options, SMFIP_NR_RCPT);
        }
}

void milter_script_data(script_t *script, const milter_options_t *options, const message_t *message)
{
        put_macros(script, options, message, SMFIC_DATA, SMFIM_DATA, "i");
        if (wanted(options, SMFIP_NODATA)) {
                packet_end(script, packet_begin(script, SMFIC_DATA));
                await_unless(script, options, SMFIP_NR_DATA);
        }
}

static void put_body(script_t *script, const milter_options_t *options, const message_t *message)
{
        size_t start;

        if (!wanted(options, SMFIP_NOBODY))
                return;
        put_macros(script, options, message, SMFIC_BODY, SMFIM_EOM, "i");
        start = packet_begin(script, SMFIC_BODY);
        for (int i = 0; i < 20; i++)
                put(script, "A line of text, as long as lines of text tend to be.\r\n", 54);
        packet_end(script, start);
        await_unless(script, options, SMFIP_NR_BODY);
}

void milter_script_content(script_t *script, const milter_options_t *options,
                           const workload_t *workload, const message_t *message)
{
        header_t headers[HEADERS_MAX];
        size_t count = workload_headers(workload, message, headers);

        for (size_t i = 0; i < count; i++) {
                size_t start;

                if (!wanted(options, SMFIP_NOHDRS))
                        break;
                put_macros(script, options, message, SMFIC_HEADER, SMFIM_EOH, "i");
                start = packet_begin(script, SMFIC_HEADER);
                put_text(script, headers[i].name);
                put_text(script, headers[i].body);
                packet_end(script, start);
                await_unless(script, options, SMFIP_NR_HDR);
        }
        if (wanted(options, SMFIP_NOEOH)) {
                put_macros(script, options, message, SMFIC_EOH, SMFIM_EOH, "i");
                packet_end(script, packet_begin(script, SMFIC_EOH));
                await_unless(script, options, SMFIP_NR_EOH);
        }
        put_body(script, options, message);
        put_macros(script, options, message, SMFIC_BODYEOB, SMFIM_EOM, "i");
        packet_end(script, packet_begin(script, SMFIC_BODYEOB));
        script_await(script, PEER_MILTER);
}

size_t milter_quit(char *out, size_t size)
{
        const char quit[] = {0, 0, 0, 1, SMFIC_QUIT};

        if (size < sizeof(quit))
                return 0;
        memcpy(out, quit, sizeof(quit));
        return sizeof(quit);
}

static uint32_t number_at(const char *data)
{
        uint32_t number;

        memcpy(&number, data, sizeof(number));
        return ntohl(number);
}

static enum reply take_options(const char *data, size_t len, milter_options_t *options)
{
        const char *end = data + len, *at = data + 12;

        if (len < 12)
                return REPLY_ERROR;
        options->protocol = number_at(data + 8);
        options->spoken = true;
        while (end - at > 4) {
                uint32_t stage = number_at(at);
                size_t text = strnlen(at + 4, (size_t)(end - at - 4));

                if (stage < 8)
                        snprintf(options->macros[stage], sizeof(options->macros[0]), "%.*s",
                                 (int)text, at + 4);
                at += 4 + text + 1;
        }
        return REPLY_GO_ON;
}

static enum reply take_packet(char command, const char *data, size_t len, milter_options_t *options)
{
        switch (command) {
        case SMFIC_OPTNEG:
                return take_options(data, len, options);
        case SMFIR_CONTINUE:
                return REPLY_GO_ON;
        case SMFIR_ACCEPT:
        case SMFIR_REJECT:
        case SMFIR_TEMPFAIL:
        case SMFIR_REPLYCODE:
        case SMFIR_DISCARD:
                return REPLY_FINAL;
        case SMFIR_INSHEADER:
        case SMFIR_ADDHEADER:
                options->modifying++;
                return REPLY_PARTIAL;
        case SMFIR_CHGHEADER:
        case SMFIR_QUARANTINE:
        case SMFIR_ADDRCPT:
        case SMFIR_PROGRESS:
                return REPLY_PARTIAL;
        default:
                return REPLY_ERROR;
        }
}

enum reply milter_reply(const char *data, size_t len, size_t *used, milter_options_t *options)
{
        enum reply reply = REPLY_PARTIAL;

        *used = 0;
        while (reply == REPLY_PARTIAL && len - *used >= 5) {
                uint32_t size = number_at(data + *used);

                if (size == 0 || size > PACKET_MAX)
                        return REPLY_ERROR;
                if (len - *used < 4 + (size_t)size)
                        break;
                reply = take_packet(data[*used + 4], data + *used + 5, size - 1, options);
                *used += 4 + size;
        }
        return reply;
}
