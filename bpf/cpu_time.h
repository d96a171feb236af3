/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Exact CPU time of followed processes, readable at any instant.
 *
 * A thread is charged at its switch-out with the growth of its own sum_exec_runtime since the last
 * charge. That is what getrusage() and top say, and it survives a missed switch-in, which happens:
 * on some virtual machines about one switch a second is not reported, and timestamps alone then
 * lose whole slices.
 *
 * Inside a slice (at a boundary) sum_exec_runtime is stale by up to a tick. What is missing is what
 * the scheduler's clock_task has moved since exec_start, and that clock leaves out time that the
 * hypervisor stole and time spent in interrupts; to it comes the little that our own clock has
 * moved since the scheduler last looked at its own. Threads that run on other processors at that
 * instant are found in their run queues.
 */
#ifndef BPROF_CPU_TIME_H
#define BPROF_CPU_TIME_H

#define MAX_ATTEMPTS 4

/* Processors to look at for the other threads of a process. */
const volatile __u32 nr_possible_cpus = 1;

struct exit_record {
	struct bprof_exit exit;
	struct bprof_meters meters;
};

/* The last thread is gone: its process has its final sum. */
static __always_inline void end_process(u32 pid, struct process *p, struct task_struct *task)
{
	struct exit_record r = {
		.exit =
			{
				.pid = pid,
				.parent_pid = p->parent_pid,
				.parent_epoch = p->parent_epoch,
				.epoch = p->epoch,
				.cpu_ns = p->cpu_ns,
				.switches = p->switches,
				.unseen_slices = p->unseen_slices,
				.exit_code = (u32)task->exit_code,
				.nr_meters = BPROF_NR_METERS,
			},
	};

	fill_header(&r.exit.h, BPROF_RECORD_EXIT, sizeof(r));
	fill_meters(&r.meters, &p->meters);
	ship(&r);
	bpf_map_delete_elem(&processes, &pid);
	bpf_map_delete_elem(&vms, &pid);
}

static __always_inline void charge(struct task_struct *prev, u32 tid, struct thread *t,
				   struct cpu_slot *slot)
{
	u32 pid = t->pid;
	struct process *p = bpf_map_lookup_elem(&processes, &pid);
	u64 sum = prev->se.sum_exec_runtime;
	u64 slice = sum - t->charged_ns;
	bool seen = slot->tid == tid;

