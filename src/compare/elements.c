/* SPDX-License-Identifier: MIT */
/*
 * The values of each test, file and the suite, and why a test has none.
 *
 * A test's value is its body. A file's is the sum of bodies and fixtures of its sound tests: those
 * that every run of both sides has a value of, so that every sum is of the same tests. Runs that
 * left files out (partial.c) count for the sums of the files they ran, and not for the suite's.
 */
#include <errno.h>
#include <string.h>

#include "compare_private.h"
#include "judge.h"

/* Values of one element, as many as runs can give. */
struct values {
	double *of[NR_SIDES];
	size_t nr[NR_SIDES], room;
};

struct gather {
	struct compare *c;
	struct comparison *result;
	const struct run_pair *pairs;
	struct values values;
	bool takes_disturbed; /* there is nothing better */
};

static double value_of(uint64_t figure)
{
	return figure > 0 ? (double)figure : 1; /* ratios need something */
}

static bool has_value(const struct gather *g, const struct figures *f)
{
	enum metric metric = g->result->metric;

	return f && f->body[metric] != FIGURE_UNKNOWN &&
	       (f->status == RUN_SOUND ||
		(f->status == RUN_DISTURBED &&
		 (g->takes_disturbed || metric == METRIC_VM_INSTRUCTIONS)));
}

static void add_value(struct gather *g, enum side side, double value)
{
	struct values *v = &g->values;

	if (v->nr[side] < v->room)
		v->of[side][v->nr[side]++] = value;
}

static void begin_values(struct gather *g)
{
	g->values.nr[SIDE_BASE] = g->values.nr[SIDE_HEAD] = 0;
}

/* ---- a test -------------------------------------------------------------------------------- */

/* Whether a run can count for a test. @whole: only of the whole suite. */
static bool run_counts(const struct gather *g, enum side side, size_t run, bool whole)
{
	return !whole || partial_is_whole(g->c, side, run);
}

static void gather_pairs(struct gather *g, const struct subject *s, bool whole)
{
	enum metric metric = g->result->metric;

	for (size_t i = 0; i < g->result->nr_pairs; i++) {
		const struct figures *base, *head;

		if (!run_counts(g, SIDE_BASE, g->pairs[i].runs[SIDE_BASE], whole) ||
		    !run_counts(g, SIDE_HEAD, g->pairs[i].runs[SIDE_HEAD], whole))
			continue;
		base = runs_figures(s, SIDE_BASE, g->pairs[i].runs[SIDE_BASE]);
		head = runs_figures(s, SIDE_HEAD, g->pairs[i].runs[SIDE_HEAD]);
		if (!has_value(g, base) || !has_value(g, head))
			continue;
		add_value(g, SIDE_BASE, value_of(base->body[metric]));
		add_value(g, SIDE_HEAD, value_of(head->body[metric]));
	}
}

static void gather_runs(struct gather *g, const struct subject *s, enum side side, bool whole)
{
	for (size_t run = 0; run < g->result->nr_runs[side]; run++) {
		const struct figures *f = runs_figures(s, side, run);

		if (has_value(g, f) && run_counts(g, side, run, whole))
			add_value(g, side, value_of(f->body[g->result->metric]));
	}
}

static void gather_repetitions(struct gather *g, const struct subject *s, enum side side)
{
	for (size_t i = 0; i < s->nr_repeated[side]; i++)
		if (has_value(g, &s->repeated[side][i]))
			add_value(g, side, value_of(s->repeated[side][i].body[g->result->metric]));
}

/* busted --repeat in the only run of both sides */
static bool is_repeated(const struct gather *g, const struct subject *s)
{
	return g->result->nr_runs[SIDE_BASE] == 1 && g->result->nr_runs[SIDE_HEAD] == 1 &&
	       s->nr_repeated[SIDE_BASE] > 1 && s->nr_repeated[SIDE_HEAD] > 1;
}

/* Returns whether the values are of pairs. */
static bool gather_test(struct gather *g, const struct subject *s)
{
	bool whole = partial_spoils(g->c, s);

	begin_values(g);
	if (is_repeated(g, s)) {
		gather_repetitions(g, s, SIDE_BASE);
		gather_repetitions(g, s, SIDE_HEAD);
		return false;
	}
	if (g->result->nr_pairs > 0) {
		gather_pairs(g, s, whole);
		return true;
	}
	gather_runs(g, s, SIDE_BASE, whole);
	gather_runs(g, s, SIDE_HEAD, whole);
	return false;
}

static int measure(struct gather *g, bool paired, struct element *e)
{
	struct values *v = &g->values;

	return judge_measure(v->of[SIDE_BASE], v->nr[SIDE_BASE], v->of[SIDE_HEAD], v->nr[SIDE_HEAD],
			     paired, e);
}

/* ---- why a test has no verdict ------------------------------------------------------------- */

