/* SPDX-License-Identifier: MIT */
/*
 * Processes: who started whom where, what is charged to whom, and the place of a sample.
 *
 * Invariant: the time of a process is charged once. One that runs a suite of its own is charged
 * from record to record (process_charge); any other has no time line, and its whole CPU goes to the
 * place it was started in when it ends.
 */
#include "tree.h"

#include <errno.h>
#include <string.h>

/* ---- the table ------------------------------------------------------------------------------ */

static struct pid_slot *find_slot(struct pid_slot *pids, size_t size, uint32_t pid)
{
	size_t at = ((uint64_t)pid * 0x9E3779B97F4A7C15ULL >> 32) & (size - 1);

	while (pids[at].process && pids[at].pid != pid)
		at = (at + 1) & (size - 1);
	return &pids[at];
}

static int grow_pids(struct attribute *a)
{
	size_t size = a->pids_size ? a->pids_size * 2 : 64;
	struct pid_slot *pids = calloc(size, sizeof(*pids));

	if (!pids)
		return -ENOMEM;
	for (size_t i = 0; i < a->pids_size; i++) {
		if (a->pids[i].process)
			*find_slot(pids, size, a->pids[i].pid) = a->pids[i];
	}
	free(a->pids);
	a->pids = pids;
	a->pids_size = size;
	return 0;
}

struct process *process_find(const struct attribute *a, uint32_t pid)
{
	const struct pid_slot *slot;

	if (!a->pids_size)
		return NULL;
	slot = find_slot(a->pids, a->pids_size, pid);
	return slot->process ? &a->processes[slot->process - 1] : NULL;
}

/* A new life under this pid. */
static void process_begin(struct process *p, uint64_t time_ns)
{
	free(p->open);
	free(p->history);
	*p = (struct process){
		.pid = p->pid,
		.home = {RUN_NODE, PHASE_STARTUP},
		.node = NONE,
		.start_ns = time_ns,
		.charged_ns = time_ns,
	};
}

int process_get(struct attribute *a, uint32_t pid, uint64_t time_ns, struct process **ret)
{
	struct process *p = process_find(a, pid);
	int r;

	if (p) {
		*ret = p;
		return 0;
	}
	if (a->nr_processes * 2 >= a->pids_size) {
		r = grow_pids(a);
		if (r < 0)
			return r;
	}
	r = arena_grow((void **)&a->processes, a->nr_processes, &a->processes_room,
		       sizeof(*a->processes));
	if (r < 0)
		return r;
	p = &a->processes[a->nr_processes++];
	*p = (struct process){.pid = pid};
	process_begin(p, time_ns);
	*find_slot(a->pids, a->pids_size, pid) = (struct pid_slot){pid, (uint32_t)a->nr_processes};
	if (a->nr_processes == 1)
		a->nodes[RUN_NODE].pid = pid;
	*ret = p;
	return 0;
}

/* ---- places --------------------------------------------------------------------------------- */

bool process_inside_test(const struct attribute *a, const struct process *p)
{
	return a->nodes[p->home.node].test != NONE;
}

struct place process_place(const struct attribute *a, const struct process *p, uint32_t epoch)
{
	const struct past_place *past;

	(void)a;
	if (p->node == NONE)
		return p->home;
	if (epoch >= p->epoch || !p->history)
		return p->now;
	past = &p->history[epoch & (HISTORY - 1)];
	return past->epoch == epoch ? past->place : p->now;
}

uint32_t attribute_place(const struct attribute *a, uint32_t pid, uint32_t epoch,
			 enum phase *ret_phase, uint32_t *ret_test)
{
	const struct process *p = process_find(a, pid);
	struct place place = {RUN_NODE, PHASE_STARTUP};

	if (p)
		place = process_place(a, p, epoch);
	*ret_phase = place.phase;
	if (ret_test)
		*ret_test = a->nodes[place.node].test;
	return place.node;
}

static int remember(struct process *p)
{
	if (!p->history) {
		p->history = calloc(HISTORY, sizeof(*p->history));
		if (!p->history)
			return -ENOMEM;
	}
	p->history[p->epoch & (HISTORY - 1)] = (struct past_place){p->epoch, p->now};
	return 0;
}

