/*
 * list_id.h - the List-Id field of mailing lists (RFC 2919)
 *
 * Anyone can write this field: it says which list a message claims to come from, no more. Pure.
 */
#ifndef TRUEFROM_MAIL_LIST_ID_H
#define TRUEFROM_MAIL_LIST_ID_H

#include <stdbool.h>
#include <stddef.h>

#define LIST_ID_MAX  255 /**< octets, RFC 2919 2 */
#define LIST_ID_SIZE (LIST_ID_MAX + 1)

/**
 * Bring a list identifier into the form in which we compare it. Its namespace is a domain, but its
 * labels may hold more than those of a host: what is no domain (domain_normalize) is taken when it
 * is a dot-atom in ASCII, in lower case.
 * @return false when it is neither
 */
bool list_id_normalize(const char *text, size_t len, char out[LIST_ID_SIZE]);

/**
 * The identifier of a field's body: what stands last in angle brackets, or the whole body where
 * there are none, as some lists write it. Normalized.
 * @return false when there is none
 */
bool list_id_parse(const char *body, size_t len, char out[LIST_ID_SIZE]);

#endif
