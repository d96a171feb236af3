/* SPDX-License-Identifier: MIT */
/* The kernel's clocks in nanoseconds, as records carry them. */
#ifndef BPROF_CLOCK_H
#define BPROF_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(clockid_t id)
{
	struct timespec now = {0};

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* The clock of samples: bpf_ktime_get_ns() counts the same. */
static inline uint64_t monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

#endif
