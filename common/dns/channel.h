/*
 * channel.h - asking the servers: one question on the wire, with c-ares
 *
 * A pool keeps idle c-ares channels; each question has a channel to itself, so that threads never
 * wait for one another. A channel holds no socket while idle: every question leaves from a port of
 * its own, chosen by the kernel, under an ID of its own from getrandom(2) (RFC 5452 9.2).
 * Thread-safe.
 */
#ifndef TRUEFROM_DNS_CHANNEL_H
#define TRUEFROM_DNS_CHANNEL_H

#include "common/dns/question.h"
#include "common/dns/resolver.h"

/** The most name servers that can be configured. */
#define DNS_NAMESERVERS_MAX 8

typedef struct channel_pool channel_pool_t;

/** @return 0 and *pool (channel_pool_free), -EINVAL for a bad name server or too many, -ENOMEM, or
 * another negative errno */
int channel_pool_create(const dns_config_t *config, channel_pool_t **pool);

/** No thread may be inside channel_ask any more. NULL is fine. */
void channel_pool_free(channel_pool_t *pool);

/** Ask the servers and wait until `deadline_ms` at most (dns_clock_ms).
 * @return an answer (dns_answer_release), never NULL */
const dns_answer_t *channel_ask(channel_pool_t *pool, const dns_question_t *question,
                                int64_t deadline_ms);

#endif
