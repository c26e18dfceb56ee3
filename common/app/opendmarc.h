/*
 * opendmarc.h - the options of OpenDMARC 1.4.2, and what there is here instead of each
 *
 * For the hint at an unknown option of truefrom.conf, and for truefrom migrate.
 */
#ifndef TRUEFROM_APP_OPENDMARC_H
#define TRUEFROM_APP_OPENDMARC_H

#include <stddef.h>

enum opendmarc_type {
        OPENDMARC_STRING,
        OPENDMARC_NUMBER, /**< as strtol with base 0: 022 is octal, 0x10 hexadecimal */
        OPENDMARC_BOOL    /**< by its first letter: t, y, 1 or f, n, 0 */
};

typedef struct opendmarc_option {
        const char *name; /**< as opendmarc.conf(5) writes it; compared without regard to case */
        enum opendmarc_type type;
        const char *instead; /**< what there is here instead; NULL = an option of the same name */
} opendmarc_option_t;

extern const opendmarc_option_t opendmarc_options[];
extern const size_t opendmarc_option_count;

/** The row of an option, or NULL. */
const opendmarc_option_t *opendmarc_option_find(const char *name);

#endif
