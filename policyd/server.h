/*
 * server.h - the event loop: connections, evaluations that end, group commits, signals, expiry
 */
#ifndef TRUEFROM_POLICYD_SERVER_H
#define TRUEFROM_POLICYD_SERVER_H

#include "common/app/monitor.h"
#include "common/app/setup.h"
#include "common/state/store.h"

/**
 * Serve until SIGTERM or SIGINT; SIGHUP reloads. On the way out, requests at hand are answered.
 * @param config_path for reloads
 * @param listener from endpoint_listen
 * @param store open for writing; the caller's
 * @param setup taken over
 * @param monitor taken over; NULL = metrics are off
 * @return 0, or a negative errno when it could not be started
 */
int server_run(const char *config_path, int listener, store_t *store, setup_t *setup,
               monitor_t *monitor);

#endif
