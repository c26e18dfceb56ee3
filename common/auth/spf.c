#include "common/auth/spf.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/auth/spf_dns.h"
#include "common/mail/envelope.h"

#define POSTMASTER "postmaster"

struct spf_evaluator {
        spf_dns_t *dns;
        SPF_server_t *server;
};

/* libspf2 would write to our standard output; what it says there is in its answer too. */
static void keep_quiet(const char *file, int line, const char *message)
{
        (void)file;
        (void)line;
        (void)message;
}

static void silence_library(void)
{
        SPF_warning_handler = keep_quiet;
        SPF_info_handler = keep_quiet;
        SPF_debug_handler = keep_quiet;
}

spf_evaluator_t *spf_evaluator_create(resolver_t *resolver)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        spf_evaluator_t *evaluator = calloc(1, sizeof(*evaluator));

        if (!evaluator)
                return NULL;
        pthread_once(&once, silence_library);
        evaluator->dns = spf_dns_create(resolver);
        if (evaluator->dns)
                evaluator->server = SPF_server_new_dns(spf_dns_layer(evaluator->dns), 0);
        if (evaluator->server)
                return evaluator;
        spf_evaluator_free(evaluator);
        return NULL;
}

void spf_evaluator_free(spf_evaluator_t *evaluator)
{
        if (!evaluator)
                return;
        if (evaluator->server)
                SPF_server_free(evaluator->server);
        spf_dns_free(evaluator->dns);
        free(evaluator);
}

static SPF_errcode_t set_client(SPF_request_t *request, const address_t *client)
{
        if (address_is_ipv4(client)) {
                struct in_addr in;

                memcpy(&in, client->octets + 12, sizeof(in));
                return SPF_request_set_ipv4(request, in);
        }
        struct in6_addr in6;

        memcpy(&in6, client->octets, sizeof(in6));
        return SPF_request_set_ipv6(request, in6);
}

/* What is asked: the sender goes first, since libspf2 derives one from the HELO name otherwise. */
static SPF_request_t *make_request(SPF_server_t *server, const address_t *client, const char *helo,
                                   const char *sender)
{
        SPF_request_t *request = SPF_request_new(server);

        if (!request)
                return NULL;
        if (SPF_request_set_env_from(request, sender) == 0 &&
            SPF_request_set_helo_dom(request, *helo ? helo : "unknown") == SPF_E_SUCCESS &&
            set_client(request, client) == SPF_E_SUCCESS)
                return request;
        SPF_request_free(request);
        return NULL;
}

static void conclude(spf_outcome_t *out, enum auth_result result, const char *reason)
{
        out->result = result;
        out->reason = reason;
}

/* The end of a record is neutral (RFC 7208 4.7); whatever else libspf2 calls so is none of it. */
static void read_neutral(SPF_response_t *response, bool matched, spf_outcome_t *out)
{
        if (matched)
                conclude(out, AUTH_NEUTRAL, "the record says nothing of the client (\"?\")");
        else if (SPF_response_reason(response) == SPF_REASON_DEFAULT)
                conclude(out, AUTH_NEUTRAL, "no mechanism of the record matches");
        else
                conclude(out, AUTH_PERMERROR, "libspf2 could not evaluate the record");
}

static void read_response(SPF_response_t *response, spf_outcome_t *out)
{
        bool matched = SPF_response_reason(response) == SPF_REASON_MECH;

        switch (SPF_response_result(response)) {
        case SPF_RESULT_PASS:
                /* only a mechanism's match is the domain's word, not libspf2's own exceptions */
                if (matched)
                        conclude(out, AUTH_PASS, "the record allows the client");
                else
                        conclude(out, AUTH_NONE, "no mechanism of the record matches");
                return;
        case SPF_RESULT_NEUTRAL:
                read_neutral(response, matched, out);
                return;
        case SPF_RESULT_FAIL:
                conclude(out, AUTH_FAIL, "the record forbids the client (\"-\")");
                return;
        case SPF_RESULT_SOFTFAIL:
                conclude(out, AUTH_SOFTFAIL, "the record doubts the client (\"~\")");
                return;
        case SPF_RESULT_NONE:
                conclude(out, AUTH_NONE, "the domain has no SPF record");
                return;
        case SPF_RESULT_PERMERROR:
                conclude(out, AUTH_PERMERROR, "the record cannot be evaluated");
                return;
        case SPF_RESULT_TEMPERROR:
        case SPF_RESULT_INVALID:
                break;
        }
        conclude(out, AUTH_TEMPERROR, "the evaluation failed");
}

