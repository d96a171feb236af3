/* SPDX-License-Identifier: MIT */
/* Hardware counters that run on every processor for the whole run, and are only read. */
#ifndef BPROF_HARDWARE_H
#define BPROF_HARDWARE_H

#include <stdint.h>

#include <bprof/wire.h>

#define HARDWARE_WHY_BYTES 256

struct hardware {
	uint32_t counted; /* bits 1 << enum bprof_meter */
	int *fds;	  /* [processor * BPROF_NR_HARDWARE + meter], -1 = none */
	unsigned nr_cpus;
	char missing[HARDWARE_WHY_BYTES]; /* why not all four are counted, and the remedy; or "" */
};

/**
 * hardware_open() - open cycles and instructions, user mode and kernel apart, on every processor
 *
 * Pinned: a counter runs all the time or is given up here, it is never shared out by time. Where
 * there is no room for four, the two of user mode are opened, else none.
 *
 * Owns:   hardware_close(). Return: 0, also where nothing can be counted; -ENOMEM.
 */
int hardware_open(unsigned nr_cpus, struct hardware *ret);
void hardware_close(struct hardware *h);

/* Puts the counters into a BPF_MAP_TYPE_PERF_EVENT_ARRAY, which keeps them. */
int hardware_install(const struct hardware *h, int map_fd);

#endif
