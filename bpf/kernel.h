/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The few kernel types we touch, trimmed by hand. Field offsets are relocated at load time from the
 * running kernel's BTF (CO-RE), so only names and types matter here; each was checked against the
 * BTF of 6.1, 6.12 and 6.18.
 */
#ifndef BPROF_KERNEL_H
#define BPROF_KERNEL_H

#define BPROF_KERNEL_TYPES /* wire.h: do not include <linux/types.h> */
#define __VMLINUX_H__	   /* bpf_tracing.h: use the kernel's register names */

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u8 u8;
typedef __s16 s16;
typedef __u16 u16;
typedef __s32 s32;
typedef __u32 u32;
typedef __s64 s64;
typedef __u64 u64;
typedef __s8 s8;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef int pid_t;
typedef _Bool bool;
enum { false = 0, true = 1 };

/* Constants of the BPF user-space ABI (linux/bpf.h), which bpf_helpers.h expects to exist. */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
};
enum { BPF_ANY = 0, BPF_NOEXIST = 1, BPF_EXIST = 2 };
enum { BPF_F_NO_PREALLOC = 1U << 0, BPF_F_MMAPABLE = 1U << 10 };
enum { BPF_RB_NO_WAKEUP = 1U << 0, BPF_RB_FORCE_WAKEUP = 1U << 1 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip;
	unsigned long sp;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	u64 regs[31];
	u64 sp, pc, pstate;
};
struct pt_regs {
	union {
		struct user_pt_regs user_regs;
		struct {
			u64 regs[31];
			u64 sp, pc, pstate;
		};
	};
};
#endif

struct mm_struct {
	unsigned long start_brk, brk, start_stack;
};

#if defined(__TARGET_ARCH_x86)
struct thread_struct {
	unsigned long fsbase;
};
#elif defined(__TARGET_ARCH_arm64)
struct thread_struct {
	struct {
		unsigned long tp_value;
	} uw;
};
#endif

struct rq {
	u64 clock, clock_task, prev_steal_time_rq;
};

struct cfs_rq {
	struct rq *rq;
};

struct sched_entity {
	u64 exec_start, sum_exec_runtime, nr_migrations;
	struct cfs_rq *cfs_rq;
};

struct sched_info {
	unsigned long long run_delay;
};

struct task_struct {
	unsigned int __state;
	struct sched_entity se;
	struct mm_struct *mm;
	int exit_code;
	pid_t pid, tgid;
	struct task_struct *group_leader;
	char comm[16];
	struct thread_struct thread;
	struct sched_info sched_info;
	unsigned long nvcsw, nivcsw, min_flt, maj_flt;
};

struct super_block {
	u32 s_dev;
};

struct inode {
	struct super_block *i_sb;
	unsigned long i_ino;
};

struct file {
	struct inode *f_inode;
};

struct linux_binprm {
	struct file *file;
};

#pragma clang attribute pop

/* What a counter says: user-space ABI. */
struct bpf_perf_event_value {
	u64 counter, enabled, running;
};

/* Context of a perf_event program: user-space ABI, accessed at fixed offsets (no CO-RE). */
struct bpf_perf_event_data {
#if defined(__TARGET_ARCH_x86)
	u64 regs[21]; /* struct pt_regs; 16 is ip */
#elif defined(__TARGET_ARCH_arm64)
	u64 regs[34]; /* struct user_pt_regs; 32 is pc */
#endif
	u64 sample_period;
	u64 addr;
};
#if defined(__TARGET_ARCH_x86)
#define PERF_CONTEXT_IP 16
#elif defined(__TARGET_ARCH_arm64)
#define PERF_CONTEXT_IP 32
#endif

#define NULL ((void *)0)

#define TASK_DEAD 0x80 /* linux/sched.h: the last switch of a thread */
#define SIGSTOP	  19

#endif
