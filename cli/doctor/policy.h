/*
 * policy.h - the lists in which Postfix asks truefrom-policyd: what two files of this folder share
 */
#ifndef TRUEFROM_CLI_DOCTOR_POLICY_H
#define TRUEFROM_CLI_DOCTOR_POLICY_H

#include "cli/doctor/doctor.h"

/* One list of restrictions. */
struct place {
        const char *parameter; /* of the list; the class's when ours is in a restriction class */
        bool in_class;
        const char *outer_parameter; /* of a restriction class: the list that names it */
        postfix_list_t outer;
        size_t outer_at;
        postfix_list_t list;
        size_t ours;      /* index of the restriction that asks us; list.count = none does */
        const char *item; /* its argument */
        enum attachment attachment;
};

struct policy {
        doctor_t *doctor;
        const postfix_service_t *service;
        const char *socket; /* policyd.Socket */
        struct place recipient, data, end_of_data;
};

/* "permit", "reject", "defer" without a condition: what stands behind is never looked at. */
size_t policy_find_end(const postfix_list_t *list);

/* Does Postfix come to us in recipient restrictions, and not for whoever tries to relay? */
void policy_check_recipient(const struct policy *policy);

/* In the lists of DATA: what is permitted before us is never asked about. */
void policy_check_permits(const struct policy *policy, const struct place *place);

#endif
