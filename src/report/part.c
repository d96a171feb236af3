/* SPDX-License-Identifier: MIT */
/*
 * Parts of a profile.
 *
 * First everything that belongs to a test is listed by test, in one pass over the run. Then a part
 * is put together from the lists of its tests, with functions, spans and tests numbered anew.
 */
#include "part.h"

#include <errno.h>
#include <string.h>

#include "functions.h"

#define NONE UINT32_MAX

/* Items of each test: those of test t are items[starts[t]] to items[starts[t + 1]]. */
struct lists {
	uint32_t *starts, *items;
};

struct timed {
	uint64_t time_ns;
	uint32_t pid, tid, stack;
};

struct parts {
	const struct profile *profile;
	struct timed *timed; /* samples in tests, in time order */
	size_t nr_timed, room_timed;
	struct lists stacks, nodes, samples;
	uint32_t *node_test; /* the test a span is in, NONE = in none */
	/* numbers in the part that is being made, NONE = not in it */
	uint32_t *functions, *nodes_map;
	uint32_t *stacks_map; /* of the part made last; each test has stacks of its own */
};

struct part {
	struct profile profile;
	struct timed *timed;
	size_t nr_timed;
	struct stack_frame *frames; /* of all stacks */
};

/* ---- lists --------------------------------------------------------------------------------- */

/* @test_of: the test of item i, NONE = of none. */
static int lists_make(struct lists *l, size_t nr_tests, size_t nr,
		      uint32_t (*test_of)(const struct parts *, size_t), const struct parts *parts)
{
	uint32_t *next;

	l->starts = calloc(nr_tests + 2, sizeof(*l->starts));
	l->items = calloc(nr + 1, sizeof(*l->items));
	next = calloc(nr_tests + 1, sizeof(*next));
	if (!l->starts || !l->items || !next) {
		free(next);
		return -ENOMEM;
	}
	for (size_t i = 0; i < nr; i++)
		if (test_of(parts, i) != NONE)
			l->starts[test_of(parts, i) + 1]++;
	for (size_t t = 0; t < nr_tests; t++) {
		l->starts[t + 1] += l->starts[t];
		next[t] = l->starts[t];
	}
	for (size_t i = 0; i < nr; i++)
		if (test_of(parts, i) != NONE)
			l->items[next[test_of(parts, i)]++] = (uint32_t)i;
	free(next);
	return 0;
}

static void lists_done(struct lists *l)
{
	free(l->starts);
	free(l->items);
}

static size_t lists_size(const struct lists *l, const uint32_t *tests, size_t nr)
{
	size_t size = 0;

	for (size_t i = 0; i < nr; i++)
		size += l->starts[tests[i] + 1] - l->starts[tests[i]];
	return size;
}

static uint32_t test_of_stack(const struct parts *parts, size_t i)
{
	uint32_t test = parts->profile->stacks[i].test;

	return test < parts->profile->nr_tests ? test : NONE;
}

static uint32_t test_of_node(const struct parts *parts, size_t i)
{
	return parts->node_test[i];
}

static uint32_t test_of_sample(const struct parts *parts, size_t i)
{
	return test_of_stack(parts, parts->timed[i].stack);
}

/* ---- all parts of a profile ---------------------------------------------------------------- */

static int keep_sample(void *arg, const struct profile_sample *s)
{
	struct parts *parts = arg;

	if (s->stack->test >= parts->profile->nr_tests)
		return 0;
	if (parts->nr_timed == parts->room_timed) {
		size_t room = parts->room_timed ? parts->room_timed * 2 : 4096;
		struct timed *timed = reallocarray(parts->timed, room, sizeof(*timed));

		if (!timed)
			return -ENOMEM;
		parts->timed = timed;
		parts->room_timed = room;
	}
	parts->timed[parts->nr_timed++] = (struct timed){
		.time_ns = s->time_ns,
		.pid = s->pid,
		.tid = s->tid,
		.stack = (uint32_t)(s->stack - parts->profile->stacks),
	};
	return 0;
}

