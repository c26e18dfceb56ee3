/*
 * callbacks.h - libmilter glue: turns its events into session and message, and decisions into its
 * replies
 */
#ifndef TRUEFROM_MILTER_CALLBACKS_H
#define TRUEFROM_MILTER_CALLBACKS_H

#include "milter/service.h"

/** Register with libmilter, before its socket is opened. @return 0, or -EINVAL when it refuses */
int callbacks_register(void);

/**
 * Serve until smfi_stop (smfi_main).
 * @param service must outlive the process' last session; kept in the one variable that libmilter,
 * whose callbacks have no argument for it, leaves us
 * @return 0, or -EIO when libmilter gave up
 */
int callbacks_serve(service_t *service);

#endif