static size_t count_status(const struct gather *g, const struct subject *s, enum side side,
			   enum run_status status)
{
	size_t nr = 0;

	for (size_t run = 0; run < g->result->nr_runs[side]; run++) {
		const struct figures *f = runs_figures(s, side, run);

		nr += f && f->status == status && partial_is_whole(g->c, side, run);
	}
	return nr;
}

static const char *const side_names[NR_SIDES] = {[SIDE_BASE] = "base", [SIDE_HEAD] = "head"};

/* What no run of a test that is compared may have been. */
static const struct {
	enum run_status status;
	const char *text;
} faults[] = {
	{RUN_FAILED, "failed"},
	{RUN_CUT, "did not end, or nobody saw how,"},
	{RUN_PENDING, "was pending"},
};

/* NULL = out of memory; @ret_any: there is a reason. */
static const char *fault_of(struct gather *g, const struct subject *s, bool *ret_any)
{
	*ret_any = true;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		for (size_t side = 0; side < NR_SIDES; side++) {
			size_t nr = count_status(g, s, (enum side)side, faults[i].status);

			if (nr > 0)
				return compare_text(g->c, "%s in %s (%zu of %zu runs)",
						    faults[i].text, side_names[side], nr,
						    g->result->nr_runs[side]);
		}
	*ret_any = false;
	return NULL;
}

static int leave_out(struct gather *g, const struct subject *s, const char *reason)
{
	struct comparison *r = g->result;

	if (!reason)
		return -ENOMEM;
	r->left_out[r->nr_left_out++] =
		(struct left_out_test){.test = compared_test(s), .reason = reason};
	return 0;
}

/* ---- files and the suite ------------------------------------------------------------------- */

/* Whether a run counts for the sum of a file; @file NULL: of the suite. */
static bool run_sums(const struct gather *g, enum side side, size_t run, const char *file)
{
	return file ? !runs_skipped(g->c->runs, side, run, file)
		    : partial_is_whole(g->c, side, run);
}

/* With a value in every run of both sides that ran its file. */
static bool is_sound(const struct gather *g, const struct subject *s)
{
	for (size_t side = 0; side < NR_SIDES; side++)
		for (size_t run = 0; run < g->result->nr_runs[side]; run++)
			if (run_sums(g, (enum side)side, run, s->file) &&
			    !has_value(g, runs_figures(s, (enum side)side, run)))
				return false;
	return true;
}

/* A sound test. */
struct member {
	const struct subject *subject;
	size_t order;
};

/* Members of one file, next to each other. */
struct group {
	const struct member *members;
	size_t nr;
};

static int by_file(const void *left, const void *right)
{
	const struct member *a = left, *b = right;
	int order = strcmp(a->subject->file, b->subject->file);

	return order ? order : (a->order > b->order) - (a->order < b->order);
}

static int by_first(const void *left, const void *right)
{
	size_t a = ((const struct group *)left)->members->order;
	size_t b = ((const struct group *)right)->members->order;

	return (a > b) - (a < b);
}

static double sum_of_run(const struct gather *g, const struct group *group, enum side side,
			 size_t run)
{
	double sum = 0;

	for (size_t i = 0; i < group->nr; i++)
		sum += (double)runs_figures(group->members[i].subject, side, run)
			       ->whole[g->result->metric];
	return sum > 0 ? sum : 1;
}

static bool pair_sums(const struct gather *g, size_t pair, const char *file)
{
	return run_sums(g, SIDE_BASE, g->pairs[pair].runs[SIDE_BASE], file) &&
	       run_sums(g, SIDE_HEAD, g->pairs[pair].runs[SIDE_HEAD], file);
}

/* @file NULL: the suite */
static void gather_sums(struct gather *g, const struct group *group, const char *file)
{
	const struct comparison *r = g->result;

	begin_values(g);
	for (size_t side = 0; side < NR_SIDES; side++)
		for (size_t i = 0; i < r->nr_runs[side]; i++) {
			size_t run = r->nr_pairs > 0 ? g->pairs[i].runs[side] : i;
			bool counts = r->nr_pairs > 0 ? pair_sums(g, i, file)
						      : run_sums(g, (enum side)side, run, file);

			if (counts)
				add_value(g, (enum side)side,
					  sum_of_run(g, group, (enum side)side, run));
		}
}

static int add_sum(struct gather *g, enum element_kind kind, const struct group *group)
{
	struct comparison *r = g->result;
	const char *file = kind == ELEMENT_FILE ? group->members->subject->file : NULL;
	struct element *e = &r->elements[r->nr_elements];

	gather_sums(g, group, file);
	if (g->values.nr[SIDE_BASE] == 0 || g->values.nr[SIDE_HEAD] == 0)
		return 0;
	r->nr_elements++;
	*e = (struct element){
		.kind = kind,
		.test = {.id = "", .name = "", .file = file ? file : "", .source = ""}};
	return measure(g, r->nr_pairs > 0, e);
}

