/*
 * guard.h - reading a memory map whose file may be cut short under us
 *
 * A page of the map behind the end of its file is a SIGBUS, and LMDB's answer to nonsense in a page
 * may be a failed assertion. Neither is to end a daemon whose store can be made anew.
 */
#ifndef TRUEFROM_STATE_GUARD_H
#define TRUEFROM_STATE_GUARD_H

#include <stdbool.h>

/** Work on a map. Must not hold a lock or own memory that would be lost when it is left by a jump.
 */
typedef void guard_fn(void *context);

/**
 * Run `work`. Thread-safe; not nested.
 * @return false when it was left in the middle: the environment is to be closed then
 */
bool guard_run(guard_fn *work, void *context);

/** Leave the work that this thread is in; returns only when it is in none. */
void guard_leave(void);

#endif