bool attribute_hook_seen(const struct attribute *a, uint32_t pid)
{
	const struct process *p = process_find(a, pid);

	return p && p->epoch > 0 && !process_inside_test(a, p);
}

/* ---- time lines ------------------------------------------------------------------------------ */

int process_own(struct attribute *a, struct process *p)
{
	bool first = p == &a->processes[0] && p->home.node == RUN_NODE;
	struct node node = {
		.kind = NODE_PROCESS,
		.phase = PHASE_STARTUP,
		.parent = p->home.node,
		.test = NONE,
		.pid = p->pid,
		.tid = p->pid,
		.start_ns = p->start_ns,
	};
	uint32_t own = RUN_NODE;
	int r;

	if (p->node != NONE)
		return 0;
	if (!first) {
		r = node_new(a, &node, &own);
		if (r < 0)
			return r;
	}
	p->node = own;
	p->now = (struct place){own, PHASE_STARTUP};
	return 0;
}

static int add_interval(struct attribute *a, uint64_t start_ns, uint64_t end_ns)
{
	int r = arena_grow((void **)&a->intervals, a->nr_intervals, &a->intervals_room,
			   sizeof(*a->intervals));

	if (r < 0)
		return r;
	a->intervals[a->nr_intervals++] = (struct interval){start_ns, end_ns};
	return 0;
}

/* The end of a time line: of the process, or of what we saw of it. */
static int process_finish(struct attribute *a, struct process *p, uint64_t time_ns)
{
	if (p->node == NONE)
		return 0;
	tree_close_all(a, p, time_ns);
	if (p->node != RUN_NODE) {
		a->nodes[p->node].end_ns = time_ns;
		a->nodes[p->node].closed = true;
	}
	if (p->by_stack) {
		a->timeless_suites++;
		return 0;
	}
	return add_interval(a, p->start_ns, p->charged_ns);
}

/* ---- records -------------------------------------------------------------------------------- */

int attribute_fork(struct attribute *a, const struct bprof_fork *r)
{
	struct process *parent, *child;
	struct place home;
	uint32_t test;
	int ret;

	ret = process_get(a, r->parent_pid, r->h.time_ns, &parent);
	if (ret < 0)
		return ret;
	home = process_place(a, parent, r->parent_epoch);
	child = process_find(a, r->pid);
	if (child && !child->exited) {
		/* Its exit was lost: whatever it ran ends here at the latest. */
		ret = process_finish(a, child, r->h.time_ns);
		if (ret < 0)
			return ret;
	}
	ret = process_get(a, r->pid, r->h.time_ns, &child);
	if (ret < 0)
		return ret;
	process_begin(child, r->h.time_ns);
	child->home = home;
	test = a->nodes[home.node].test;
	if (test != NONE)
		a->tests[test].children++;
	return 0;
}

int attribute_exec(struct attribute *a, const struct bprof_exec *r,
		   const struct bprof_meters *meters)
{
	struct spent so_far = spent_so_far(a, r->cpu_ns, meters);
	struct process *p;
	int ret = process_get(a, r->pid, r->h.time_ns, &p);

	if (ret < 0 || p->node == NONE)
		return ret;
	/* A new program in a process that ran a suite: that one has ended in the middle. */
	process_charge(a, p, r->h.time_ns, &so_far);
	tree_close_all(a, p, r->h.time_ns);
	p->iteration = 0;
	p->now = (struct place){p->node, PHASE_STARTUP};
	return 0;
}

int attribute_exit(struct attribute *a, const struct bprof_exit *r,
		   const struct bprof_meters *meters)
{
	struct spent so_far = spent_so_far(a, r->cpu_ns, meters);
	struct process *p, *parent;
	int ret = 0;

	p = process_find(a, r->pid);
	if (!p || p->exited) {
		/* Its fork was lost; the record says where it came from. */
		ret = process_get(a, r->pid, r->h.time_ns, &p);
		if (ret < 0)
			return ret;
		process_begin(p, r->h.time_ns);
		parent = process_find(a, r->parent_pid);
		if (parent && parent != p)
			p->home = process_place(a, parent, r->parent_epoch);
	}
	if (r->epoch > p->epoch) {
		a->check.gaps += r->epoch - p->epoch;
		tree_doubt(a, p);
	}
	if (p->node == NONE) {
		charge_place(a, p->home, &so_far);
	} else {
		process_charge(a, p, r->h.time_ns, &so_far);
		ret = process_finish(a, p, r->h.time_ns);
	}
	meters_add(&a->meters, &so_far.meters);
	p->exited = true;
	return ret;
}