static size_t find_members(const struct gather *g, struct member *members)
{
	const struct runs *runs = g->c->runs;
	size_t nr = 0;

	for (size_t i = 0; i < runs->nr_subjects; i++)
		if (is_sound(g, runs->subjects[i]))
			members[nr++] = (struct member){runs->subjects[i], i};
	return nr;
}

/* @members sorted by file. */
static size_t find_groups(const struct member *members, size_t nr, struct group *groups)
{
	size_t nr_groups = 0;

	for (size_t i = 0; i < nr; i++) {
		if (i > 0 && strcmp(members[i].subject->file, members[i - 1].subject->file) == 0)
			groups[nr_groups - 1].nr++;
		else
			groups[nr_groups++] = (struct group){&members[i], 1};
	}
	return nr_groups;
}

/* The suite, then files in the order of their first tests. */
static int add_sums(struct gather *g)
{
	size_t room = g->c->runs->nr_subjects + 1, nr_groups;
	CLEANUP(cleanup_free) struct member *members = calloc(room, sizeof(*members));
	CLEANUP(cleanup_free) struct group *groups = calloc(room, sizeof(*groups));
	struct group suite = {.members = members};
	int r = 0;

	if (!members || !groups)
		return -ENOMEM;
	suite.nr = find_members(g, members);
	qsort(members, suite.nr, sizeof(*members), by_file);
	nr_groups = find_groups(members, suite.nr, groups);
	qsort(groups, nr_groups, sizeof(*groups), by_first);
	if (suite.nr > 0)
		r = add_sum(g, ELEMENT_SUITE, &suite);
	for (size_t i = 0; i < nr_groups && r == 0; i++)
		r = add_sum(g, ELEMENT_FILE, &groups[i]);
	return r;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static bool is_in_both(const struct gather *g, const struct subject *s)
{
	return subject_is_in(s, SIDE_BASE, g->result->nr_runs[SIDE_BASE]) &&
	       subject_is_in(s, SIDE_HEAD, g->result->nr_runs[SIDE_HEAD]);
}

static bool has_values(const struct gather *g)
{
	return g->values.nr[SIDE_BASE] > 0 && g->values.nr[SIDE_HEAD] > 0;
}

static int add_test(struct gather *g, size_t index)
{
	const struct subject *s = g->c->runs->subjects[index];
	struct comparison *r = g->result;
	bool paired, faulty, disturbed;
	const char *reason = fault_of(g, s, &faulty);

	if (faulty)
		return leave_out(g, s, reason);
	paired = gather_test(g, s);
	disturbed = !has_values(g);
	if (disturbed) {
		g->takes_disturbed = true;
		paired = gather_test(g, s);
		g->takes_disturbed = false;
	}
	if (!has_values(g))
		return leave_out(g, s,
				 compare_text(g->c, "no %s was measured on both sides",
					      metric_text(r->metric)));
	r->elements[r->nr_elements] = (struct element){
		.kind = ELEMENT_TEST, .test = compared_test(s), .disturbed = disturbed};
	return measure(g, paired, &r->elements[r->nr_elements++]);
}

/* The most values that any test can have. */
static size_t most_values(const struct runs *runs)
{
	size_t most = 1;

	for (size_t side = 0; side < NR_SIDES; side++) {
		most = runs->nr[side] > most ? runs->nr[side] : most;
		for (size_t i = 0; i < runs->nr_subjects; i++)
			if (runs->subjects[i]->nr_repeated[side] > most)
				most = runs->subjects[i]->nr_repeated[side];
	}
	return most;
}

static int make_room(struct gather *g)
{
	const struct runs *runs = g->c->runs;
	struct comparison *r = g->result;

	g->values.room = most_values(runs);
	g->values.of[SIDE_BASE] = calloc(g->values.room, sizeof(double));
	g->values.of[SIDE_HEAD] = calloc(g->values.room, sizeof(double));
	/* a file has at least one test */
	r->elements = calloc(2 * runs->nr_subjects + 1, sizeof(*r->elements));
	r->left_out = calloc(runs->nr_subjects + 1, sizeof(*r->left_out));
	return g->values.of[SIDE_BASE] && g->values.of[SIDE_HEAD] && r->elements && r->left_out
		       ? 0
		       : -ENOMEM;
}

int compare_elements(struct compare *c, const struct run_pair *pairs)
{
	struct gather g = {.c = c, .result = &c->result, .pairs = pairs};
	int r = make_room(&g);

	if (r == 0)
		r = add_sums(&g);
	for (size_t i = 0; i < c->runs->nr_subjects && r == 0; i++)
		if (is_in_both(&g, c->runs->subjects[i]))
			r = add_test(&g, i);
	free(g.values.of[SIDE_BASE]);
	free(g.values.of[SIDE_HEAD]);
	return r;
}
