/*
 * ask.h - does a milter or a policy service answer? Asked as whoever calls, or as Postfix asks
 *
 * Nothing is left behind: a milter is greeted and left, a policy service gets a request of a type
 * that Postfix does not use. Every wait is bounded. Call ask_as_postfix while the process has one
 * thread.
 */
#ifndef TRUEFROM_CLI_DOCTOR_ASK_H
#define TRUEFROM_CLI_DOCTOR_ASK_H

#include <stdbool.h>
#include <sys/types.h>

#include "cli/doctor/access.h"

/** What is asked. */
enum ask_kind {
        ASK_MILTER, /**< the options of the milter protocol, then QUIT */
        ASK_OURS,   /**< truefrom-policyd: only its own answer counts */
        ASK_POLICY /**< any policy service: one that is silent may be well, it knows the type not */
};

/** How Postfix asks. */
typedef struct ask_manner {
        const char *queue_dir;     /**< where paths begin, and what a chroot is made of */
        const credentials_t *user; /**< mail_owner; NULL = as we are, when we are not root */
        bool chroot;               /**< the service runs in one */
} ask_manner_t;

/** Ask over a connected descriptor, which stays open. @return 0; -EPROTO (another answer);
 * -ETIMEDOUT, or another negative errno */
int ask_connected(int fd, enum ask_kind kind);

/** Ask a daemon's MetricsSocket for its page, over a connected descriptor. @return how many octets
 * of the answer `page` holds, its head first; or a negative errno */
ssize_t ask_page(int fd, char *page, size_t size);

/**
 * Connect as Postfix would, and ask.
 * @param socket as in Postfix's configuration: "unix:PATH", "local:PATH", "inet:HOST:PORT"
 * @return as ask_connected; -EINVAL (no socket is named so), -EADDRNOTAVAIL (no such host),
 * -EAGAIN when it could not be asked
 */
int ask_as_postfix(const ask_manner_t *manner, const char *socket, enum ask_kind kind);

#endif
