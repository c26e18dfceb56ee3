/*
 * service.h - what all messages of the milter share
 *
 * The state store is opened once. Configuration, ignore list and resolver belong together in a
 * setup, which is replaced as a whole on reload: a message keeps the one that it began with.
 */
#ifndef TRUEFROM_MILTER_SERVICE_H
#define TRUEFROM_MILTER_SERVICE_H

#include <stdbool.h>

#include "common/app/monitor.h"
#include "common/app/setup.h"
#include "common/state/store.h"

typedef struct service service_t;

/**
 * @param config_path kept for reloads; must outlive the service
 * @param config its reference is taken over, also on failure
 * @param monitor must outlive the service; NULL = metrics are off
 * @return the service (service_free), or NULL after logging why
 */
service_t *service_create(const char *config_path, const config_t *config, monitor_t *monitor);

/** No message may be in flight any more. NULL is fine. */
void service_free(service_t *service);

/** The store to read from; any thread. */
store_t *service_store(service_t *service);

/** What to count in (enum milter_metric), any thread; NULL when metrics are off. */
metrics_t *service_metrics(const service_t *service);

/** Messages that have begun and not ended. */
unsigned service_in_flight(service_t *service);

/** Begin a message: a reference to the current setup, ended by service_end; NULL while stopping. */
setup_t *service_begin(service_t *service);

/** The message that began with this setup has ended. */
void service_end(service_t *service, setup_t *setup);

/** Load the configuration anew (SIGHUP). On error logs, and leaves all as it was. */
void service_reload(service_t *service);

/** What is to be looked at every SETUP_TICK_SECONDS. */
void service_tick(service_t *service);

/** From now on no message begins; wait until none is in flight, at most `seconds`.
 * @return false when some still are */
bool service_drain(service_t *service, unsigned seconds);

#endif
