#include "common/auth/spf_dns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/auth/spf_compile.h"
#include "common/auth/spf_record.h"
#include "common/dns/name.h"

#define VERSION "v=spf1"

/* A look-up, and a record of its answer, take about as long as that many octets of a record. */
#define ANSWER_COST 128
#define RECORD_COST 16

struct spf_dns {
        SPF_dns_server_t layer;
        resolver_t *resolver;
        SPF_dns_rr_t *spare; /* what libspf2 gets when memory is out: it aborts on NULL */
        int64_t deadline_ms;
        const dns_answer_t *names; /* of the last mx or ptr: their addresses are asked for next */
        bool names_are_ptr;
        bool any_address; /* of these names any address matches */
        union {
                struct in_addr ip4;
                struct in6_addr ip6;
        } client;
        size_t client_len; /* octets of it */
        size_t next_name;
        bool began; /* the domain's own record was asked for */
        bool term_is_void;
        unsigned terms;
        unsigned voids;
        bool settled;
        enum auth_result result;
        const char *reason; /* constant text */
        bool missed;        /* with cached answers only: there was one missing */
        int64_t expires_ms; /* and until when all of them hold */
        size_t spent;       /* and what they cost */
};

/* The first cause stands; what comes after it is only libspf2 finding its way out. */
static void settle(spf_dns_t *dns, enum auth_result result, const char *reason)
{
        if (dns->settled)
                return;
        dns->settled = true;
        dns->result = result;
        dns->reason = reason;
}

static void settle_no_memory(spf_dns_t *dns)
{
        settle(dns, AUTH_TEMPERROR, "out of memory");
}

static void settle_no_answer(spf_dns_t *dns)
{
        settle(dns, AUTH_TEMPERROR, "a DNS look-up failed");
}

static void forget_names(spf_dns_t *dns)
{
        dns_answer_release(dns->names);
        dns->names = NULL;
        dns->next_name = 0;
}

static size_t names_count(const spf_dns_t *dns)
{
        if (!dns->names || dns->names->count < SPF_ADDRESSES_MAX)
                return dns->names ? dns->names->count : 0;
        return SPF_ADDRESSES_MAX;
}

/* libspf2 looks the exchanges of an "mx" and the names of a "ptr" up in the order in which it got
 * them, right after these. They belong to their term. */
static bool take_name(spf_dns_t *dns, const char *name)
{
        if (dns->next_name >= names_count(dns) ||
            strcasecmp(dns->names->records[dns->next_name].data, name) != 0)
                return false;
        dns->next_name++;
        return true;
}

static void begin_term(spf_dns_t *dns)
{
        forget_names(dns);
        dns->term_is_void = false;
        if (++dns->terms > SPF_TERMS_MAX)
                settle(dns, AUTH_PERMERROR, "over 10 terms that take look-ups");
}

/* RFC 7208 4.6.4 counts the terms that are answered with nothing, not the queries. */
static void count_void(spf_dns_t *dns)
{
        if (dns->term_is_void)
                return;
        dns->term_is_void = true;
        if (++dns->voids > SPF_VOIDS_MAX)
                settle(dns, AUTH_PERMERROR, "over 2 terms whose look-ups found nothing");
}

/* Whoever must not be held up takes no more than this: octets of cached answers to look at. */
static bool can_afford(spf_dns_t *dns, const dns_answer_t *answer)
{
        dns->spent += ANSWER_COST;
        for (size_t i = 0; i < answer->count && dns->spent <= SPF_CACHED_COST_MAX; i++)
                dns->spent += RECORD_COST + answer->records[i].len;
        return dns->spent <= SPF_CACHED_COST_MAX;
}

static const dns_answer_t *ask_cache(spf_dns_t *dns, const char *name, enum dns_type type)
{
        const dns_answer_t *answer;
        int64_t expires_ms;

        if (dns->settled)
                return NULL;
        answer = dns_query_cached(dns->resolver, name, type, &expires_ms);
        if (answer && !can_afford(dns, answer)) {
                dns_answer_release(answer);
                answer = NULL;
        }
        if (!answer) {
                dns->missed = true;
                settle_no_answer(dns);
        } else if (expires_ms < dns->expires_ms) {
                dns->expires_ms = expires_ms;
        }
        return answer;
}

