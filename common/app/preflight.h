/*
 * preflight.h - could the daemons start with this configuration? (-t)
 */
#ifndef TRUEFROM_APP_PREFLIGHT_H
#define TRUEFROM_APP_PREFLIGHT_H

#include "common/app/config.h"

/**
 * Check what a configuration that was loaded names: users, sockets and their folders, the state
 * directory.
 *
 * Whoever asks as root sees it with the eyes of the users that the daemons run as: UserID, else the
 * users of the units where these exist, else root. For these users the configuration is loaded once
 * more, in a process of their own. A daemon's own -t that is not root looks with its own eyes; the
 * tool's looks only for what is wrong for everybody.
 *
 * A directory below /run that is missing is no error: it is made when the host starts. Nor is
 * /var/spool/postfix/truefrom where the units' users do not exist: nothing is installed there.
 *
 * @param path of the configuration
 * @param program CONFIG_POLICYD, CONFIG_MILTER or CONFIG_BOTH
 * @return true when nothing was found
 */
bool preflight(const char *path, const config_t *config, enum config_program program,
               config_error_fn *error, void *context);

#endif
