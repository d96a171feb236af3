/* SPDX-License-Identifier: MIT */
/* Which perf event is sampled, and whether this machine really delivers it. */
#ifndef BPROF_EVENTS_H
#define BPROF_EVENTS_H

#include "collect.h"

struct event {
	struct collect_event public;
	uint32_t type; /* perf_event_attr */
	uint64_t config;
	unsigned frequency_hz;
};

/* "auto": cycles if a counter delivers them, else cpu-clock. A named event is that event or an
 * error. */
int event_choose(const char *name, unsigned frequency_hz, struct event *ret, char *why,
		 size_t why_size);

/* A sampling event on one CPU: a file descriptor, or -errno. */
int event_open(const struct event *e, int cpu);

#endif