/* Ask, unless the evaluation is over. @return NULL when it is */
static const dns_answer_t *ask(spf_dns_t *dns, const char *name, enum dns_type type)
{
        if (dns->deadline_ms == SPF_DNS_CACHED)
                return ask_cache(dns, name, type);
        if (!dns->settled && dns_clock_ms() >= dns->deadline_ms)
                settle(dns, AUTH_TEMPERROR, "the time for an evaluation is over");
        if (dns->settled)
                return NULL;
        return dns_query(dns->resolver, name, type, dns->deadline_ms);
}

static bool is_failure(const dns_answer_t *answer)
{
        return answer->status == DNS_TEMPFAIL || answer->status == DNS_TIMEOUT;
}

/* --- records ---------------------------------------------------------------------------------- */

/* RFC 7208 4.5: the version, then a space or the end. */
static bool is_spf_record(const dns_record_t *record)
{
        const size_t version = sizeof(VERSION) - 1;

        return record->len >= version && strncasecmp(record->data, VERSION, version) == 0 &&
               (record->len == version || record->data[version] == ' ');
}

/* The one SPF record of an answer, or NULL: *many tells no record from too many. */
static const dns_record_t *select_record(const dns_answer_t *answer, bool *many)
{
        const dns_record_t *found = NULL;

        *many = false;
        for (size_t i = 0; i < answer->count; i++) {
                if (!is_spf_record(&answer->records[i]))
                        continue;
                if (found) {
                        *many = true;
                        return NULL;
                }
                found = &answer->records[i];
        }
        return found;
}

static SPF_errcode_t compile(spf_dns_t *dns, const SPF_request_t *request, SPF_response_t *response,
                             const dns_record_t *source, SPF_record_t **record)
{
        const char *why;
        SPF_errcode_t error =
            spf_compile_for(request, response, source->data, source->len, record, &why);

        if (error == SPF_E_NO_MEMORY)
                settle_no_memory(dns);
        else if (error != SPF_E_SUCCESS)
                settle(dns, AUTH_PERMERROR, why);
        return error;
}

static void remember_client(spf_dns_t *dns, const SPF_request_t *request)
{
        if (request->client_ver == AF_INET6) {
                dns->client.ip6 = request->ipv6;
                dns->client_len = sizeof(dns->client.ip6);
        } else {
                dns->client.ip4 = request->ipv4;
                dns->client_len = sizeof(dns->client.ip4);
        }
}

static void settle_no_record(spf_dns_t *dns, bool first)
{
        if (first)
                settle(dns, AUTH_NONE, "the domain has no SPF record");
        else
                settle(dns, AUTH_PERMERROR, "an included domain has no SPF record");
}

/* libspf2's hook for the record of the current domain: of the sender at first, then of each
 * "include" and "redirect", for which "no record" is a permerror (RFC 7208 5.2, 6.1). */
static SPF_errcode_t get_record(SPF_server_t *server, SPF_request_t *request,
                                SPF_response_t *response, SPF_record_t **record)
{
        spf_dns_t *dns = server->resolver->hook;
        bool first = !dns->began;
        const dns_answer_t *answer;
        const dns_record_t *source;
        SPF_errcode_t error;
        dns_name_t name;
        bool many;

        *record = NULL;
        dns->began = true;
        request->cur_dom = spf_name_cut(request->cur_dom);
        remember_client(dns, request);
        if (!first)
                begin_term(dns);
        if (!dns_name_from_text(request->cur_dom, &name)) {
                settle_no_record(dns, first);
                return SPF_E_NOT_SPF;
        }
        answer = ask(dns, request->cur_dom, DNS_TXT);
        if (!answer)
                return SPF_E_DNS_ERROR;
        if (is_failure(answer)) {
                settle_no_answer(dns);
                dns_answer_release(answer);
                return SPF_E_DNS_ERROR;
        }
        source = select_record(answer, &many);
        if (source) {
                error = compile(dns, request, response, source, record);
        } else if (many) {
                settle(dns, AUTH_PERMERROR, "several SPF records where one is allowed");
                error = SPF_E_MULTIPLE_RECORDS;
        } else {
                settle_no_record(dns, first);
                error = SPF_E_NOT_SPF;
        }
        dns_answer_release(answer);
        return error;
}

