/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Who is followed: children of followed processes, through fork and exec.
 *
 * An executable seen for the first time is held: its first process stops itself before its first
 * instruction until user space has attached probes to the file. Probes belong to the file, so every
 * later process of the same binary starts at full speed.
 */
#ifndef BPROF_PROCESSES_H
#define BPROF_PROCESSES_H

#include "vm_slots.h"

const volatile bool hold_unknown_binaries = true;
bool stop_holding; /* set when bprof-perf is about to leave */

static __always_inline void follow_thread(struct process *p, u32 pid, struct task_struct *child)
{
	struct thread t = {.pid = pid, .charged_ns = BPF_CORE_READ(child, se.sum_exec_runtime)};
	u32 tid = BPF_CORE_READ(child, pid);

	begin_thread(&t, child, true);
	if (bpf_map_update_elem(&threads, &tid, &t, BPF_ANY))
		count(BPROF_COUNTER_LOST_PROCESSES);
	else
		__sync_fetch_and_add(&p->threads, 1);
}

SEC("raw_tp/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	u32 parent_pid = current_pid(), pid = BPF_CORE_READ(child, tgid);
	struct process *p = bpf_map_lookup_elem(&processes, &parent_pid);
	struct process new = {.parent_pid = parent_pid};
	struct bprof_fork r = {.pid = pid, .parent_pid = parent_pid};

	if (!p)
		return 0;
	if (pid == parent_pid) {
		follow_thread(p, pid, child);
		return 0;
	}
	new.parent_epoch = p->epoch;
	r.parent_epoch = p->epoch;
	if (bpf_map_update_elem(&processes, &pid, &new, BPF_ANY)) {
		count(BPROF_COUNTER_LOST_PROCESSES);
		return 0;
	}
	p = bpf_map_lookup_elem(&processes, &pid);
	if (!p)
		return 0;
	follow_thread(p, pid, child);
	/* a child of vfork() or posix_spawn() runs C in its parent's memory until it execs */
	if (BPF_CORE_READ(child, mm) != BPF_CORE_READ(parent, mm))
		inherit_vms(parent_pid, pid);
	fill_header(&r.h, BPROF_RECORD_FORK, sizeof(r));
	ship(&r);
	return 0;
}

static __always_inline bool must_hold(const struct binary_key *key)
{
	if (!hold_unknown_binaries || stop_holding)
		return false;
	return !bpf_map_lookup_elem(&known_binaries, key);
}

struct exec_record {
	struct bprof_exec exec;
	struct bprof_meters meters;
};

SEC("raw_tp/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	u32 pid = current_pid();
	struct process *p = bpf_map_lookup_elem(&processes, &pid);
	const struct reading *reading;
	struct binary_key key;
	struct exec_record *r;
	struct inode *inode;

	if (!p)
		return 0;
	inode = BPF_CORE_READ(bprm, file, f_inode);
	key.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	key.ino = BPF_CORE_READ(inode, i_ino);
	bpf_map_delete_elem(&vms, &pid);
	reading = read_process(p);
	r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0); /* too large for the stack */
	if (!r) {
		count(BPROF_COUNTER_LOST_RECORDS);
		return 0; /* not held: nobody would know */
	}
	fill_header(&r->exec.h, BPROF_RECORD_EXEC, sizeof(*r));
	r->exec.pid = pid;
	r->exec.flags = 0;
	r->exec.nr_meters = BPROF_NR_METERS;
	r->exec.dev = key.dev;
	r->exec.ino = key.ino;
	r->exec.cpu_ns = reading ? reading->cpu_ns : p->cpu_ns;
	bpf_get_current_comm(r->exec.comm, sizeof(r->exec.comm));
	fill_meters(&r->meters, reading ? &reading->meters : &p->meters);
	if (must_hold(&key) && !bpf_send_signal(SIGSTOP)) {
		r->exec.flags = BPROF_EXEC_HELD;
		count(BPROF_COUNTER_HELD_EXECS);
		bpf_ringbuf_submit(r, BPF_RB_FORCE_WAKEUP);
		return 0;
	}
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return 0;
}

#endif
