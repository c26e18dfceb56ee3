#ifndef BENCH_TALK_H
#define BENCH_TALK_H

/* What Postfix says to its policy service and its milters, and what counts as their reply. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/workload.h"

enum peer { PEER_MILTER, PEER_POLICY, PEERS };

#define EXCHANGES_MAX 32
#define SCRIPT_OCTETS 16384

/* Exchanges in order: a peer's text up to `end` is sent, then a reply awaited. */
typedef struct script {
        struct text {
                char octets[SCRIPT_OCTETS];
                size_t len;
        } texts[PEERS];
        struct exchange {
                enum peer peer;
                size_t end;
        } exchanges[EXCHANGES_MAX];
        size_t count;
} script_t;

enum reply {
        REPLY_PARTIAL, /* more must come */
        REPLY_GO_ON,   /* the next exchange may begin */
        REPLY_FINAL,   /* nothing more is said about this message */
        REPLY_ERROR,
};

/* What a milter asked for at negotiation. */
typedef struct milter_options {
        uint32_t protocol;       /* SMFIP_* */
        char macros[8][256];     /* names by stage, as SMFIM_* counts; empty = Postfix's own list */
        bool spoken;             /* negotiated */
        unsigned long modifying; /* modification actions seen */
} milter_options_t;

/* Each adds to the script. `first`: the session begins with this message. What is too much for it
 * ends the program. */
void script_put(script_t *script, enum peer peer, const void *data, size_t len);
void script_await(script_t *script, enum peer peer);
void milter_script_negotiate(script_t *script);
void milter_script_session(script_t *script, const milter_options_t *options,
                           const message_t *message);
void milter_script_mail(script_t *script, const milter_options_t *options, const message_t *message,
                        bool first);
void milter_script_recipient(script_t *script, const milter_options_t *options,
                             const message_t *message);
void milter_script_data(script_t *script, const milter_options_t *options,
                        const message_t *message);
void milter_script_content(script_t *script, const milter_options_t *options,
                           const workload_t *workload, const message_t *message);
/* Not an exchange: nothing is answered to a QUIT. */
size_t milter_quit(char *out, size_t size);

/* A request of the state RCPT (without queue ID) or DATA (with one). */
void policy_script(script_t *script, const message_t *message, bool data);

/* Looks at what a peer sent; *used is the octets of it that are done with. */
enum reply milter_reply(const char *data, size_t len, size_t *used, milter_options_t *options);
enum reply policy_reply(const char *data, size_t len, size_t *used);

#endif
