/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Prototypes already seen: a direct-mapped table, shared by the sampler and user space.
 *
 * A collision only means that a prototype is announced again. User space sets SEEN_CAPTURED once it
 * holds the prototype's lines; the sampler then leaves the line to it.
 */
#ifndef BPROF_SEEN_H
#define BPROF_SEEN_H

#ifndef BPROF_KERNEL_TYPES
#include <linux/types.h>
#endif

#define SEEN_ENTRIES  32768 /* a power of two; suites have 900 - 3400 distinct prototypes */
#define SEEN_CAPTURED 1U

struct bprof_seen {
	__u64 object;
	__u32 pid;
	__u32 fingerprint;
	__u32 flags;
	__u32 reserved;
};

static inline __attribute__((always_inline)) __u32 seen_index(__u64 object, __u32 pid)
{
	__u64 h = (object ^ ((__u64)pid << 32)) * 0x9E3779B97F4A7C15ULL;

	return (__u32)(h >> 40) & (SEEN_ENTRIES - 1);
}

#endif
