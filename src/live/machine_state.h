/* SPDX-License-Identifier: MIT */
/* What the machine did to everybody on it: read before and after a run. */
#ifndef BPROF_MACHINE_STATE_H
#define BPROF_MACHINE_STATE_H

#include <stdint.h>

#define MACHINE_UNKNOWN UINT64_MAX /* this machine does not tell */

struct machine_state {
	uint64_t stolen_ns;	      /* of all processors, by the hypervisor, so far */
	uint64_t throttled_ns;	      /* of our control group, by its quota, so far */
	uint64_t heat_events;	      /* times a core slowed down for heat, so far */
	uint64_t least_khz, most_khz; /* of the processors now */
};

void machine_state_read(struct machine_state *ret);

/* The same of the /proc and /sys in another directory, for tests. @root: without a slash at its end
 */
void machine_state_read_below(const char *root, long nr_cpus, struct machine_state *ret);

/* What came up since @before; frequencies: the range of both. */
struct machine_state machine_state_since(const struct machine_state *now,
					 const struct machine_state *before);

#endif
