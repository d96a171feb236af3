/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Exact CPU time of followed processes, readable at any instant.
 *
 * A thread is charged at its switch-out with the growth of its own sum_exec_runtime since the last
 * charge. That is what getrusage() and top say, and it survives a missed switch-in, which happens:
 * on some virtual machines about one switch a second is not reported, and timestamps alone then
 * lose whole slices. Inside a slice (at a boundary) sum_exec_runtime is stale by up to a tick, so
 * the running part is added: now - exec_start, with exec_start moved to our clock by an offset
 * measured at the latest switch-in on this CPU.
 */
#ifndef BPROF_CPU_TIME_H
#define BPROF_CPU_TIME_H

#define MAX_CPUS 1024

/* What runs on a CPU, if it is followed. seq is odd while sched_switch rewrites the slot. */
struct cpu_slot {
	u32 seq;
	u32 tid;
	u64 switch_in_ns; /* our clock */
	u64 clock_offset; /* our clock - the scheduler's, at that instant; 0 = not measured yet */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct cpu_slot);
} cpu_slots SEC(".maps");

static __always_inline struct cpu_slot *this_cpu_slot(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&cpu_slots, &zero);
}

/* The last thread is gone: its process has its final sum. */
static __always_inline void end_process(u32 pid, struct process *p, struct task_struct *task)
{
	struct bprof_exit r = {
		.pid = pid,
		.parent_pid = p->parent_pid,
		.parent_epoch = p->parent_epoch,
		.epoch = p->epoch,
		.cpu_ns = p->cpu_ns,
		.switches = p->switches,
		.unseen_slices = p->unseen_slices,
		.exit_code = (u32)task->exit_code,
	};

	fill_header(&r.h, BPROF_RECORD_EXIT, sizeof(r));
	ship(&r);
	bpf_map_delete_elem(&processes, &pid);
	bpf_map_delete_elem(&vms, &pid);
}

static __always_inline void charge(struct task_struct *prev, u32 tid, struct thread *t,
				   const struct cpu_slot *slot)
{
	u32 pid = t->pid;
	struct process *p = bpf_map_lookup_elem(&processes, &pid);
	u64 sum = prev->se.sum_exec_runtime;
	u64 slice = sum - t->charged_ns;

	if (!p)
		return;
	t->charged_ns = sum;
	__sync_fetch_and_add(&p->cpu_ns, slice);
	p->switches++;
	if (slot->tid != tid) {
		p->unseen_slices++;
		count(BPROF_COUNTER_UNSEEN_SLICES);
		count_by(BPROF_COUNTER_UNSEEN_NS, slice);
	}
	if (prev->__state & TASK_DEAD) {
		bpf_map_delete_elem(&threads, &tid);
		if (__sync_fetch_and_add(&p->threads, -1) == 1)
			end_process(pid, p, prev);
	}
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	u32 prev_tid = prev->pid, next_tid = next->pid;
	struct thread *out = NULL, *in = NULL;
	struct cpu_slot *slot;
	u64 now;

	if (prev_tid)
		out = bpf_map_lookup_elem(&threads, &prev_tid);
	if (next_tid)
		in = bpf_map_lookup_elem(&threads, &next_tid);
	if (!out) /* two tests: the compiler must not combine two map pointers */
		if (!in)
			return 0;
	slot = this_cpu_slot();
	if (!slot)
		return 0;
	now = bpf_ktime_get_ns();
	slot->seq++;
	barrier();
	if (out)
		charge(prev, prev_tid, out, slot);
	slot->tid = 0;
	if (in) {
		slot->tid = next_tid;
		slot->switch_in_ns = now;
		slot->clock_offset = now - next->se.exec_start;
	}
	barrier();
	slot->seq++;
	return 0;
}

/* What the running thread has used beyond its charged sum; *seen says whether its slice was seen.
 */
static __always_inline u64 running_ns(struct thread *t, u64 now, bool *seen)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct cpu_slot *slot = this_cpu_slot();
	u64 start = *(volatile u64 *)&task->se.exec_start;
	u64 sum = *(volatile u64 *)&task->se.sum_exec_runtime;
	s64 part = 0;

	*seen = false;
	if (slot && slot->tid == current_tid() && slot->clock_offset) {
		*seen = true;
		part = (s64)(now - slot->clock_offset - start);
	}
	return sum - t->charged_ns + (part > 0 ? (u64)part : 0);
}

/*
 * CPU time of the current process now. Switches may interrupt us and move the numbers: the slot's
 * sequence tells, and we try again.
 */
static __always_inline u64 process_cpu_ns(struct process *p, u64 now, bool *seen)
{
	u32 tid = current_tid();
	u64 cpu_ns = 0;

	for (int attempt = 0; attempt < 4; attempt++) {
		struct thread *t = bpf_map_lookup_elem(&threads, &tid);
		struct cpu_slot *slot = this_cpu_slot();
		u32 seq;

		if (!t || !slot)
			break;
		seq = *(volatile u32 *)&slot->seq;
		barrier();
		cpu_ns = *(volatile u64 *)&p->cpu_ns + running_ns(t, now, seen);
		barrier();
		if (*(volatile u32 *)&slot->seq == seq)
			break;
		now = bpf_ktime_get_ns();
	}
	return cpu_ns;
}

#endif
