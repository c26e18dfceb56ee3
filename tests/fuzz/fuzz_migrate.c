/* Feed truefrom migrate with any opendmarc.conf: what it writes must be a good truefrom.conf, with
 * the settings that were read. The same bytes stand for a file that IgnoreHosts names. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/migrate/ignore.h"
#include "cli/migrate/parse.h"
#include "cli/migrate/translate.h"
#include "common/app/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The file that IgnoreHosts names need not be there: nothing else may be wrong. */
static void note_error(void *context, const char *file, unsigned line, const char *message)
{
        (void)context;
        (void)file;
        (void)line;
        if (strncmp(message, "IgnoreHosts", strlen("IgnoreHosts")) != 0)
                abort();
}

static void note_line(void *context, unsigned line, const char *message)
{
        if (line == 0 || *message == '\0')
                abort();
        ++*(unsigned *)context;
}

static bool truth(const opendmarc_conf_t *conf, const char *name)
{
        const opendmarc_setting_t *setting = opendmarc_conf_get(conf, name);

        return setting != NULL && setting->truth;
}

static void check_result(const opendmarc_conf_t *conf, const migration_t *migration)
{
        char path[64];
        const config_t *config;
        int fd = memfd_create("migrated", 0);

        for (size_t i = 0; i < migration->len; i++)
                if (migration->text[i] != '\n' &&
                    (migration->text[i] < 0x20 || migration->text[i] > 0x7e))
                        abort();
        if (fd < 0 || write(fd, migration->text, migration->len) != (ssize_t)migration->len)
                abort();
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        config = config_load(path, CONFIG_MILTER, note_error, NULL);
        if (!config && !migration->ignore_hosts)
                abort();
        if (config &&
            (config->milter.reject_failures != truth(conf, "RejectFailures") ||
             (config->milter.required_headers != REQUIRED_NONE) != truth(conf, "RequiredHeaders") ||
             config->milter.spf_self_validate != truth(conf, "SPFSelfValidate") ||
             config->policyd.socket == NULL))
                abort();
        config_release(config);
        close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        arena_t *arena = arena_create((size_t)64 << 20);
        const opendmarc_conf_t *conf = opendmarc_conf_parse(arena, (const char *)data, size);
        migration_t migration;
        unsigned lines = 0;

        if (!conf || migrate_translate(arena, conf, "/etc/opendmarc.conf", &migration) != 0)
                abort();
        check_result(conf, &migration);
        migration_free(&migration);
        arena_free(arena);
        migrate_ignore_check((const char *)data, size, note_line, &lines);
        return 0;
}
