/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Values of BPF maps that both sides read and write.
 */
#ifndef BPROF_MAPS_H
#define BPROF_MAPS_H

#ifndef BPROF_KERNEL_TYPES
#include <linux/types.h>
#endif

#include <bprof/lua_layout.h>

/*
 * One followed process, by pid. A process is followed because it is the command, or a followed one
 * forked it. Counters are cumulative: the cost of a span is the difference of two records.
 */
struct process {
	__u32 epoch; /* announcements so far: tags samples and forks */
	__u32 threads;
	__u32 parent_pid, parent_epoch;
	__u64 cpu_ns; /* of its finished slices, all threads */
	__u32 switches, unseen_slices;
};

/* One thread of a followed process, by tid. */
struct thread {
	__u32 pid;
	__u32 reserved;
	__u64 charged_ns; /* the part of its sum_exec_runtime already added to the process */
};

/* An executable, as the kernel names it. */
struct binary_key {
	__u64 dev, ino;
};

/* The Lua side of a process. */
struct process_vms {
	struct lua_vms vms;
	__u64 safe_proto; /* busted.safe, once known: its frames carry the test */
};

/*
 * Prototypes already seen: a direct-mapped table, mapped into user space. A collision only means
 * that a prototype is announced again. User space sets SEEN_CAPTURED once it holds the prototype's
 * lines; the sampler then leaves the line to it.
 */
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