/* libspf2's hook for "exp=": explanations are a stranger's text, and nobody here reads them. */
static SPF_errcode_t get_explanation(SPF_server_t *server, const char *domain, char **text,
                                     size_t *size)
{
        (void)server;
        (void)domain;
        (void)text;
        (void)size;
        return SPF_E_SUCCESS;
}

/* --- other look-ups --------------------------------------------------------------------------- */

static SPF_dns_rr_t *make_empty(spf_dns_t *dns, const char *name, ns_type type, int status)
{
        SPF_dns_rr_t *rr = SPF_dns_rr_new_init(&dns->layer, name, type, 0, status);

        if (rr)
                return rr;
        settle_no_memory(dns);
        rr = dns->spare;
        dns->spare = NULL;
        return rr;
}

static bool add_record(SPF_dns_rr_t *rr, const dns_record_t *record)
{
        if (SPF_dns_rr_buf_realloc(rr, rr->num_rr, record->len + 1) != SPF_E_SUCCESS)
                return false;
        memcpy(rr->rr[rr->num_rr], record->data, record->len + 1);
        rr->num_rr++;
        return true;
}

static SPF_dns_rr_t *make_found(spf_dns_t *dns, const char *name, ns_type type,
                                const dns_answer_t *answer, size_t count)
{
        SPF_dns_rr_t *rr = make_empty(dns, name, type, NETDB_SUCCESS);

        for (size_t i = 0; rr && i < count; i++) {
                if (!add_record(rr, &answer->records[i])) {
                        settle_no_memory(dns);
                        rr->herrno = TRY_AGAIN;
                        break;
                }
        }
        return rr;
}

/* In place of the addresses that a name has: the client's, as any matches. */
static SPF_dns_rr_t *make_client(spf_dns_t *dns, const char *name, ns_type type)
{
        char octets[sizeof(dns->client) + 1] = "";
        const dns_record_t record = {.data = octets, .len = dns->client_len};
        SPF_dns_rr_t *rr = make_empty(dns, name, type, NETDB_SUCCESS);

        memcpy(octets, &dns->client, dns->client_len);
        if (rr && !add_record(rr, &record)) {
                settle_no_memory(dns);
                rr->herrno = TRY_AGAIN;
        }
        return rr;
}

/* RFC 7208 5.4, 5.5: more than ten exchanges are an error, of a client's names the rest is left. */
static size_t limit_names(spf_dns_t *dns, const dns_answer_t *answer, ns_type type)
{
        if (answer->count <= SPF_ADDRESSES_MAX || (type != ns_t_mx && type != ns_t_ptr))
                return answer->count;
        if (type == ns_t_mx)
                settle(dns, AUTH_PERMERROR, "over 10 names for one mx");
        return SPF_ADDRESSES_MAX;
}

static SPF_dns_rr_t *take_answer(spf_dns_t *dns, const char *name, ns_type type,
                                 const dns_answer_t *answer, bool for_ptr)
{
        if (is_failure(answer)) {
                /* RFC 7208 5.5: for "ptr" a failure is no match, not an error */
                if (for_ptr)
                        return make_empty(dns, name, type, HOST_NOT_FOUND);
                settle_no_answer(dns);
                return make_empty(dns, name, type, TRY_AGAIN);
        }
        if (answer->status == DNS_OK) {
                size_t count = limit_names(dns, answer, type);

                return make_found(dns, name, type, answer, count);
        }
        /* a client's names are not the domain owner's doing */
        if (!for_ptr || type == ns_t_ptr)
                count_void(dns);
        return make_empty(dns, name, type, dns->settled ? TRY_AGAIN : HOST_NOT_FOUND);
}

static bool is_known_type(ns_type type)
{
        return type == ns_t_a || type == ns_t_aaaa || type == ns_t_mx || type == ns_t_ptr;
}

