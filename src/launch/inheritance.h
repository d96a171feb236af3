/* SPDX-License-Identifier: MIT */
/*
 * What the command shall inherit from whoever started us, as if we were not in between: signal
 * mask, ignored signals, umask, and open descriptors. Saved first thing in main(), before we change
 * any of it; restored in the child.
 */
#ifndef BPROF_INHERITANCE_H
#define BPROF_INHERITANCE_H

#include <signal.h>
#include <sys/types.h>

#include "base.h"

#define INHERITANCE_MAX_FDS 256 /* kept open for the command; 3 and up */

struct inheritance {
	sigset_t mask;
	struct sigaction actions[NSIG]; /* by number; only SIG_DFL and SIG_IGN survive an exec */
	mode_t umask;
	int fds[INHERITANCE_MAX_FDS]; /* ascending: 3<file, <(process), make's jobserver */
	size_t nr_fds;
};

/* 0 or -errno. */
int inheritance_save(struct inheritance *ret) MUST_CHECK;

/*
 * For the child after fork. Every other descriptor from 3 up is marked to close at exec, whoever
 * opened it and however: no perf, BPF or recording descriptor can leak into the command.
 * @umask: as recovered from the user's shell, or (mode_t)-1 for the one we were started with
 */
int inheritance_restore(const struct inheritance *inheritance, mode_t umask) MUST_CHECK;

/* For the child after fork: every descriptor from 3 up closes at exec. 0 or -errno. */
int inheritance_mark_all_fds(void) MUST_CHECK;

#endif
