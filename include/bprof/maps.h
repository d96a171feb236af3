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
#include <bprof/seen.h>

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

#endif