static SPF_dns_rr_t *look_up_name(spf_dns_t *dns, const char *name, ns_type type, bool for_ptr,
                                  bool any_address)
{
        const dns_answer_t *answer;
        SPF_dns_rr_t *rr;
        dns_name_t parsed;

        /* RFC 7208 4.8: a name that cannot be asked for does not exist. */
        if (!is_known_type(type) || !dns_name_from_text(name, &parsed))
                return make_empty(dns, name, type, dns->settled ? TRY_AGAIN : HOST_NOT_FOUND);
        answer = ask(dns, name, (enum dns_type)type);
        if (!answer)
                return make_empty(dns, name, type, TRY_AGAIN);
        if (any_address && answer->status == DNS_OK && (type == ns_t_a || type == ns_t_aaaa))
                rr = make_client(dns, name, type);
        else
                rr = take_answer(dns, name, type, answer, for_ptr);
        if (type == ns_t_mx || type == ns_t_ptr) {
                dns->names = answer;
                dns->names_are_ptr = type == ns_t_ptr;
                dns->any_address = any_address;
        } else {
                dns_answer_release(answer);
        }
        return rr;
}

static SPF_dns_rr_t *look_up(SPF_dns_server_t *layer, const char *name, ns_type type, int cache)
{
        spf_dns_t *dns = layer->hook;
        bool belongs = (type == ns_t_a || type == ns_t_aaaa) && take_name(dns, name);
        size_t any_len = belongs ? 0 : spf_any_address_length(name);
        SPF_dns_rr_t *rr;
        char *real;

        (void)cache;
        if (belongs)
                return look_up_name(dns, name, type, dns->names_are_ptr, dns->any_address);
        begin_term(dns);
        if (strcasecmp(name, SPF_BEYOND_NAME) == 0)
                settle(dns, AUTH_PERMERROR, "a term that cannot be evaluated");
        if (any_len == 0)
                return look_up_name(dns, spf_name_cut(name), type, type == ns_t_ptr, false);
        real = strndup(name, any_len);
        if (!real) {
                settle_no_memory(dns);
                return make_empty(dns, name, type, TRY_AGAIN);
        }
        rr = look_up_name(dns, spf_name_cut(real), type, false, true);
        free(real);
        return rr;
}

/* --- the layer -------------------------------------------------------------------------------- */

spf_dns_t *spf_dns_create(resolver_t *resolver)
{
        spf_dns_t *dns = calloc(1, sizeof(*dns));

        if (!dns)
                return NULL;
        dns->resolver = resolver;
        dns->layer.lookup = look_up;
        dns->layer.get_spf = get_record;
        dns->layer.get_exp = get_explanation;
        dns->layer.name = "resolver";
        dns->layer.hook = dns;
        return dns;
}

void spf_dns_free(spf_dns_t *dns)
{
        if (!dns)
                return;
        forget_names(dns);
        if (dns->spare)
                SPF_dns_rr_free(dns->spare);
        free(dns);
}

SPF_dns_server_t *spf_dns_layer(spf_dns_t *dns)
{
        return &dns->layer;
}

int spf_dns_begin(spf_dns_t *dns, int64_t deadline_ms)
{
        forget_names(dns);
        dns->began = false;
        dns->term_is_void = false;
        dns->terms = 0;
        dns->voids = 0;
        dns->settled = false;
        dns->missed = false;
        dns->spent = 0;
        dns->expires_ms = INT64_MAX;
        dns->deadline_ms = deadline_ms;
        if (!dns->spare)
                dns->spare = SPF_dns_rr_new_init(&dns->layer, NULL, ns_t_any, 0, TRY_AGAIN);
        return dns->spare ? 0 : -ENOMEM;
}

bool spf_dns_missed(const spf_dns_t *dns, int64_t *expires_ms)
{
        *expires_ms = dns->expires_ms;
        return dns->missed;
}

bool spf_dns_settled(const spf_dns_t *dns, enum auth_result *result, const char **reason)
{
        if (dns->settled) {
                *result = dns->result;
                *reason = dns->reason;
        }
        return dns->settled;
}
