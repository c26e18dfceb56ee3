#include <stdio.h>
#include <string.h>

#include "bench/talk.h"

/* All attributes that Postfix 3.7 sends, in its order. */
void policy_script(script_t *script, const message_t *message, bool data)
{
        char text[2048];
        int len = snprintf(
            text, sizeof(text),
            "request=smtpd_access_policy\nprotocol_state=%s\nprotocol_name=ESMTP\n"
            "client_address=%s\nclient_name=unknown\nclient_port=%u\n"
            "reverse_client_name=unknown\nserver_address=192.0.2.25\nserver_port=25\n"
            "helo_name=%s\nsender=%s\nrecipient=recipient@example.test\nrecipient_count=%d\n"
            "queue_id=%s\ninstance=%s\nsize=0\netrn_domain=\nstress=\nsasl_method=\nsasl_username="
            "\n"
            "sasl_sender=\nccert_subject=\nccert_issuer=\nccert_fingerprint=\n"
            "ccert_pubkey_fingerprint=\nencryption_protocol=\nencryption_cipher=\n"
            "encryption_keysize=0\npolicy_context=\n\n",
            data ? "DATA" : "RCPT", message->client, message->port, message->helo, message->sender,
            data ? 1 : 0, data ? message->queue_id : "", message->instance);
        script_put(script, PEER_POLICY, text, (size_t)len);
        script_await(script, PEER_POLICY);
}

enum reply policy_reply(const char *data, size_t len, size_t *used)
{
        *used = 0;
        if (len >= 2 && memcmp(data + len - 2, "\n\n", 2) == 0) {
                *used = len;
                return strncmp(data, "action=", 7) == 0 ? REPLY_GO_ON : REPLY_ERROR;
        }
        return REPLY_PARTIAL;
}
