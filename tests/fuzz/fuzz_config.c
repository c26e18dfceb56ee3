/* Feed the configuration with any text */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/app/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void note(void *context, const char *file, unsigned line, const char *message)
{
        (void)line;
        if (!file || !message)
                abort();
        ++*(unsigned *)context;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        unsigned errors = 0;
        char path[64];
        const config_t *config;
        int fd = memfd_create("config", 0);

        if (fd < 0 || write(fd, data, size) != (ssize_t)size)
                abort();
        /* "@include" of libconfig would read other files: not what is looked for here */
        if (memmem(data, size, "@include", 8)) {
                close(fd);
                return 0;
        }
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        config = config_load(path, CONFIG_MILTER, note, &errors);
        if (!config && errors == 0)
                abort();
        config_release(config);
        close(fd);
        return 0;
}