/* A parent comes before its children in the table. */
static void find_tests_of_nodes(struct parts *parts)
{
	const struct profile *p = parts->profile;

	for (size_t i = 0; i < p->nr_nodes; i++) {
		const struct profile_node *node = &p->nodes[i];

		parts->node_test[i] = NONE;
		if (node->kind == NODE_TEST && node->test < p->nr_tests)
			parts->node_test[i] = node->test;
		else if (node->parent < i)
			parts->node_test[i] = parts->node_test[node->parent];
	}
}

static uint32_t *new_map(size_t nr)
{
	uint32_t *map = reallocarray(NULL, nr + 1, sizeof(*map));

	for (size_t i = 0; map && i < nr; i++)
		map[i] = NONE;
	return map;
}

static int parts_fill(struct parts *parts)
{
	const struct profile *p = parts->profile;
	int r = 0;

	parts->node_test = new_map(p->nr_nodes);
	parts->functions = new_map(p->nr_functions);
	parts->nodes_map = new_map(p->nr_nodes);
	parts->stacks_map = new_map(p->nr_stacks);
	if (!parts->node_test || !parts->functions || !parts->nodes_map || !parts->stacks_map)
		return -ENOMEM;
	find_tests_of_nodes(parts);
	if (p->each_sample)
		r = p->each_sample(p, keep_sample, parts);
	if (r == 0)
		r = lists_make(&parts->samples, p->nr_tests, parts->nr_timed, test_of_sample,
			       parts);
	if (r == 0)
		r = lists_make(&parts->stacks, p->nr_tests, p->nr_stacks, test_of_stack, parts);
	if (r == 0)
		r = lists_make(&parts->nodes, p->nr_tests, p->nr_nodes, test_of_node, parts);
	return r;
}

int parts_new(const struct profile *p, struct parts **ret)
{
	struct parts *parts = calloc(1, sizeof(*parts));
	int r;

	if (!parts)
		return -ENOMEM;
	parts->profile = p;
	r = parts_fill(parts);
	if (r < 0)
		parts_free(parts);
	else
		*ret = parts;
	return r;
}

void parts_free(struct parts *parts)
{
	if (!parts)
		return;
	lists_done(&parts->samples);
	lists_done(&parts->stacks);
	lists_done(&parts->nodes);
	free(parts->timed);
	free(parts->node_test);
	free(parts->functions);
	free(parts->nodes_map);
	free(parts->stacks_map);
	free(parts);
}

/* ---- costs --------------------------------------------------------------------------------- */

static const struct costs unknown_costs = {
	.wall_ns = PROFILE_UNKNOWN,
	.cpu_ns = PROFILE_UNKNOWN,
	.overhead_ns = PROFILE_UNKNOWN,
	.meters.value = {[0 ... BPROF_NR_METERS - 1] = PROFILE_UNKNOWN},
};

static uint64_t add_known(uint64_t sum, uint64_t part)
{
	return sum == PROFILE_UNKNOWN || part == PROFILE_UNKNOWN ? PROFILE_UNKNOWN : sum + part;
}

static void add_costs(struct costs *sum, const struct costs *c)
{
	sum->wall_ns = add_known(sum->wall_ns, c->wall_ns);
	sum->cpu_ns = add_known(sum->cpu_ns, c->cpu_ns);
	sum->overhead_ns = add_known(sum->overhead_ns, c->overhead_ns);
	for (size_t i = 0; i < BPROF_NR_METERS; i++)
		sum->meters.value[i] = add_known(sum->meters.value[i], c->meters.value[i]);
	for (size_t i = 0; i < NR_MODES; i++)
		sum->by_mode[i] += c->by_mode[i];
	sum->samples += c->samples;
	sum->weight += c->weight;
}

/* Tests of one file follow one another, but for shuffled suites and repeats. */
static struct file_total *file_of(struct profile *p, const char *file)
{
	for (size_t i = p->nr_files; i > 0; i--)
		if (strcmp(p->files[i - 1].file, file) == 0)
			return &p->files[i - 1];
	p->files[p->nr_files] = (struct file_total){
		.file = file, .loading = unknown_costs, .describes = unknown_costs};
	return &p->files[p->nr_files++];
}

