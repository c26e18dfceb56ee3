#include "milter/callbacks.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <libmilter/mfapi.h>

#include "common/app/log.h"
#include "milter/message.h"
#include "milter/metrics.h"
#include "milter/verdict.h"

#define AUTHRES_NAME "Authentication-Results"

static service_t *the_service;

/* libmilter's arguments are not const, though it changes nothing. */
static char *mutable(const char *text)
{
        return (char *)(uintptr_t)text;
}

static uint16_t sockaddr_port(const struct sockaddr *sockaddr)
{
        struct sockaddr_in in;
        struct sockaddr_in6 in6;

        switch (sockaddr != NULL ? sockaddr->sa_family : AF_UNSPEC) {
        case AF_INET:
                memcpy(&in, sockaddr, sizeof(in));
                return ntohs(in.sin_port);
        case AF_INET6:
                memcpy(&in6, sockaddr, sizeof(in6));
                return ntohs(in6.sin6_port);
        default:
                return 0;
        }
}

/* Each stage has a list, though most need no macro: an empty list would mean Postfix's own one. */
static void ask_macros(SMFICTX *ctx)
{
        for (int stage = SMFIM_FIRST; stage <= SMFIM_LAST; stage++) {
                const char *macros = "{none}";

                if (stage == SMFIM_ENVFROM)
                        macros = "{auth_authen} {mail_addr}";
                else if (stage == SMFIM_EOM)
                        macros = "i";
                smfi_setsymlist(ctx, stage, mutable(macros));
        }
}

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2,
                             unsigned long f3, unsigned long *pf0, unsigned long *pf1,
                             unsigned long *pf2, unsigned long *pf3)
{
        const unsigned long actions =
            SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE | SMFIF_ADDRCPT;
        const unsigned long wanted = SMFIP_NODATA | SMFIP_NOBODY | SMFIP_NOUNKNOWN | SMFIP_NOEOH |
                                     SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_RCPT | SMFIP_NR_HDR;
        session_t *session;

        (void)f2;
        (void)f3;
        if ((f0 & actions) != actions) {
                log_error("Postfix does not allow the actions that a DMARC milter needs; remove "
                          "milter_protocol from main.cf");
                return SMFIS_REJECT;
        }
        *pf0 = actions;
        *pf1 = f1 & wanted;
        *pf2 = 0;
        *pf3 = 0;
        if ((f0 & SMFIF_SETSYMLIST) != 0) {
                *pf0 |= SMFIF_SETSYMLIST;
                ask_macros(ctx);
        }
        session = session_create(the_service);
        if (session == NULL)
                return SMFIS_TEMPFAIL;
        session->no_replies = *pf1;
        smfi_setpriv(ctx, session);
        metrics_add(service_metrics(the_service), MILTER_CONNECTIONS, 0, 0, 1);
        return SMFIS_CONTINUE;
}

/* "Go on", said as agreed: libmilter logs an error of each reply where none is wanted. */
static sfsistat go_on(const session_t *session, unsigned long no_reply)
{
        return (session->no_replies & no_reply) != 0 ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *ctx, char *hostname, _SOCK_ADDR *address)
{
        session_t *session = smfi_getpriv(ctx);

        if (session == NULL)
                return SMFIS_TEMPFAIL;
        session->has_client = address_from_sockaddr((struct sockaddr *)address, &session->client);
        session->port = sockaddr_port((struct sockaddr *)address);
        /* Postfix writes an unverified name as the address in brackets */
        if (hostname != NULL && *hostname != '[' && strcmp(hostname, "unknown") != 0) {
                session->client_name = strdup(hostname);
                session->failed = session->client_name == NULL;
        }
        return go_on(session, SMFIP_NR_CONN);
}

static sfsistat on_helo(SMFICTX *ctx, char *helo)
{
        session_t *session = smfi_getpriv(ctx);

        if (session == NULL)
                return SMFIS_TEMPFAIL;
        free(session->helo);
        session->helo = strdup(helo);
        if (session->helo == NULL)
                session->failed = true;
        return go_on(session, SMFIP_NR_HELO);
}

static sfsistat on_mail(SMFICTX *ctx, char **argv)
{
        session_t *session = smfi_getpriv(ctx);

        if (session == NULL || session->failed || argv == NULL || argv[0] == NULL)
                return SMFIS_TEMPFAIL;
        if (message_begin(session, argv[0], smfi_getsymval(ctx, mutable("{mail_addr}"))) != 0) {
                message_end(session);
                return SMFIS_TEMPFAIL;
        }
        if (verdict_skips(session, smfi_getsymval(ctx, mutable("{auth_authen}")))) {
                message_end(session);
                return SMFIS_ACCEPT;
        }
        return SMFIS_CONTINUE;
}

