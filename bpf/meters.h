/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Meters of followed processes: hardware counters, page faults, switches, migrations, lost time.
 *
 * Page faults and their like the kernel keeps for each thread: a thread is charged with their
 * growth since the last charge, and nothing is ever missed. Hardware counters count for a
 * processor: what one grows between the switch-in and the switch-out of a thread is the thread's. A
 * slice whose switch-in was not seen has no count, and is counted itself.
 */
#ifndef BPROF_BPF_METERS_H
#define BPROF_BPF_METERS_H

/* Bits 1 << enum bprof_meter: hardware counters that are open on every processor. */
const volatile __u32 counted_hardware;

/* What the VM's countdown starts from (vm_count.h); 0: VM instructions are not counted. */
const volatile __u32 vm_count_magic;

/* By processor * BPROF_NR_HARDWARE + meter; user space makes it large enough. */
struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} hardware_counters SEC(".maps");

/*
 * A field of the thread that runs here, or (@far) of another one: its address is only a number, and
 * a read of it may fail and give 0, where it runs on another processor and is gone by now.
 */
#define TASK_FIELD(far, task, field) ((far) ? BPF_CORE_READ(task, field) : (task)->field)

/* The run queue of a processor has the scheduler's clocks; a thread leads to it. */
#define HAS_RUN_QUEUE                                                                              \
	(bpf_core_field_exists(((struct sched_entity *)0)->cfs_rq) &&                              \
	 bpf_core_field_exists(((struct cfs_rq *)0)->rq))
#define HAS_STOLEN_TIME                                                                            \
	(HAS_RUN_QUEUE && bpf_core_field_exists(((struct rq *)0)->prev_steal_time_rq))

