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
#include <bprof/wire.h>

/* What the countdown of VM instructions starts from: found again in the VM's memory, and long. */
#define BPROF_VM_COUNT_MAGIC 0x3fffffffU

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
	/* the two differ while a thread is being charged: whoever reads the sums reads them again
	 */
	__u32 charges_begun, charges_done;
	struct bprof_meters meters; /* ditto */
	/* of the VM that runs the tests: what is left of its countdown; 0 = not seen yet */
	__u32 vm_countdown, vm_count_lost;
};

/* The meters that the kernel keeps for each thread. */
#define BPROF_THREAD_METERS    BPROF_METER_MINOR_FAULTS
#define BPROF_NR_THREAD_METERS (BPROF_NR_METERS - BPROF_THREAD_METERS)

/* The sums of a process at one instant, as its current thread reads them. */
struct reading {
	__u64 time_ns;
	__u64 cpu_ns;
	struct bprof_meters meters;
	__u32 pid, tid;
	__u32 seen; /* the switch-in of the current slice was seen: all of it is exact */
	__u32 vm_count_lost;
};

/* One thread of a followed process, by tid. */
struct thread {
	__u32 pid;
	__u32 charged;	  /* 0: what it did so far was before we followed it */
	__u64 charged_ns; /* the part of its sum_exec_runtime already added to the process */
	__u64 charged_meters[BPROF_NR_THREAD_METERS]; /* and of those the kernel keeps for it */
	struct reading reading; /* its latest: too large for the stack of a program */
};

/* An executable, as the kernel names it. */
struct binary_key {
	__u64 dev, ino;
};

/* A VM of a process, or vm.global 0. turn is odd while somebody writes the rest (bpf/vm_slots.h).
 */
struct vm_slot {
	__u32 turn, reserved;
	struct lua_vm vm;
};

/* The Lua side of a process. */
struct process_vms {
	__u32 used;	  /* slots that ever had a VM, a bit each */
	__u32 missed;	  /* VMs that live in the process and found no room here */
	__u64 safe_proto; /* busted.safe, once known: its frames carry the test */
	struct vm_slot slot[BPROF_MAX_VMS];
};

/* What user space tells the programs on_vm_found (pid, vm) and on_safe_found (pid, safe_proto). */
struct found_vm {
	__u32 pid, reserved;
	__u64 safe_proto;
	struct lua_vm vm;
};

#endif