static sfsistat on_recipient(SMFICTX *ctx, char **argv)
{
        session_t *session = smfi_getpriv(ctx);

        if (session == NULL)
                return SMFIS_TEMPFAIL;
        if (session->message.setup != NULL && argv != NULL && argv[0] != NULL)
                message_recipient(&session->message, argv[0]);
        return go_on(session, SMFIP_NR_RCPT);
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *body)
{
        session_t *session = smfi_getpriv(ctx);

        if (session == NULL)
                return SMFIS_TEMPFAIL;
        if (session->message.setup != NULL)
                message_field(&session->message, name, body);
        return go_on(session, SMFIP_NR_HDR);
}

/* Removal first and from the highest on: each removal, and our own field, shifts the numbers. */
static bool change_message(SMFICTX *ctx, const decision_t *decision)
{
        bool ok = true;

        metrics_add(service_metrics(the_service), MILTER_FIELDS_REMOVED, 0, 0,
                    (int64_t)decision->remove_count);
        for (size_t i = decision->remove_count; i > 0; i--)
                ok = ok && smfi_chgheader(ctx, mutable(AUTHRES_NAME), (int)decision->remove[i - 1],
                                          NULL) == MI_SUCCESS;
        if (decision->field != NULL)
                ok = ok && smfi_insheader(ctx, 0, mutable(AUTHRES_NAME),
                                          mutable(decision->field)) == MI_SUCCESS;
        if (decision->add_recipient != NULL)
                ok = ok && smfi_addrcpt(ctx, mutable(decision->add_recipient)) == MI_SUCCESS;
        if (decision->kind == DECISION_HOLD)
                ok = ok && smfi_quarantine(ctx, mutable(decision->hold_reason)) == MI_SUCCESS;
        return ok;
}

static bool set_reply(SMFICTX *ctx, const decision_t *decision)
{
        return smfi_setreply(ctx, mutable(decision->reply_code), mutable(decision->reply_status),
                             mutable(decision->reply_text)) == MI_SUCCESS;
}

static sfsistat carry_out(SMFICTX *ctx, const char *queue_id, const decision_t *decision)
{
        bool ok = decision->kind == DECISION_ACCEPT || decision->kind == DECISION_HOLD
                      ? change_message(ctx, decision)
                      : set_reply(ctx, decision);

        if (!ok)
                log_error(
                    "%s: cannot tell Postfix the verdict; refused for now, look at what Postfix "
                    "logged of this message",
                    queue_id != NULL ? queue_id : "NOQUEUE");
        if (decision->kind == DECISION_REJECT)
                return SMFIS_REJECT;
        return ok && decision->kind != DECISION_TEMPFAIL ? SMFIS_ACCEPT : SMFIS_TEMPFAIL;
}

static sfsistat on_end_of_message(SMFICTX *ctx)
{
        session_t *session = smfi_getpriv(ctx);
        const char *queue_id = smfi_getsymval(ctx, mutable("i"));
        metrics_t *metrics = service_metrics(the_service);
        int64_t begun_us;
        decision_t decision;
        sfsistat status;
        int error;

        if (session == NULL || session->message.setup == NULL)
                return SMFIS_TEMPFAIL;
        begun_us = metrics_clock_us(metrics);
        error = verdict_decide(session, queue_id, &decision);
        metrics_observe(metrics, MILTER_EVALUATION_SECONDS, 0,
                        metrics_clock_us(metrics) - begun_us);
        if (error != 0) {
                metrics_add(metrics, MILTER_REFUSED, REFUSED_ERROR, 0, 1);
                log_error("%s: %s; refused for now, look at the memory that the host has left",
                          queue_id != NULL ? queue_id : "NOQUEUE", strerror(-error));
                status = SMFIS_TEMPFAIL;
        } else {
                status = carry_out(ctx, queue_id, &decision);
        }
        message_end(session);
        return status;
}

static sfsistat on_abort(SMFICTX *ctx)
{
        session_t *session = smfi_getpriv(ctx);

        if (session != NULL)
                message_end(session);
        return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *ctx)
{
        session_t *session = smfi_getpriv(ctx);

        if (session != NULL)
                metrics_add(service_metrics(the_service), MILTER_CONNECTIONS, 0, 0, -1);
        session_free(session);
        smfi_setpriv(ctx, NULL);
        return SMFIS_CONTINUE;
}

int callbacks_register(void)
{
        const struct smfiDesc filter = {
            .xxfi_name = mutable("truefrom"),
            .xxfi_version = SMFI_VERSION,
            .xxfi_flags =
                SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE | SMFIF_ADDRCPT | SMFIF_SETSYMLIST,
            .xxfi_connect = on_connect,
            .xxfi_helo = on_helo,
            .xxfi_envfrom = on_mail,
            .xxfi_envrcpt = on_recipient,
            .xxfi_header = on_header,
            .xxfi_eom = on_end_of_message,
            .xxfi_abort = on_abort,
            .xxfi_close = on_close,
            .xxfi_negotiate = on_negotiate,
        };

        return smfi_register(filter) == MI_SUCCESS ? 0 : -EINVAL;
}

int callbacks_serve(service_t *service)
{
        the_service = service;
        return smfi_main() == MI_SUCCESS ? 0 : -EIO;
}
