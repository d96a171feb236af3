/* SPDX-License-Identifier: MIT */
/*
 * From the tree to the profile: files, phases, nodes, the suite's own counts.
 *
 * Wall time of the run = wall time of its suite processes + time when none of them lived; where
 * suites run side by side their wall times add up to more than the run's.
 */
#include "tree.h"

#include <errno.h>
#include <string.h>

/* ---- costs ---------------------------------------------------------------------------------- */

void costs_forget_times(struct costs *c)
{
	c->wall_ns = c->cpu_ns = c->overhead_ns = PROFILE_UNKNOWN;
	for (size_t i = 0; i < BPROF_NR_METERS; i++)
		c->meters.value[i] = PROFILE_UNKNOWN;
}

struct costs node_costs(const struct node *node)
{
	struct costs costs = {
		.wall_ns = node->wall_ns,
		.cpu_ns = node->cpu_ns,
		.overhead_ns = node->overhead_ns,
		.meters = node->meters,
		.samples = node->samples,
		.weight = node->weight,
	};

	if (node->by_stack)
		costs_forget_times(&costs);
	memcpy(costs.by_mode, node->by_mode, sizeof(costs.by_mode));
	return costs;
}

void costs_add(struct costs *sum, const struct costs *part)
{
	sum->samples += part->samples;
	sum->weight += part->weight;
	for (size_t i = 0; i < NR_MODES; i++)
		sum->by_mode[i] += part->by_mode[i];
	if (part->wall_ns == PROFILE_UNKNOWN || sum->wall_ns == PROFILE_UNKNOWN) {
		costs_forget_times(sum);
		return;
	}
	sum->wall_ns += part->wall_ns;
	sum->cpu_ns += part->cpu_ns;
	sum->overhead_ns += part->overhead_ns;
	meters_add(&sum->meters, &part->meters);
}

/* ---- files ---------------------------------------------------------------------------------- */

/* Files are few and each is asked for many times in a row: the latest is tried first. */
static struct file_total *file_get(struct profile *p, const char *file, size_t *latest)
{
	if (*latest < p->nr_files && p->files[*latest].file == file)
		return &p->files[*latest];
	for (size_t i = 0; i < p->nr_files; i++) {
		if (strcmp(p->files[i].file, file) == 0) {
			*latest = i;
			return &p->files[i];
		}
	}
	*latest = p->nr_files++;
	p->files[*latest].file = file;
	return &p->files[*latest];
}

static const struct node *file_of(const struct attribute *a, uint32_t node)
{
	for (uint32_t at = node; at != NONE; at = a->nodes[at].parent) {
		if (a->nodes[at].kind == NODE_FILE)
			return &a->nodes[at];
	}
	return NULL;
}

static void add_outside(const struct attribute *a, struct profile *p, uint32_t index,
			size_t *latest)
{
	const struct node *node = &a->nodes[index];
	const struct node *file = file_of(a, index);
	struct costs costs = node_costs(node);
	struct file_total *total;

	if (!file)
		return;
	total = file_get(p, file->name ? file->name : file->descriptor, latest);
	if (node->kind != NODE_BODY)
		return;
	if (node->phase == PHASE_LOADING)
		costs_add(&total->loading, &costs);
	else if (node->phase == PHASE_DESCRIBE)
		costs_add(&total->describes, &costs);
}

static void add_test(struct profile *p, const struct test *test, size_t *latest)
{
	struct file_total *total = file_get(p, test->file, latest);

	total->nr_tests++;
	total->nr_by_status[test->status]++;
	costs_add(&total->tests, &test->body);
	costs_add(&total->fixtures, &test->fixtures);
}

static size_t count_files(const struct attribute *a)
{
	size_t nr = a->nr_tests; /* a test without a file counts under its source */

	for (size_t i = 0; i < a->nr_nodes; i++)
		nr += a->nodes[i].kind == NODE_FILE;
	return nr;
}

static int fill_files(struct attribute *a, struct profile *p)
{
	size_t latest = 0;

	p->nr_files = 0;
	p->files = arena_alloc(&a->arena, (count_files(a) + 1) * sizeof(*p->files));
	if (!p->files)
		return -ENOMEM;
	for (size_t i = 0; i < a->nr_nodes; i++) {
		const struct node *node = &a->nodes[i];

		if (node->kind == NODE_TEST)
			add_test(p, &p->tests[node->test], &latest);
		else if (node->test == NONE)
			add_outside(a, p, (uint32_t)i, &latest);
	}
	return 0;
}

/* ---- phases --------------------------------------------------------------------------------- */