/*
 * Before its first announcement a process had no time line. What it spent so far was start-up; if
 * it was started from inside another suite, that place pays for it, as for any other child.
 */
static int begin_time_line(struct attribute *a, struct process *p, const struct spent *so_far)
{
	int ret = process_own(a, p);

	if (ret < 0)
		return ret;
	if (a->nodes[p->home.node].kind != NODE_PROCESS) {
		charge_place(a, p->home, so_far);
		p->charged = *so_far;
	}
	return 0;
}

int attribute_mark(struct attribute *a, const struct bprof_mark *r, const char *text, size_t len,
		   const struct bprof_meters *meters)
{
	struct spent so_far = spent_so_far(a, r->cpu_ns, meters);
	struct announcement announcement;
	struct process *p;
	int ret = process_get(a, r->pid, r->h.time_ns, &p);

	if (ret < 0)
		return ret;
	if (p->exited)
		process_begin(p, r->h.time_ns); /* the pid lives again and its fork was lost */
	if (r->epoch <= p->epoch)
		return 0; /* seen before: epochs grow by one */
	announcement_parse(text, len, &announcement);
	a->check.announcements++;
	if (r->epoch - p->epoch > 1) {
		a->check.gaps += r->epoch - p->epoch - 1;
		tree_doubt(a, p);
	}
	p->epoch = r->epoch;
	if (announcement.kind == ANNOUNCE_UNKNOWN)
		return 0;
	if (process_inside_test(a, p)) {
		if (announcement.kind == ANNOUNCE_SUITE_START)
			a->suite.nested++;
		return 0;
	}
	if (p->node == NONE) {
		ret = begin_time_line(a, p, &so_far);
		if (ret < 0)
			return ret;
	} else if (p->by_stack) {
		/* A sample came between busted's first frame and the hook's first word. */
		p->by_stack = false;
		p->iteration = 0;
		p->now = (struct place){p->node, PHASE_STARTUP};
	}
	process_charge_span(a, p, r, &so_far);
	ret = tree_announce(a, p, r, &announcement);
	return ret < 0 ? ret : remember(p);
}

int attribute_end(struct attribute *a, uint64_t time_ns)
{
	int r;

	a->end_ns = time_ns;
	for (size_t i = 0; i < a->nr_processes; i++) {
		struct process *p = &a->processes[i];

		if (p->exited)
			continue;
		if (p->node != NONE && !p->by_stack)
			process_charge(a, p, time_ns, &p->charged);
		r = process_finish(a, p, time_ns);
		if (r < 0)
			return r;
		meters_add(&a->meters, &p->charged.meters);
		p->exited = true;
	}
	return 0;
}

/* ---- the whole ------------------------------------------------------------------------------ */

int attribute_new(uint64_t start_ns, struct attribute **ret)
{
	struct attribute *a = calloc(1, sizeof(*a));
	struct node run = {
		.kind = NODE_PROCESS,
		.phase = PHASE_STARTUP,
		.parent = NONE,
		.test = NONE,
		.start_ns = start_ns,
	};
	uint32_t node;

	if (!a)
		return -ENOMEM;
	a->start_ns = a->end_ns = start_ns;
	if (node_new(a, &run, &node) < 0) {
		free(a);
		return -ENOMEM;
	}
	*ret = a;
	return 0;
}

void attribute_free(struct attribute *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->nr_processes; i++) {
		free(a->processes[i].open);
		free(a->processes[i].history);
	}
	free(a->processes);
	free(a->pids);
	free(a->nodes);
	free(a->tests);
	free(a->intervals);
	free(a->by_element);
	arena_done(&a->arena);
	free(a);
}
