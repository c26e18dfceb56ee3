/*
 * flight.h - one query on the wire for all threads that ask the same at the same time
 *
 * The first to ask leads: it must ask the servers and land the flight. The others await it, each
 * until its own deadline. Thread-safe; the lock is not held while waiting.
 */
#ifndef TRUEFROM_DNS_FLIGHT_H
#define TRUEFROM_DNS_FLIGHT_H

#include "common/dns/question.h"
#include "common/dns/resolver.h"

typedef struct flights flights_t;
typedef struct flight flight_t;

/** @return 0 and *flights (flights_free), or a negative errno */
int flights_create(flights_t **flights);

/** No flight may be under way. NULL is fine. */
void flights_free(flights_t *flights);

/** Join the flight for a question, or start one.
 * @param lead set to whether the caller leads and must call flight_land; else flight_await
 * @return the flight, or NULL when memory is out */
flight_t *flights_join(flights_t *flights, const dns_question_t *question, bool *lead);

/** Hand the answer to all that await it, and leave. The caller keeps its own reference. */
void flight_land(flights_t *flights, flight_t *flight, const dns_answer_t *answer);

/** Wait for the landing, at most until `deadline_ms`, and leave.
 * @return the answer (dns_answer_release), DNS_TIMEOUT if there is none in time */
const dns_answer_t *flight_await(flights_t *flights, flight_t *flight, int64_t deadline_ms);

#endif
