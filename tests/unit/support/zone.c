#include "tests/unit/support/zone.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NAME_SIZE 512

static const char *name_at(zone_t *zone, size_t index, yaml_node_t **types)
{
        yaml_node_t *key;

        vectors_pair(zone->vectors, zone->names, index, &key, types);
        return (const char *)key->data.scalar.value;
}

static yaml_node_t *owned(zone_t *zone, const char *name)
{
        yaml_node_t *types;

        for (size_t i = 0; i < vectors_count(zone->names); i++)
                if (strcasecmp(name_at(zone, i, &types), name) == 0)
                        return types;
        return NULL;
}

static bool has_descendant(zone_t *zone, const char *name)
{
        size_t len = strlen(name);
        yaml_node_t *types;

        for (size_t i = 0; i < vectors_count(zone->names); i++) {
                const char *other = name_at(zone, i, &types);
                size_t other_len = strlen(other);

                if (other_len > len && other[other_len - len - 1] == '.' &&
                    strcasecmp(other + other_len - len, name) == 0)
                        return true;
        }
        return false;
}

/* The closest encloser's wildcard (RFC 4592). */
static yaml_node_t *wildcard(zone_t *zone, const char *name)
{
        for (const char *dot = strchr(name, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
                char text[NAME_SIZE];

                snprintf(text, sizeof(text), "*%s", dot);
                if (owned(zone, text) != NULL)
                        return owned(zone, text);
                if (owned(zone, dot + 1) != NULL || has_descendant(zone, dot + 1))
                        return NULL;
        }
        return NULL;
}

static yaml_node_t *find(zone_t *zone, const char *name, bool *exists)
{
        yaml_node_t *types = owned(zone, name);

        if (types == NULL && !has_descendant(zone, name))
                types = wildcard(zone, name);
        *exists = types != NULL || has_descendant(zone, name);
        return types;
}

static const char *cname(zone_t *zone, yaml_node_t *types)
{
        yaml_node_t *target = vectors_get(zone->vectors, types, "CNAME");

        if (target != NULL && target->type == YAML_SEQUENCE_NODE)
                target = vectors_at(zone->vectors, target, 0);
        return target != NULL ? (const char *)target->data.scalar.value : NULL;
}

static bool fails(zone_t *zone, const char *name)
{
        return vectors_get(zone->vectors, zone->errors, name) != NULL;
}

static enum dmarc_dns_status zone_txt(void *context, arena_t *arena, const char *name,
                                      const dmarc_txt_t **records, size_t *count)
{
        zone_t *zone = context;
        dmarc_txt_t *list;
        yaml_node_t *types, *texts;
        bool exists;

        cr_assert(zone->query_count < ZONE_QUERIES_MAX);
        zone->queries[zone->query_count++] = arena_strdup(arena, name);
        if (fails(zone, name))
                return DMARC_DNS_ERROR;
        types = find(zone, name, &exists);
        while (types != NULL && cname(zone, types) != NULL)
                types = find(zone, cname(zone, types), &exists);
        texts = vectors_get(zone->vectors, types, "TXT");
        if (texts == NULL)
                return exists ? DMARC_DNS_NODATA : DMARC_DNS_NXDOMAIN;
        list = arena_calloc(arena, vectors_count(texts), sizeof(*list));
        *count = vectors_count(texts);
        for (size_t i = 0; i < *count; i++) {
                yaml_node_t *strings = vectors_at(zone->vectors, texts, i);
                char *text = arena_strdup(arena, "");

                for (size_t n = 0; n < vectors_count(strings); n++)
                        text =
                            arena_printf(arena, "%s%s", text,
                                         vectors_at(zone->vectors, strings, n)->data.scalar.value);
                list[i].text = text;
                list[i].len = strlen(text);
        }
        *records = list;
        return DMARC_DNS_FOUND;
}

static enum dmarc_dns_status zone_exists(void *context, const char *name)
{
        zone_t *zone = context;
        bool exists;

        zone->existence_asked = true;
        if (fails(zone, name))
                return DMARC_DNS_ERROR;
        find(zone, name, &exists);
        return exists ? DMARC_DNS_NODATA : DMARC_DNS_NXDOMAIN;
}

dmarc_dns_t zone_dns(zone_t *zone)
{
        return (dmarc_dns_t){.txt = zone_txt, .exists = zone_exists, .context = zone};
}
