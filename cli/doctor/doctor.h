/*
 * doctor.h - the parts of truefrom doctor; internal to this folder
 *
 * Each check looks at one subject, reads only, and adds what it finds to the list. What could not
 * be looked at is a finding too.
 */
#ifndef TRUEFROM_CLI_DOCTOR_H
#define TRUEFROM_CLI_DOCTOR_H

#include "cli/doctor/access.h"
#include "cli/doctor/ask.h"
#include "cli/doctor/findings.h"
#include "cli/doctor/opendkim.h"
#include "cli/doctor/postfix.h"
#include "common/app/config.h"
#include "common/base/arena.h"

/** Where to look; none is NULL but config_dir. */
typedef struct doctor_options {
        const char *config_path; /**< truefrom.conf */
        const char *config_dir;  /**< Postfix's; NULL = its default */
        const char *opendkim;    /**< opendkim.conf */
        const char *log;         /**< mail log; NULL = the usual ones */
} doctor_options_t;

struct asked; /* what was asked, and how it answered: neighbours.c */

/** What is known so far. */
typedef struct doctor {
        doctor_options_t options;
        arena_t *arena;
        findings_t findings;
        const config_t *config;     /**< NULL: does not load */
        const postfix_t *postfix;   /**< NULL: cannot be read */
        const char *main_cf;        /**< paths, once `postfix` is there */
        const char *master_cf;      /**< */
        const char *queue_dir;      /**< what its services are chrooted to */
        const opendkim_t *opendkim; /**< NULL: cannot be read */
        credentials_t policyd;      /**< of who listens on policyd.Socket; name NULL = unknown */
        bool forged_dropped;        /**< Postfix drops Authentication-Results of a message */
        finding_t *policyd_down;    /**< what was found when it does not answer; NULL = it does */
        finding_t *milter_down;     /**< */
        pid_t policyd_pid;          /**< who listens on policyd.Socket; 0 = unknown */
        pid_t milter_pid;           /**< */
        struct asked *asked;        /**< milters and policy services; NULL = none yet */
        credentials_t milter;       /**< of who listens on milter.Socket; name NULL = unknown */
} doctor_t;

/** truefrom.conf; sets `config`. */
void doctor_check_config(doctor_t *doctor);

/** Postfix: is it there? Sets `postfix` and the paths. */
void doctor_read_postfix(doctor_t *doctor);

/** OpenDKIM's configuration; sets `opendkim`. After doctor_check_forgery. */
void doctor_check_opendkim(doctor_t *doctor);

/** Postfix: what concerns all services. */
void doctor_check_postfix(doctor_t *doctor);

/** Postfix: the milters of a service. After doctor_check_opendkim. */
void doctor_check_milters(doctor_t *doctor, const postfix_service_t *service);

/** Postfix: the policy service in the restrictions of a service. */
void doctor_check_policy(doctor_t *doctor, const postfix_service_t *service);

/** Postfix: does it drop Authentication-Results that come with a message? Sets `forged_dropped`. */
void doctor_check_forgery(doctor_t *doctor);

/** SMTP smuggling: does Postfix take a bare newline for the end of a line? */
void doctor_check_smuggling(doctor_t *doctor);

/** Clients in mynetworks that ignore.hosts does not have. */
void doctor_check_networks(doctor_t *doctor);

/** Do both daemons answer, and can smtpd reach them? Sets their credentials. */
void doctor_check_sockets(doctor_t *doctor);

/** Do the daemons run with the configuration as it is written, and may they read what it names?
 * After doctor_check_sockets. */
void doctor_check_running(doctor_t *doctor);

/** The state store: permissions, what it holds. After doctor_check_sockets. */
void doctor_check_state(doctor_t *doctor);

/** Do the resolvers answer, and honestly? */
void doctor_check_resolver(doctor_t *doctor);

/** The end of the mail log, or the journal's lines of a daemon; NULL when there is none. */
const char *doctor_read_log(const doctor_t *doctor, const char *daemon);

/** The last line with an error of a daemon in the mail log or the journal, from its last process;
 * NULL when there is none, or no log to read. */
const char *doctor_last_error(const doctor_t *doctor, const char *daemon);

/** The milter's lines in the mail log: where did SPF results come from? */
void doctor_check_joins(doctor_t *doctor);

/* What several of them need. */

/** A service's list of milters, without those that Postfix gets no answer from, or should not have
 * beside us: each is reported. What looks like our socket, misspelt, stays in smtpd_milters where
 * ours is not. @return false when memory is out */
bool doctor_living_milters(doctor_t *doctor, const postfix_service_t *service,
                           const char *parameter, postfix_list_t *list);

/** As doctor_living_milters: a list of restrictions, without dead policy services.
 * @param mends what looks like our socket stays where ours is not: the caller mends it */
bool doctor_living_restrictions(doctor_t *doctor, const postfix_service_t *service,
                                const char *parameter, bool mends, postfix_list_t *list);

/** What a service is for. */
enum service_role {
        ROLE_OTHER,      /**< no smtpd */
        ROLE_PUBLIC,     /**< takes mail from strangers */
        ROLE_SUBMISSION, /**< from our own users */
        ROLE_INTERNAL    /**< listens on loopback, beside a public one: re-injection */
};
enum service_role doctor_role(const postfix_t *postfix, const postfix_service_t *service);

/** Add a line for a parameter: in master.cf when the service overrides it, else in main.cf. */
void doctor_change_parameter(doctor_t *doctor, finding_t *finding, const postfix_service_t *service,
                             const char *name, const char *value);

/** The setting's value to edit: as written, or expanded when it refers to others. */
const char *doctor_editable(const postfix_setting_t *setting);

/** How a socket in Postfix's configuration stands to one of ours. */
enum attachment {
        ATTACHED_NOT,    /**< another one */
        ATTACHED,        /**< ours */
        ATTACHED_CHROOT, /**< ours, but for the chroot that the service runs in, or does not */
        ATTACHED_NEAR    /**< looks like ours, with another path */
};
/** @param item a milter or the argument of check_policy_service
 * @param ours as in truefrom.conf or opendkim.conf: "local:PATH", "inet:PORT@HOST" */
enum attachment doctor_attachment(const doctor_t *doctor, const postfix_service_t *service,
                                  const char *item, const char *ours);

/** Our socket as that service has to name it; NULL when it lies outside of its chroot. */
const char *doctor_postfix_socket(const doctor_t *doctor, const postfix_service_t *service,
                                  const char *ours);

/** The socket that a milter has to have for the service to find it, "local:PATH", with the path as
 * seen from outside of a chroot; NULL for inet sockets. */
const char *doctor_expected_socket(const doctor_t *doctor, const postfix_service_t *service,
                                   const char *item);

/** The path below Postfix's queue directory where a socket should be. */
const char *doctor_chroot_path(const doctor_t *doctor, const char *ours);

#endif
