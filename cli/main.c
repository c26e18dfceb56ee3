/*
 * truefrom: the operator's tool
 */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include <stdio.h>

#include "common/app/daemon.h"

int main(int argc, char **argv)
{
        daemon_options_t options;
        int status = daemon_options(argc, argv, "truefrom", CONFIG_TOOL, &options);

        if (status >= 0)
                return status;
        fprintf(stderr, "usage: truefrom [-c FILE] -t | -V | -h\n");
        return EX_USAGE_ERROR;
}
