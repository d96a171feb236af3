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

const volatile bool hold_unknown_binaries = true;
bool stop_holding; /* set when bprof-perf is about to leave */

static __always_inline void follow_thread(struct process *p, u32 pid, struct task_struct *child)
{
	struct thread t = {.pid = pid, .charged_ns = child->se.sum_exec_runtime};
	u32 tid = child->pid;

	if (bpf_map_update_elem(&threads, &tid, &t, BPF_ANY))
		count(BPROF_COUNTER_LOST_PROCESSES);
	else
		__sync_fetch_and_add(&p->threads, 1);
}

/* A forked child has its parent's memory, so it has its parent's VMs at the same addresses. */
static __always_inline void inherit_vms(u32 parent_pid, u32 pid)
{
	struct process_vms *inherited = bpf_map_lookup_elem(&vms, &parent_pid);

	if (inherited)
		bpf_map_update_elem(&vms, &pid, inherited, BPF_ANY);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	u32 parent_pid = parent->tgid, pid = child->tgid;
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

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	u32 pid = task->tgid;
	struct process *p = bpf_map_lookup_elem(&processes, &pid);
	struct bprof_exec r = {.pid = pid};
	struct binary_key key;
	struct inode *inode;
	bool seen;

	if (!p)
		return 0;
	/* copied, since of each pointer that is followed itself the verifier asks what BTF says of
	 * its type: 0.3 ms each */
	inode = BPF_CORE_READ(bprm, file, f_inode);
	r.dev = key.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	r.ino = key.ino = BPF_CORE_READ(inode, i_ino);
	bpf_map_delete_elem(&vms, &pid);
	fill_header(&r.h, BPROF_RECORD_EXEC, sizeof(r));
	bpf_get_current_comm(r.comm, sizeof(r.comm));
	r.cpu_ns = process_cpu_ns(p, r.h.time_ns, &seen);
	if (must_hold(&key) && !bpf_send_signal(SIGSTOP)) {
		r.flags = BPROF_EXEC_HELD;
		count(BPROF_COUNTER_HELD_EXECS);
		ship_with(&r, BPF_RB_FORCE_WAKEUP);
		return 0;
	}
	ship(&r);
	return 0;
}

#endif
