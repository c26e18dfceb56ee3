/*
 * zone.h - a vector's zone behind the DMARC core's DNS callback
 *
 * The model of tests/data/dmarc-vectors.yaml: a name exists if it owns a record, has a descendant
 * that does, or is matched by a wildcard.
 */
#ifndef TRUEFROM_TESTS_ZONE_H
#define TRUEFROM_TESTS_ZONE_H

#include "common/dmarc/discover.h"
#include "tests/unit/support/yaml.h"

#define ZONE_QUERIES_MAX 256

typedef struct zone {
        vectors_t *vectors;
        yaml_node_t *names;  /**< name -> type -> records */
        yaml_node_t *errors; /**< name -> SERVFAIL or TIMEOUT */
        const char *queries[ZONE_QUERIES_MAX];
        size_t query_count;
        bool existence_asked;
} zone_t;

/** The callback; the queries made are kept in zone->queries (memory: the callback's arena). */
dmarc_dns_t zone_dns(zone_t *zone);

#endif
