/* SPDX-License-Identifier: MIT */
/* Work of many runs that the user may end: what is finished by then counts. */
#ifndef BPROF_STOP_H
#define BPROF_STOP_H

#include <signal.h>

extern volatile sig_atomic_t stopped_by; /* the signal that ends it; 0 = none so far */

/*
 * From now on SIGINT, SIGTERM, SIGHUP and SIGQUIT only set stopped_by and end whatever waits,
 * unless they are ignored; SIGPIPE is.
 */
void stop_on_signals(void);

/* In a child, before it becomes a recorder: the same signals end it as they end any program. */
void stop_by_signals_again(void);

#endif