static void count_test(struct profile *p, const struct test *t)
{
	struct file_total *file = file_of(p, t->file);

	file->nr_tests++;
	file->nr_by_status[t->status]++;
	add_costs(&file->tests, &t->body);
	add_costs(&file->fixtures, &t->fixtures);
	add_costs(&p->phases[PHASE_TEST].costs, &t->body);
	add_costs(&p->phases[PHASE_TEST_FIXTURE].costs, &t->fixtures);
	p->suite.successes += t->status == TEST_SUCCESS;
	p->suite.failures += t->status == TEST_FAILURE;
	p->suite.errors += t->status == TEST_ERROR;
	p->suite.pendings += t->status == TEST_PENDING;
}

static int add_tests(struct parts *parts, const uint32_t *tests, size_t nr, struct profile *p)
{
	const struct profile *whole = parts->profile;
	struct costs all = {0};

	p->tests = calloc(nr + 1, sizeof(*p->tests));
	p->files = calloc(nr + 1, sizeof(*p->files));
	if (!p->tests || !p->files)
		return -ENOMEM;
	p->suite = (struct suite_result){.seen = whole->suite.seen,
					 .ended = whole->suite.ended,
					 .iterations = whole->suite.iterations};
	for (size_t i = 0; i < NR_PHASES; i++)
		p->phases[i].costs = unknown_costs;
	p->phases[PHASE_TEST].costs = p->phases[PHASE_TEST_FIXTURE].costs = (struct costs){0};
	for (size_t i = 0; i < nr; i++) {
		p->tests[p->nr_tests++] = whole->tests[tests[i]];
		count_test(p, &whole->tests[tests[i]]);
	}
	add_costs(&all, &p->phases[PHASE_TEST].costs);
	add_costs(&all, &p->phases[PHASE_TEST_FIXTURE].costs);
	p->wall_ns = all.wall_ns;
	p->cpu_ns = all.cpu_ns;
	p->meters = all.meters;
	return 0;
}

/* ---- spans --------------------------------------------------------------------------------- */

