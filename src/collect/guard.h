/* SPDX-License-Identifier: MIT */
/*
 * guard.h - two helper processes that stand beside a collector
 *
 * The guardian outlives us where we crash or are killed, and continues what we hold. The reaper
 * outlives us where all went well, and pays for the kernel's slow taking down of probes.
 */
#ifndef BPROF_GUARD_H
#define BPROF_GUARD_H

#include <stdbool.h>

struct guard {
	int fd;		    /* the guardian waits at its other end; -1: there is none */
	int processes_fd;   /* the BPF map whose keys are the followed processes; borrowed */
	bool *stop_holding; /* what tells the BPF programs to hold nobody any more; borrowed */
};

/**
 * guard_start() - fork the guardian
 *
 * Without a word of guard_dismiss() before our end it continues every followed process.
 *
 * Return: 0, or a negative errno.
 */
int guard_start(struct guard *guard);

/** guard_dismiss() - all is well: the guardian ends without doing anything */
void guard_dismiss(struct guard *guard);

/**
 * reaper_start() - fork the process that holds our probes a moment longer than we live
 *
 * Closing them is waiting: the kernel lets go of a probe after a grace period of its tasks, 20 to
 * 100 ms each (perf_event_detach_bpf_prog() in Linux). All are closed at once, because a run
 * that starts meanwhile waits for the same locks.
 */
void reaper_start(void);

#endif /* BPROF_GUARD_H */
