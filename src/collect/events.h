/* SPDX-License-Identifier: MIT */
/* Which perf event is sampled, and whether this machine really delivers it. */
#ifndef BPROF_EVENTS_H
#define BPROF_EVENTS_H

#include "collect.h"
#include "event_names.h"

struct event {
	struct collect_event public; /* its strings lie in this struct, or are constant */
	struct event_code code;
	char name[EVENT_NAME_BYTES + 4]; /* with its modifier */
	unsigned frequency_hz;
	uint64_t period; /* 0 = by frequency */
};

/*
 * "auto": cycles if a counter delivers them, else cpu-clock. A named event is that event or an
 * error; BPROF_NO_EVENT has no name. Owns: *ret stays where it is.
 */
int event_choose(const struct collect_opts *opts, struct event *ret, char *why, size_t why_size);

/* A sampling event on one CPU, not started: a file descriptor, or -errno. */
int event_open(const struct event *e, int cpu);

#endif
