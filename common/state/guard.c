#include "common/state/guard.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

static _Thread_local sigjmp_buf *volatile leave_to;
static pthread_once_t once = PTHREAD_ONCE_INIT;

void guard_leave(void)
{
        sigjmp_buf *target = leave_to;

        if (target == NULL)
                return;
        leave_to = NULL;
        siglongjmp(*target, 1);
}

/* A SIGBUS that is not ours ends the process as ever: the faulting access is made again. */
static void on_bus_error(int signal_number)
{
        struct sigaction fallback = {.sa_handler = SIG_DFL};

        guard_leave();
        sigaction(signal_number, &fallback, NULL);
}

/* SA_NODEFER: the handler is left by a jump, which would leave the signal blocked. */
static void install(void)
{
        struct sigaction action = {.sa_handler = on_bus_error, .sa_flags = SA_NODEFER};

        sigemptyset(&action.sa_mask);
        sigaction(SIGBUS, &action, NULL);
}

bool guard_run(guard_fn *work, void *context)
{
        sigjmp_buf here;

        pthread_once(&once, install);
        if (sigsetjmp(here, 0) != 0)
                return false;
        leave_to = &here;
        work(context);
        leave_to = NULL;
        return true;
}
