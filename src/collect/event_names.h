/* SPDX-License-Identifier: MIT */
/* Names of perf events, as perf spells them, to what perf_event_open() takes. */
#ifndef BPROF_EVENT_NAMES_H
#define BPROF_EVENT_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVENT_NAME_BYTES 128

struct event_code {
	char name[EVENT_NAME_BYTES]; /* without the modifier */
	uint32_t type;
	uint64_t config, config1, config2;
	bool clock;    /* counts nanoseconds */
	bool hardware; /* counted by a counter of the machine */
	bool user_only, kernel_only;
};

/**
 * event_parse() - what does this name mean on this machine?
 *
 *	cycles  branch-misses  page-faults ...    the kernel's own names
 *	r1a8                                       a raw code of the processor's counters, in hex
 *	cpu/event=0xc4,umask=0x20/  cpu/branches/  what /sys/bus/event_source/devices describes
 *	NAME:u  NAME:k                             of user mode, of the kernel alone
 *
 * @devices: /sys/bus/event_source/devices, or a stand-in for it
 * @why: receives a sentence on failure
 * Return: 0; -ENOENT unknown; -EINVAL malformed; -EOPNOTSUPP known, and not for sampling.
 */
int event_parse(const char *name, const char *devices, struct event_code *ret, char *why,
		size_t why_size);

#endif