static int compare_intervals(const void *left, const void *right)
{
	const struct interval *x = left, *y = right;

	return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

/* Before the last suite process is start-up (shells, make); after it, shutdown. */
static void add_time_between(struct attribute *a)
{
	uint64_t covered = a->start_ns;

	if (a->nr_intervals)
		qsort(a->intervals, a->nr_intervals, sizeof(*a->intervals), compare_intervals);
	for (size_t i = 0; i < a->nr_intervals; i++) {
		if (a->intervals[i].start_ns > covered)
			a->phases[PHASE_STARTUP].wall_ns += a->intervals[i].start_ns - covered;
		if (a->intervals[i].end_ns > covered)
			covered = a->intervals[i].end_ns;
	}
	if (a->end_ns > covered)
		a->phases[PHASE_SHUTDOWN].wall_ns += a->end_ns - covered;
}

enum phase attribute_final_phase(const struct attribute *a, enum phase phase)
{
	bool outside = phase == PHASE_STARTUP || phase == PHASE_SHUTDOWN;

	return outside && !a->suite.seen ? PHASE_PROGRAM : phase;
}

static void fill_phases(struct attribute *a, struct profile *p)
{
	if (a->timeless_suites) {
		/* One suite without boundaries in time spoils the sum of all. */
		for (size_t i = 0; i < NR_PHASES; i++)
			costs_forget_times(&a->phases[i]);
	} else {
		add_time_between(a);
	}
	if (!a->suite.seen) {
		costs_add(&a->phases[PHASE_PROGRAM], &a->phases[PHASE_STARTUP]);
		costs_add(&a->phases[PHASE_PROGRAM], &a->phases[PHASE_SHUTDOWN]);
		a->phases[PHASE_STARTUP] = a->phases[PHASE_SHUTDOWN] = (struct costs){0};
	}
	costs_forget_times(&a->phases[PHASE_OUTPUT]);
	for (size_t i = 0; i < NR_PHASES; i++)
		p->phases[i].costs = a->phases[i];
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static uint64_t since_start(const struct attribute *a, uint64_t time_ns)
{
	return time_ns > a->start_ns ? time_ns - a->start_ns : 0;
}

static struct profile_node profile_node_of(const struct attribute *a, const struct node *node)
{
	struct profile_node ret = {
		.parent = node->parent,
		.kind = node->kind,
		.name = node->name ? node->name : node->descriptor,
		.test = node->kind == NODE_TEST ? node->test : UINT32_MAX,
		.line = node->line,
		.pid = node->pid,
		.tid = node->tid,
		.start_ns = since_start(a, node->start_ns),
		.end_ns = since_start(a, node->closed ? node->end_ns : a->end_ns),
		.cpu_ns = node->cpu_ns,
		.incomplete = node->incomplete,
	};

	if (node->kind == NODE_FIXTURE)
		ret.name = node->descriptor;
	if (!ret.name)
		ret.name = "";
	return ret;
}

/* A child is always made after its parent, so one pass from the end sums up whole subtrees. */
static int fill_nodes(struct attribute *a, struct profile *p)
{
	p->nr_nodes = a->nr_nodes;
	p->nodes = arena_alloc(&a->arena, a->nr_nodes * sizeof(*p->nodes));
	if (!p->nodes)
		return -ENOMEM;
	for (size_t i = 0; i < a->nr_nodes; i++)
		p->nodes[i] = profile_node_of(a, &a->nodes[i]);
	for (size_t i = a->nr_nodes; i-- > 1;) {
		p->nodes[p->nodes[i].parent].cpu_ns += p->nodes[i].cpu_ns;
		if (a->nodes[i].by_stack)
			p->nodes[i].cpu_ns = PROFILE_UNKNOWN;
	}
	return 0;
}

/* ---- meters --------------------------------------------------------------------------------- */

/* What nobody counted is not nothing, also where nothing ran. */
static void forget_unmetered(const struct attribute *a, struct bprof_meters *meters)
{
	for (size_t i = 0; i < BPROF_NR_METERS; i++)
		if (!(a->metered >> i & 1))
			meters->value[i] = PROFILE_UNKNOWN;
}

static void fill_meters(struct attribute *a, struct profile *p)
{
	p->metered = a->metered;
	p->overhead = a->overhead;
	p->meters = a->meters;
	forget_unmetered(a, &p->overhead.meters);
	forget_unmetered(a, &p->meters);
	for (size_t i = 0; i < NR_PHASES; i++)
		forget_unmetered(a, &p->phases[i].costs.meters);
	for (size_t i = 0; i < p->nr_tests; i++) {
		forget_unmetered(a, &p->tests[i].body.meters);
		forget_unmetered(a, &p->tests[i].fixtures.meters);
	}
	for (size_t i = 0; i < p->nr_files; i++) {
		forget_unmetered(a, &p->files[i].tests.meters);
		forget_unmetered(a, &p->files[i].fixtures.meters);
		forget_unmetered(a, &p->files[i].loading.meters);
		forget_unmetered(a, &p->files[i].describes.meters);
	}
}

/* ---- the suite ------------------------------------------------------------------------------ */

static void fill_suite(const struct attribute *a, struct profile *p)
{
	p->suite = a->suite;
	p->suite.ended = a->suites_started > 0 && a->suites_ended == a->suites_started;
	for (size_t i = 0; i < a->nr_tests; i++) {
		if (a->tests[i].inferred)
			continue;
		switch (p->tests[i].status) {
		case TEST_SUCCESS:
			p->suite.successes++;
			break;
		case TEST_FAILURE:
			p->suite.failures++;
			break;
		case TEST_ERROR:
			p->suite.errors++;
			break;
		case TEST_PENDING:
			p->suite.pendings++;
			break;
		case TEST_UNKNOWN:
			break;
		}
	}
}

int attribute_fill(struct attribute *a, struct profile *p)
{
	int r = fill_tests(a, p);

	if (r == 0)
		r = fill_files(a, p);
	if (r == 0)
		r = fill_nodes(a, p);
	if (r < 0)
		return r;
	fill_phases(a, p);
	fill_meters(a, p);
	fill_suite(a, p);
	p->check = a->check;
	p->check.hook_seen = a->check.announcements > 0;
	return 0;
}
