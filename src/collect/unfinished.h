/* SPDX-License-Identifier: MIT */
/* What processes that outlive the recording had done when it ended. */
#ifndef BPROF_UNFINISHED_H
#define BPROF_UNFINISHED_H

#include <stdint.h>

#include <bprof/wire.h>

struct unfinished {
	int processes_fd, threads_fd; /* of the kernel's maps */
	uint32_t metered;	      /* bits 1 << enum bprof_meter: the others are unknown */
	uint64_t time_ns;	      /* of the records */
	int (*fn)(void *arg, const struct bprof_record *record);
	void *arg;
};

/**
 * unfinished_tell() - a record BPROF_RECORD_EXIT for each process that is followed and has not
 * ended, with BPROF_EXIT_STILL_RUNNING for its exit code
 *
 * CPU time is up to now: of finished slices as charged, and of those under way as the kernel tells
 * of the threads (/proc/PID/task/TID/schedstat). Meters are of finished slices.
 *
 * Return: 0, or what @u->fn returned.
 */
int unfinished_tell(const struct unfinished *u);

#endif