	if (!p)
		return;
	__sync_fetch_and_add(&p->charges_begun, 1);
	t->charged_ns = sum;
	__sync_fetch_and_add(&p->cpu_ns, slice);
	charge_meters(p, t, prev, slot, seen);
	__sync_fetch_and_add(&p->charges_done, 1);
	p->switches++;
	if (!seen) {
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

/*
 * The scheduler's clock of a processor, as of its last look at it: it moves as ours does. A kernel
 * without groups of tasks does not lead us to it: then when @task was charged last.
 */
static __always_inline u64 scheduler_clock(const struct cpu_slot *slot,
					   const struct task_struct *task, bool far)
{
	const struct rq *rq = (const struct rq *)slot->run_queue;

	return rq ? BPF_CORE_READ(rq, clock) : TASK_FIELD(far, task, se.exec_start);
}

/* Likewise, but it leaves out what is nobody's: stolen time, interrupts. */
static __always_inline u64 scheduler_clock_task(const struct cpu_slot *slot,
						const struct task_struct *task, bool far)
{
	const struct rq *rq = (const struct rq *)slot->run_queue;

	return rq ? BPF_CORE_READ(rq, clock_task) : TASK_FIELD(far, task, se.exec_start);
}

/*
 * Our clock - the scheduler's, or more: that is behind by as much as it has not been looked at. It
 * must be read first: read after ours, with a tick or a stolen moment between, it would be ahead.
 */
static __always_inline u64 clock_offset_now(const struct cpu_slot *slot,
					    const struct task_struct *task, bool far)
{
	u64 clock = scheduler_clock(slot, task, far);

	barrier();
	return bpf_ktime_get_ns() - clock;
}

/* The thread that leaves is the current one still. */
SEC("raw_tp/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *leaving, struct task_struct *next)
{
	struct task_struct *prev = bpf_get_current_task_btf();
	u32 prev_tid = prev->pid, next_tid = BPF_CORE_READ(next, pid);
	struct thread *out = NULL, *in = NULL;
	struct cpu_slot *slot;

	if (prev_tid)
		out = bpf_map_lookup_elem(&threads, &prev_tid);
	if (next_tid)
		in = bpf_map_lookup_elem(&threads, &next_tid);
	if (!out) { /* two tests: the compiler must not combine two map pointers */
		WALK_OPAQUE(in);
		if (!in)
			return 0;
	}
	slot = this_cpu_slot();
	if (!slot)
		return 0;
	slot->seq++;
	barrier();
	if (out)
		charge(prev, prev_tid, out, slot);
	slot->tid = 0;
	if (in) {
		slot->tid = next_tid;
		slot->task = (u64)next;
		find_run_queue(slot, next);
		slot->clock_offset = clock_offset_now(slot, next, true);
		if (!in->charged)
			begin_thread(in, next, true);
		begin_slice(slot);
	}
	barrier();
	slot->seq++;
	return 0;
}

/* ---- in the middle of a slice -------------------------------------------------------------- */

/* What of a thread's time the scheduler moves, all of it at once. */
struct moving {
	u64 sum, start, clock;
};

static __always_inline struct moving read_moving(const struct cpu_slot *slot,
						 const struct task_struct *task, bool far)
{
	struct moving m;

	barrier();
	m.sum = TASK_FIELD(far, task, se.sum_exec_runtime);
	m.start = TASK_FIELD(far, task, se.exec_start);
	m.clock = scheduler_clock(slot, task, far);
	barrier();
	return m;
}

/* The offset is known the better the sooner after a look at the scheduler's clock it is taken. */
static __always_inline void improve_offset(struct cpu_slot *slot, u64 offset)
{
	if (slot->clock_offset && offset < slot->clock_offset)
		slot->clock_offset = offset;
}

/*
 * Adds what a running thread has used beyond its charged sum. A tick moves the numbers, here or on
 * its processor: then all are read again. Numbers that never stand still move by little: a thread
 * that asks for its own clock all the time. False: known up to the latest tick only.
 */
static __always_inline bool add_running_ns(struct reading *r, struct cpu_slot *slot,
					   const struct task_struct *task, const struct thread *t,
					   bool far)
{
	struct moving m = read_moving(slot, task, far), again;
	u64 clock_task = 0, now = 0;
	bool still = false;
	s64 part;

	for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
		clock_task = scheduler_clock_task(slot, task, far);
		now = bpf_ktime_get_ns();
		again = read_moving(slot, task, far);
		still = again.sum == m.sum && again.start == m.start && again.clock == m.clock;
		if (still)
			break;
		m = again;
	}
	part = (s64)(clock_task - m.start);
	if (still && !far)
		improve_offset(slot, now - m.clock);
	if (slot->clock_offset && (s64)(now - slot->clock_offset - m.clock) > 0)
		part += (s64)(now - slot->clock_offset - m.clock);
	r->cpu_ns += m.sum - t->charged_ns + (part > 0 ? (u64)part : 0);
	return slot->clock_offset != 0;
}

/* Who looks for the threads beside it. bpf_loop() takes what is on the stack, and nothing else. */
struct looker {
	u32 pid, tid;
};

/* bpf_loop(): a thread of the same process that runs on processor @cpu. */
static long add_other_thread(u32 cpu, void *context)
{
	const struct looker *looker = context;
	u32 zero = 0, own_tid = looker->tid, tid;
	struct cpu_slot *slot = bpf_map_lookup_percpu_elem(&cpu_slots, &zero, cpu);
	const struct task_struct *task;
	struct thread *own, *t;

	if (!slot)
		return 0;
	tid = slot->tid;
	if (!tid || tid == own_tid)
		return 0;
	t = bpf_map_lookup_elem(&threads, &tid);
	if (!t)
		return 0;
	if (t->pid != looker->pid)
		return 0;
	own = bpf_map_lookup_elem(&threads, &own_tid);
	if (!own)
		return 0;
	task = (const struct task_struct *)slot->task;
	add_running_ns(&own->reading, slot, task, t, true);
	add_thread_meters(&own->reading.meters, t, task, true);
	return 0;
}

static __always_inline void add_this_thread(struct reading *r, struct thread *t)
{
	const struct task_struct *task = bpf_get_current_task_btf();
	struct cpu_slot *slot = this_cpu_slot();

	r->seen = false;
	if (!slot)
		return;
	r->seen = add_running_ns(r, slot, task, t, false);
	add_thread_meters(&r->meters, t, task, false);
	if (!add_slice_meters(&r->meters, slot, r->tid))
		r->seen = false;
}

/*
 * Reads the sums into t->reading. 0: no thread was charged meanwhile, so they belong together. A
 * global function, for the verifier would follow each attempt.
 */
WALK_STEP int read_once(struct process *p, struct thread *t)
{
	struct looker looker = {.pid = current_pid(), .tid = current_tid()};
	struct reading *r;
	u32 begun;

	if (!p || !t)
		return 1;
	r = &t->reading;
	r->pid = looker.pid;
	r->tid = looker.tid;
	r->vm_count_lost = p->vm_count_lost;
	begun = *(volatile u32 *)&p->charges_begun;
	barrier();
	r->time_ns = bpf_ktime_get_ns();
	r->cpu_ns = *(volatile u64 *)&p->cpu_ns;
	r->meters = p->meters;
	add_this_thread(r, t);
	if (p->threads > 1)
		bpf_loop(nr_possible_cpus, add_other_thread, &looker, 0);
	barrier();
	return *(volatile u32 *)&p->charges_done != begun ||
	       *(volatile u32 *)&p->charges_begun != begun;
}

/*
 * The sums of the current process now. Threads may be charged meanwhile, this one too, and move
 * part of it from the threads to the process: then all is read again. NULL: not a followed thread.
 */
static __noinline struct reading *read_process(struct process *p)
{
	u32 tid = current_tid();
	struct thread *t = bpf_map_lookup_elem(&threads, &tid);

	if (!t)
		return NULL;
	for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
		if (!read_once(p, t))
			return &t->reading;
	}
	t->reading.seen = false;
	return &t->reading;
}

#endif