static void query(spf_evaluator_t *evaluator, const address_t *client, const char *helo,
                  const char *sender, int64_t deadline_ms, spf_outcome_t *out)
{
        SPF_request_t *request = make_request(evaluator->server, client, helo, sender);
        SPF_response_t *response = NULL;

        if (!request || spf_dns_begin(evaluator->dns, deadline_ms) != 0)
                goto out;
        SPF_request_query_mailfrom(request, &response);
        if (response && !spf_dns_settled(evaluator->dns, &out->result, &out->reason))
                read_response(response, out);
out:
        if (response)
                SPF_response_free(response);
        if (request)
                SPF_request_free(request);
}

static int64_t limit_deadline(int64_t deadline_ms)
{
        int64_t latest_ms;

        if (deadline_ms == SPF_DNS_CACHED)
                return deadline_ms;
        latest_ms = dns_clock_ms() + SPF_TIME_LIMIT_MS;
        return deadline_ms == 0 || deadline_ms > latest_ms ? latest_ms : deadline_ms;
}

/* RFC 7208 4.3: a domain that is none, or has one label only, has no policy. */
static bool read_domain(const char *text, char domain[DOMAIN_SIZE])
{
        if (text && *text != '[' && domain_normalize(text, strlen(text), domain) == 0 &&
            domain_label_count(domain) > 1)
                return true;
        *domain = '\0';
        return false;
}

static void evaluate(spf_evaluator_t *evaluator, const address_t *client, const char *helo,
                     const char *local_part, size_t local_len, int64_t deadline_ms,
                     spf_outcome_t *out)
{
        size_t size = local_len + 1 + sizeof(out->domain);
        char *sender;

        /* libspf2 lets loopback clients pass for every domain (SPF_REASON_LOCALHOST) */
        if (address_is_loopback(client)) {
                conclude(out, AUTH_NONE, "loopback clients are not evaluated");
                return;
        }
        conclude(out, AUTH_TEMPERROR, "out of memory");
        sender = malloc(size);
        if (!sender)
                return;
        memcpy(sender, local_part, local_len);
        snprintf(sender + local_len, size - local_len, "@%s", out->domain);
        query(evaluator, client, helo, sender, limit_deadline(deadline_ms), out);
        free(sender);
}

void spf_evaluate_helo(spf_evaluator_t *evaluator, const address_t *client, const char *helo,
                       int64_t deadline_ms, spf_outcome_t *out)
{
        out->identity = SPF_HELO;
        conclude(out, AUTH_NONE, "the HELO name is no domain with a policy");
        if (read_domain(helo, out->domain))
                evaluate(evaluator, client, helo, POSTMASTER, sizeof(POSTMASTER) - 1, deadline_ms,
                         out);
}

void spf_evaluate(spf_evaluator_t *evaluator, const address_t *client, const char *helo,
                  const char *sender, int64_t deadline_ms, spf_outcome_t *out)
{
        const char *domain = envelope_sender_domain(sender);
        const char *local_part = sender;
        size_t local_len;

        if (!*sender) {
                spf_evaluate_helo(evaluator, client, helo, deadline_ms, out);
                return;
        }
        out->identity = SPF_MAILFROM;
        conclude(out, AUTH_NONE, "the sender has no domain with a policy");
        if (!read_domain(domain, out->domain))
                return;
        local_len = (size_t)(domain - sender) - 1;
        /* RFC 7208 4.3 */
        if (local_len == 0) {
                local_part = POSTMASTER;
                local_len = sizeof(POSTMASTER) - 1;
        }
        evaluate(evaluator, client, helo, local_part, local_len, deadline_ms, out);
}

/* Macros repeat these, as often as the domain's owner likes. */
static bool is_short(const char *helo, const char *sender)
{
        return strlen(helo) + strlen(sender) <= SPF_CACHED_IDENTITY_MAX;
}

bool spf_evaluate_cached(spf_evaluator_t *evaluator, const address_t *client, const char *helo,
                         const char *sender, spf_outcome_t *out)
{
        if (!is_short(helo, sender))
                return false;
        spf_dns_begin(evaluator->dns, SPF_DNS_CACHED);
        spf_evaluate(evaluator, client, helo, sender, SPF_DNS_CACHED, out);
        return !spf_dns_missed(evaluator->dns, &out->expires_ms);
}

bool spf_evaluate_helo_cached(spf_evaluator_t *evaluator, const address_t *client, const char *helo,
                              spf_outcome_t *out)
{
        if (!is_short(helo, ""))
                return false;
        spf_dns_begin(evaluator->dns, SPF_DNS_CACHED);
        spf_evaluate_helo(evaluator, client, helo, SPF_DNS_CACHED, out);
        return !spf_dns_missed(evaluator->dns, &out->expires_ms);
}