/* What runs on a processor, if it is followed. seq is odd while the slot is rewritten. */
struct cpu_slot {
	u32 seq;
	u32 tid;
	u64 task;			/* its address, for a look from another processor */
	u64 run_queue;			/* address, 0 = not known */
	u64 clock_offset;		/* our clock - the scheduler's; 0 = not measured yet */
	u64 stolen_ns;			/* of this processor, at the latest charge */
	u64 counted[BPROF_NR_HARDWARE]; /* ditto */
	u32 is_counted;			/* 0: they could not be read */
	u32 reserved;
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

static __always_inline bool is_hardware_counted(u32 meter)
{
	return counted_hardware >> meter & 1;
}

static __always_inline bool is_metered(u32 meter)
{
	if (meter < BPROF_NR_HARDWARE)
		return is_hardware_counted(meter);
	switch (meter) {
	case BPROF_METER_UNCOUNTED:
		return counted_hardware;
	case BPROF_METER_VM_INSTRUCTIONS:
		return vm_count_magic;
	case BPROF_METER_STOLEN_NS:
		return HAS_STOLEN_TIME;
	case BPROF_METER_WAITED_NS:
		return bpf_core_field_exists(((struct task_struct *)0)->sched_info.run_delay);
	default:
		return true;
	}
}

/* Those that the kernel keeps for a thread; they are up to date at any instant. */
static __always_inline u64 thread_meter(const struct task_struct *task, u32 meter, bool far)
{
	switch (meter) {
	case BPROF_METER_MINOR_FAULTS:
		return TASK_FIELD(far, task, min_flt);
	case BPROF_METER_MAJOR_FAULTS:
		return TASK_FIELD(far, task, maj_flt);
	case BPROF_METER_VOLUNTARY_SWITCHES:
		return TASK_FIELD(far, task, nvcsw);
	case BPROF_METER_INVOLUNTARY_SWITCHES:
		return TASK_FIELD(far, task, nivcsw);
	case BPROF_METER_MIGRATIONS:
		return TASK_FIELD(far, task, se.nr_migrations);
	case BPROF_METER_WAITED_NS:
		return is_metered(meter) ? TASK_FIELD(far, task, sched_info.run_delay) : 0;
	default:
		return 0;
	}
}

/* Nothing that @task did so far is charged to anybody. */
static __always_inline void begin_thread(struct thread *t, const struct task_struct *task, bool far)
{
#pragma unroll
	for (u32 i = 0; i < BPROF_NR_THREAD_METERS; i++)
		t->charged_meters[i] = thread_meter(task, BPROF_THREAD_METERS + i, far);
	t->charged = 1;
}

/*
 * Looks up the run queue of this processor, once: it stays. Pointers are not followed by the
 * program itself here, since of each the verifier asks what BTF says of its type, for 0.3 ms.
 */
static __always_inline void find_run_queue(struct cpu_slot *slot, const struct task_struct *task)
{
	if (HAS_RUN_QUEUE && !slot->run_queue)
		slot->run_queue = (u64)BPF_CORE_READ(task, se.cfs_rq, rq);
}

/* What was stolen so far from the processor of @slot. */
static __always_inline u64 stolen_from(const struct cpu_slot *slot)
{
	const struct rq *rq = (const struct rq *)slot->run_queue;

	return HAS_STOLEN_TIME && rq ? BPF_CORE_READ(rq, prev_steal_time_rq) : 0;
}

/* The counters of this processor; false: one of them does not run. */
static __always_inline bool read_hardware(u64 value[BPROF_NR_HARDWARE])
{
	u64 first = (u64)bpf_get_smp_processor_id() * BPROF_NR_HARDWARE;
	bool all = true;

#pragma unroll
	for (u32 i = 0; i < BPROF_NR_HARDWARE; i++) {
		struct bpf_perf_event_value v = {0};

		if (is_hardware_counted(i) &&
		    bpf_perf_event_read_value(&hardware_counters, first + i, &v, sizeof(v)))
			all = false;
		value[i] = v.counter;
	}
	return all;
}

static __always_inline void begin_slice(struct cpu_slot *slot)
{
	slot->stolen_ns = stolen_from(slot);
	if (counted_hardware)
		slot->is_counted = read_hardware(slot->counted);
}

static __always_inline void add_meter(struct process *p, u32 meter, u64 n)
{
	if (n)
		__sync_fetch_and_add(&p->meters.value[meter], n);
}

/* The growth of the hardware counters since the latest charge is the running thread's. */
static __always_inline void charge_hardware(struct process *p, struct cpu_slot *slot)
{
	u64 now[BPROF_NR_HARDWARE];

	if (!slot->is_counted || !read_hardware(now)) {
		add_meter(p, BPROF_METER_UNCOUNTED, 1);
		return;
	}
#pragma unroll
	for (u32 i = 0; i < BPROF_NR_HARDWARE; i++) {
		if (!is_hardware_counted(i))
			continue;
		add_meter(p, i, now[i] - slot->counted[i]);
		slot->counted[i] = now[i];
	}
}

/* At the switch-out of @task; @seen: its slice began in @slot. */
static __always_inline void charge_meters(struct process *p, struct thread *t,
					  const struct task_struct *task, struct cpu_slot *slot,
					  bool seen)
{
	if (!t->charged)
		begin_thread(t, task, false);
#pragma unroll
	for (u32 i = 0; i < BPROF_NR_THREAD_METERS; i++) {
		u64 value = thread_meter(task, BPROF_THREAD_METERS + i, false);

		add_meter(p, BPROF_THREAD_METERS + i, value - t->charged_meters[i]);
		t->charged_meters[i] = value;
	}
	if (seen) {
		add_meter(p, BPROF_METER_STOLEN_NS, stolen_from(slot) - slot->stolen_ns);
		if (counted_hardware)
			charge_hardware(p, slot);
	} else if (counted_hardware) {
		add_meter(p, BPROF_METER_UNCOUNTED, 1);
	}
}

/*
 * Counters of another processor cannot be read. A boundary in one thread would leave out what the
 * others have counted in their running slices; at each sample that is charged, so it is never more
 * than the time between two samples.
 */
static __always_inline void charge_hardware_at_sample(struct process *p, u32 tid)
{
	struct cpu_slot *slot;

	if (!counted_hardware || p->threads < 2)
		return;
	slot = this_cpu_slot();
	if (!slot || slot->seq & 1 || slot->tid != tid)
		return;
	__sync_fetch_and_add(&p->charges_begun, 1);
	slot->seq++;
	barrier();
	charge_hardware(p, slot);
	barrier();
	slot->seq++;
	__sync_fetch_and_add(&p->charges_done, 1);
}

/* ---- in the middle of a slice -------------------------------------------------------------- */

/* Adds what the kernel keeps for @task and nobody was charged with yet. */
static __always_inline void add_thread_meters(struct bprof_meters *sum, const struct thread *t,
					      const struct task_struct *task, bool far)
{
	if (!t->charged)
		return;
#pragma unroll
	for (u32 i = 0; i < BPROF_NR_THREAD_METERS; i++)
		sum->value[BPROF_THREAD_METERS + i] +=
			thread_meter(task, BPROF_THREAD_METERS + i, far) - t->charged_meters[i];
}

/* Adds what this processor counted for the current thread; false: its switch-in was not seen. */
static __always_inline bool add_slice_meters(struct bprof_meters *sum, const struct cpu_slot *slot,
					     u32 tid)
{
	u64 now[BPROF_NR_HARDWARE];

	if (slot->tid != tid)
		return false;
	sum->value[BPROF_METER_STOLEN_NS] += stolen_from(slot) - slot->stolen_ns;
	if (!counted_hardware)
		return true;
	if (!slot->is_counted || !read_hardware(now))
		return false;
#pragma unroll
	for (u32 i = 0; i < BPROF_NR_HARDWARE; i++)
		if (is_hardware_counted(i))
			sum->value[i] += now[i] - slot->counted[i];
	return true;
}

/* What is not metered here is unknown, not nothing. */
static __always_inline void fill_meters(struct bprof_meters *ret, const struct bprof_meters *sum)
{
#pragma unroll
	for (u32 i = 0; i < BPROF_NR_METERS; i++)
		ret->value[i] = is_metered(i) ? sum->value[i] : BPROF_METER_UNKNOWN;
}

#endif
