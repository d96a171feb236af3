/* SPDX-License-Identifier: MIT */
/*
 * What lies between two records of a process, and who pays for it.
 *
 * Invariant: what a process has used is charged once, to a node and to a phase, or to the overhead
 * of boundaries: nodes and overhead add up to the whole, phases and overhead do too.
 */
#include "tree.h"

/* Sums and differences with an unknown part are unknown; a sum never runs back. */
static uint64_t sum_of(uint64_t a, uint64_t b)
{
	return a == PROFILE_UNKNOWN || b == PROFILE_UNKNOWN ? PROFILE_UNKNOWN : a + b;
}

static uint64_t growth(uint64_t now, uint64_t then)
{
	if (now == PROFILE_UNKNOWN || then == PROFILE_UNKNOWN)
		return PROFILE_UNKNOWN;
	return now > then ? now - then : 0;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void meters_add(struct bprof_meters *sum, const struct bprof_meters *part)
{
	for (size_t i = 0; i < BPROF_NR_METERS; i++)
		sum->value[i] = sum_of(sum->value[i], part->value[i]);
}

struct spent spent_so_far(struct attribute *a, uint64_t cpu_ns, const struct bprof_meters *meters)
{
	struct spent ret = {.cpu_ns = cpu_ns};

	for (size_t i = 0; i < BPROF_NR_METERS; i++) {
		ret.meters.value[i] = meters ? meters->value[i] : PROFILE_UNKNOWN;
		if (ret.meters.value[i] != PROFILE_UNKNOWN)
			a->metered |= 1U << i;
	}
	return ret;
}

void attribute_set_boundary_cost(struct attribute *a, const struct boundary_cost *cost)
{
	a->boundary = *cost;
}

void charge_place(struct attribute *a, struct place place, const struct spent *spent)
{
	a->nodes[place.node].cpu_ns += spent->cpu_ns;
	a->phases[place.phase].cpu_ns += spent->cpu_ns;
	meters_add(&a->nodes[place.node].meters, &spent->meters);
	meters_add(&a->phases[place.phase].meters, &spent->meters);
}

/* A place read from a stack says nothing about the time since the latest record. */
static struct place charged_place(const struct process *p)
{
	return p->by_stack ? (struct place){p->node, PHASE_STARTUP} : p->now;
}

/* What was used since the latest charge. Clocks never run back. */
static struct spent spent_since(const struct process *p, const struct spent *so_far)
{
	struct spent ret = {.cpu_ns = growth(so_far->cpu_ns, p->charged.cpu_ns)};

	for (size_t i = 0; i < BPROF_NR_METERS; i++)
		ret.meters.value[i] = growth(so_far->meters.value[i], p->charged.meters.value[i]);
	return ret;
}

/* A sum that went back, by a thread that was just changing hands, is made up for later. */
static void remember_charged(struct process *p, const struct spent *so_far)
{
	if (so_far->cpu_ns > p->charged.cpu_ns)
		p->charged.cpu_ns = so_far->cpu_ns;
	for (size_t i = 0; i < BPROF_NR_METERS; i++) {
		uint64_t now = so_far->meters.value[i], then = p->charged.meters.value[i];

		if (now > then || then == PROFILE_UNKNOWN)
			p->charged.meters.value[i] = now;
	}
}

static void charge_wall(struct attribute *a, struct process *p, uint64_t time_ns)
{
	struct place place = charged_place(p);
	uint64_t wall_ns;

	if (time_ns <= p->charged_ns)
		return;
	wall_ns = time_ns - p->charged_ns;
	a->nodes[place.node].wall_ns += wall_ns;
	a->phases[place.phase].wall_ns += wall_ns;
	p->charged_ns = time_ns;
}

/* Everything since the latest charge goes to where the process is now. */
void process_charge(struct attribute *a, struct process *p, uint64_t time_ns,
		    const struct spent *so_far)
{
	struct spent spent = spent_since(p, so_far);

	charge_wall(a, p, time_ns);
	charge_place(a, charged_place(p), &spent);
	remember_charged(p, so_far);
}

/*
 * Between two announcements of a process lies the cost of one: the latter half of the first and the
 * former half of the second.
 */
static void take_off_boundary(struct attribute *a, struct place place, struct spent *spent)
{
	uint64_t cpu_ns = smaller(spent->cpu_ns, a->boundary.cpu_ns);

	a->overhead.boundaries++;
	a->overhead.cpu_ns += cpu_ns;
	a->nodes[place.node].overhead_ns += cpu_ns;
	a->phases[place.phase].overhead_ns += cpu_ns;
	spent->cpu_ns -= cpu_ns;
	for (size_t i = 0; i < BPROF_NR_HARDWARE; i++) {
		__u64 *value = &spent->meters.value[i];
		uint64_t part;

		if (*value == PROFILE_UNKNOWN || a->boundary.meters.value[i] == PROFILE_UNKNOWN)
			continue;
		part = smaller(*value, a->boundary.meters.value[i]);
		a->overhead.meters.value[i] += part;
		*value -= part;
	}
}

/* Up to an announcement. A slice whose switch-in was not seen has no count of the hardware yet. */
void process_charge_span(struct attribute *a, struct process *p, const struct bprof_mark *r,
			 const struct spent *so_far)
{
	struct spent spent = spent_since(p, so_far);
	__u64 *uncounted = &spent.meters.value[BPROF_METER_UNCOUNTED];

	if (a->boundary.measured && p->announced)
		take_off_boundary(a, charged_place(p), &spent);
	if (r->flags & BPROF_MARK_CPU_UNSEEN && *uncounted == 0)
		*uncounted = 1;
	p->announced = true;
	charge_wall(a, p, r->h.time_ns);
	charge_place(a, charged_place(p), &spent);
	remember_charged(p, so_far);
}
