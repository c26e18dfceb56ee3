/*
 * spf_compile.h - a record in libspf2's compiled form, without the limits that this has
 */
#ifndef TRUEFROM_AUTH_SPF_COMPILE_H
#define TRUEFROM_AUTH_SPF_COMPILE_H

#include <stddef.h>

#include <netinet/in.h>
#include <spf2/spf.h>

/**
 * Compile the lines of spf_record_rewrite as one record. libspf2 leaves terms out without a word
 * when it has no room for them: then this is an error.
 * @param lines is written to
 * @return SPF_E_SUCCESS, and *record (SPF_record_free); SPF_E_NO_MEMORY; SPF_E_BIG_MECH when some
 * term was not taken
 */
SPF_errcode_t spf_compile(SPF_server_t *server, SPF_response_t *response, char *lines,
                          SPF_record_t **record);

/** Rewrite a record (spf_record.h) for what `request` asks, and compile that.
 * @param why a constant text, for an error other than SPF_E_NO_MEMORY: it is a permerror then */
SPF_errcode_t spf_compile_for(const SPF_request_t *request, SPF_response_t *response,
                              const char *text, size_t len, SPF_record_t **record,
                              const char **why);

#endif
