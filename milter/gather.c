#include "milter/gather.h"

#include "common/app/log.h"

#define IGNORED_LOGGED_MAX 20

struct ignored_log {
        const char *queue_id;
        unsigned count; /* fields that are not believed, so far */
};

/* A message with very many fields that are not believed gets no line for each: whoever sent it does
 * not decide how long our log is. */
static void log_ignored(void *context, const authres_field_t *field, enum gather_belief belief,
                        const char *authserv_id)
{
        static const char *const words[] = {
            [GATHER_UNTRUSTED] = "",
            [GATHER_MALFORMED] = "malformed ",
            [GATHER_TAINTED] = "tainted ",
        };
        struct ignored_log *ignored = context;
        const char *from = authserv_id != NULL ? " from " : "";

        if (belief == GATHER_BELIEVED || ignored->count > IGNORED_LOGGED_MAX)
                return;
        if (ignored->count == IGNORED_LOGGED_MAX)
                log_info("%s ignoring further Authentication-Results", ignored->queue_id);
        else
                log_info("%s ignoring %sAuthentication-Results at %u%s%s", ignored->queue_id,
                         words[belief], field->index, from, authserv_id != NULL ? authserv_id : "");
        ignored->count++;
}

int gather(const session_t *session, const char *queue_id, const from_author_t *author,
           gathered_t *out)
{
        const message_t *message = &session->message;
        const config_t *config = message->setup->config;
        struct ignored_log ignored = {.queue_id = queue_id};
        const gather_input_t input = {
            .fields = message->authres,
            .field_count = message->authres_count,
            .signatures = {.domains = message->signatures,
                           .count = message->signature_count,
                           .forge_results = message->signatures_forge_results},
            .author = author,
            .sender = message->sender,
            .helo = session->helo,
            .authserv_id = config->authserv_id,
            .trusted_ids = config->trusted_authserv_ids.items,
            .trusted_count = config->trusted_authserv_ids.count,
            .ignore_spf = config->milter.spf_ignore_results,
            .observer = log_ignored,
            .observer_context = &ignored,
        };

        return gather_results(message->arena, &input, out);
}