static void want_node(struct parts *parts, uint32_t *wanted, size_t *nr, uint32_t node)
{
	if (parts->nodes_map[node] != NONE)
		return;
	parts->nodes_map[node] = 0;
	wanted[(*nr)++] = node;
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static bool encloses(const struct profile_node *node)
{
	return node->kind == NODE_FILE || node->kind == NODE_DESCRIBE;
}

/* The spans of the tests, and the files and describes around them. */
static size_t want_nodes(struct parts *parts, const uint32_t *tests, size_t nr, uint32_t *wanted)
{
	const struct profile *p = parts->profile;
	size_t nr_wanted = 0, nr_own;

	for (size_t t = 0; t < nr; t++)
		for (uint32_t i = parts->nodes.starts[tests[t]];
		     i < parts->nodes.starts[tests[t] + 1]; i++)
			want_node(parts, wanted, &nr_wanted, parts->nodes.items[i]);
	nr_own = nr_wanted;
	for (size_t i = 0; i < nr_own; i++)
		for (uint32_t up = p->nodes[wanted[i]].parent; up < p->nr_nodes;
		     up = p->nodes[up].parent < up ? p->nodes[up].parent : NONE)
			if (encloses(&p->nodes[up]))
				want_node(parts, wanted, &nr_wanted, up);
	qsort(wanted, nr_wanted, sizeof(*wanted), compare_numbers);
	return nr_wanted;
}

static uint32_t find_number(const uint32_t *sorted, size_t nr, uint32_t wanted)
{
	const uint32_t *found = bsearch(&wanted, sorted, nr, sizeof(wanted), compare_numbers);

	return found ? (uint32_t)(found - sorted) : NONE;
}

static int add_nodes(struct parts *parts, const uint32_t *tests, size_t nr, struct profile *p)
{
	const struct profile *whole = parts->profile;
	CLEANUP(cleanup_free)
	uint32_t *wanted = reallocarray(NULL, whole->nr_nodes + 1, sizeof(*wanted));

	if (!wanted)
		return -ENOMEM;
	p->nr_nodes = want_nodes(parts, tests, nr, wanted);
	p->nodes = calloc(p->nr_nodes + 1, sizeof(*p->nodes));
	for (size_t i = 0; i < p->nr_nodes; i++)
		parts->nodes_map[wanted[i]] = p->nodes ? (uint32_t)i : NONE;
	for (size_t i = 0; p->nodes && i < p->nr_nodes; i++) {
		struct profile_node *node = &p->nodes[i];

		*node = whole->nodes[wanted[i]];
		node->parent =
			node->parent < whole->nr_nodes ? parts->nodes_map[node->parent] : NONE;
		node->test = node->kind == NODE_TEST ? find_number(tests, nr, node->test) : NONE;
	}
	for (size_t i = 0; i < p->nr_nodes; i++)
		parts->nodes_map[wanted[i]] = NONE;
	return p->nodes ? 0 : -ENOMEM;
}

/* ---- stacks and functions ------------------------------------------------------------------ */

static uint32_t want_function(struct parts *parts, struct profile *p, uint32_t function)
{
	uint32_t *number = &parts->functions[function];
	const struct function *f = &parts->profile->functions[function];

	if (*number == NONE) {
		*number = (uint32_t)p->nr_functions;
		p->functions[p->nr_functions++] = (struct function){.name = f->name,
								    .file = f->file,
								    .line = f->line,
								    .kind = f->kind,
								    .framework = f->framework};
	}
	return *number;
}

static size_t count_frames(const struct parts *parts, const uint32_t *tests, size_t nr)
{
	size_t frames = 0;

	for (size_t t = 0; t < nr; t++)
		for (uint32_t i = parts->stacks.starts[tests[t]];
		     i < parts->stacks.starts[tests[t] + 1]; i++)
			frames += parts->profile->stacks[parts->stacks.items[i]].nr_frames;
	return frames;
}

static void forget_functions(struct parts *parts, const struct profile_stack *s)
{
	for (size_t k = 0; k < s->nr_frames; k++)
		parts->functions[s->frames[k].function] = NONE;
}

static void add_stack(struct parts *parts, struct part *part, uint32_t index, uint32_t test,
		      struct stack_frame **frames)
{
	struct profile *p = &part->profile;
	const struct profile_stack *whole = &parts->profile->stacks[index];
	struct profile_stack *s = &p->stacks[p->nr_stacks];

	parts->stacks_map[index] = (uint32_t)p->nr_stacks++;
	*s = *whole;
	s->test = test;
	s->frames = *frames;
	for (size_t k = 0; k < s->nr_frames; k++) {
		**frames = whole->frames[k];
		(*frames)->function = want_function(parts, p, whole->frames[k].function);
		(*frames)++;
	}
	p->by_mode[s->mode] += s->samples;
	p->accounts.taken += s->samples;
}

/* Losses are of the run; what is in a test was neither lost nor unresolved. */
static void begin_accounts(struct profile *p)
{
	p->accounts = (struct sample_accounts){.truncated = PROFILE_UNKNOWN};
	for (size_t i = 0; i < BPROF_NR_WALK_STATUS; i++)
		p->accounts.by_status[i] = PROFILE_UNKNOWN;
	memset(p->by_mode, 0, sizeof(p->by_mode));
	p->gc_undecided = PROFILE_UNKNOWN;
}

static int add_stacks(struct parts *parts, const uint32_t *tests, size_t nr, struct part *part)
{
	struct profile *p = &part->profile;
	size_t nr_frames = count_frames(parts, tests, nr), most = parts->profile->nr_functions;
	struct stack_frame *next;

	p->stacks = calloc(lists_size(&parts->stacks, tests, nr) + 1, sizeof(*p->stacks));
	p->functions = calloc((nr_frames < most ? nr_frames : most) + 1, sizeof(*p->functions));
	part->frames = next = calloc(nr_frames + 1, sizeof(*part->frames));
	if (!p->stacks || !p->functions || !part->frames)
		return -ENOMEM;
	begin_accounts(p);
	for (size_t t = 0; t < nr; t++)
		for (uint32_t i = parts->stacks.starts[tests[t]];
		     i < parts->stacks.starts[tests[t] + 1]; i++)
			add_stack(parts, part, parts->stacks.items[i], (uint32_t)t, &next);
	p->accounts.in_tests = p->accounts.taken;
	for (size_t t = 0; t < nr; t++)
		for (uint32_t i = parts->stacks.starts[tests[t]];
		     i < parts->stacks.starts[tests[t] + 1]; i++)
			forget_functions(parts, &parts->profile->stacks[parts->stacks.items[i]]);
	return functions_count(p);
}

/* ---- samples in time ----------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
	const struct timed *left = a, *right = b;

	if (left->time_ns != right->time_ns)
		return left->time_ns > right->time_ns ? 1 : -1;
	return (left->tid > right->tid) - (left->tid < right->tid);
}

static int add_samples(struct parts *parts, const uint32_t *tests, size_t nr, struct part *part)
{
	part->timed = calloc(lists_size(&parts->samples, tests, nr) + 1, sizeof(*part->timed));
	if (!part->timed)
		return -ENOMEM;
	for (size_t t = 0; t < nr; t++)
		for (uint32_t i = parts->samples.starts[tests[t]];
		     i < parts->samples.starts[tests[t] + 1]; i++) {
			struct timed *timed = &part->timed[part->nr_timed++];

			*timed = parts->timed[parts->samples.items[i]];
			timed->stack = parts->stacks_map[timed->stack];
		}
	qsort(part->timed, part->nr_timed, sizeof(*part->timed), by_time);
	return 0;
}

static int each_sample(const struct profile *p,
		       int (*fn)(void *arg, const struct profile_sample *s), void *arg)
{
	const struct part *part = p->each_sample_ctx;
	int r = 0;

	for (size_t i = 0; r == 0 && i < part->nr_timed; i++) {
		const struct timed *timed = &part->timed[i];
		const struct profile_sample sample = {.time_ns = timed->time_ns,
						      .pid = timed->pid,
						      .tid = timed->tid,
						      .stack = &p->stacks[timed->stack]};

		r = fn(arg, &sample);
	}
	return r;
}

/* ---- one part ------------------------------------------------------------------------------ */

/* What describes the run stays, what counts it begins anew. */
static void begin_part(struct profile *p, const struct profile *whole, const char *what)
{
	*p = *whole;
	p->part = what;
	p->tests = NULL;
	p->files = NULL;
	p->functions = NULL;
	p->nodes = NULL;
	p->stacks = NULL;
	p->nr_tests = p->nr_files = p->nr_functions = p->nr_nodes = p->nr_stacks = 0;
	p->overhead = (struct boundary_overhead){.boundaries = PROFILE_UNKNOWN,
						 .cpu_ns = PROFILE_UNKNOWN,
						 .meters = unknown_costs.meters};
}

int part_make(struct parts *parts, const uint32_t *tests, size_t nr, const char *what,
	      struct part **ret)
{
	struct part *part = calloc(1, sizeof(*part));
	int r;

	if (!part)
		return -ENOMEM;
	begin_part(&part->profile, parts->profile, what);
	r = add_tests(parts, tests, nr, &part->profile);
	if (r == 0)
		r = add_nodes(parts, tests, nr, &part->profile);
	if (r == 0)
		r = add_stacks(parts, tests, nr, part);
	if (r == 0)
		r = add_samples(parts, tests, nr, part);
	part->profile.each_sample = each_sample;
	part->profile.each_sample_ctx = part;
	if (r < 0)
		part_free(part);
	else
		*ret = part;
	return r;
}

const struct profile *part_profile(const struct part *part)
{
	return &part->profile;
}

void part_free(struct part *part)
{
	if (!part)
		return;
	for (size_t i = 0; i < part->profile.nr_functions; i++)
		free(part->profile.functions[i].lines);
	free(part->profile.tests);
	free(part->profile.files);
	free(part->profile.functions);
	free(part->profile.nodes);
	free(part->profile.stacks);
	free(part->frames);
	free(part->timed);
	free(part);
}
