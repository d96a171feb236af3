/* SPDX-License-Identifier: MIT */
/* What differs between the sides beside what the tests cost: names, and circumstances. */
#include <errno.h>
#include <string.h>

#include "compare_private.h"

/* ---- names --------------------------------------------------------------------------------- */

/* A test that only one side has. */
struct lone {
	const struct subject *subject;
	enum side side;
	size_t order;
	bool renamed;
};

static int compare_places(const struct subject *a, const struct subject *b)
{
	int order = strcmp(*a->source ? a->source : a->file, *b->source ? b->source : b->file);

	return order ? order : (a->line > b->line) - (a->line < b->line);
}

static int by_place(const void *left, const void *right)
{
	const struct lone *a = left, *b = right;
	int order = compare_places(a->subject, b->subject);

	if (order)
		return order;
	if (a->side != b->side)
		return a->side < b->side ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

static int by_order(const void *left, const void *right)
{
	const struct lone *a = left, *b = right;

	return (a->order > b->order) - (a->order < b->order);
}

static size_t gather_lone(const struct compare *c, struct lone *lone)
{
	size_t nr = 0;

	for (size_t i = 0; i < c->runs->nr_subjects; i++) {
		const struct subject *s = c->runs->subjects[i];
		bool in_base = subject_is_in(s, SIDE_BASE, c->runs->nr[SIDE_BASE]);
		bool in_head = subject_is_in(s, SIDE_HEAD, c->runs->nr[SIDE_HEAD]);

		if (in_base != in_head)
			lone[nr++] = (struct lone){
				.subject = s, .side = in_head ? SIDE_HEAD : SIDE_BASE, .order = i};
	}
	return nr;
}

/* @lone: all of one place, base first. As many on both sides: the first of one is that of the
 * other. */
static void match_place(struct comparison *r, struct lone *lone, size_t nr)
{
	size_t half = nr / 2;

	if (nr % 2 || lone[0].subject->line <= 0 || lone[half].side == SIDE_BASE ||
	    lone[half - 1].side == SIDE_HEAD)
		return;
	for (size_t i = 0; i < half; i++) {
		lone[i].renamed = lone[half + i].renamed = true;
		r->renamed[r->nr_renamed++] = (struct renamed_test){
			.from = compared_test(lone[i].subject),
			.to = compared_test(lone[half + i].subject),
		};
	}
}

static void match_renamed(struct comparison *r, struct lone *lone, size_t nr)
{
	qsort(lone, nr, sizeof(*lone), by_place);
	for (size_t first = 0, end; first < nr; first = end) {
		for (end = first + 1;
		     end < nr && compare_places(lone[first].subject, lone[end].subject) == 0; end++)
			;
		match_place(r, lone + first, end - first);
	}
}

int compare_names(struct compare *c)
{
	CLEANUP(cleanup_free)
	struct lone *lone = calloc(c->runs->nr_subjects + 1, sizeof(*lone));
	struct comparison *r = &c->result;
	size_t nr;

	if (!lone)
		return -ENOMEM;
	nr = gather_lone(c, lone);
	r->added = calloc(nr + 1, sizeof(*r->added));
	r->removed = calloc(nr + 1, sizeof(*r->removed));
	r->renamed = calloc(nr + 1, sizeof(*r->renamed));
	if (!r->added || !r->removed || !r->renamed)
		return -ENOMEM;
	match_renamed(r, lone, nr);
	qsort(lone, nr, sizeof(*lone), by_order);
	for (size_t i = 0; i < nr; i++) {
		if (lone[i].renamed)
			continue;
		if (lone[i].side == SIDE_HEAD)
			r->added[r->nr_added++] = compared_test(lone[i].subject);
		else
			r->removed[r->nr_removed++] = compared_test(lone[i].subject);
	}
	return 0;
}

/* ---- circumstances ------------------------------------------------------------------------- */

static const char *const labels[NR_CIRCUMSTANCES] = {
	[CIRCUMSTANCE_SCHEMA] = "schema of the profiles",
	[CIRCUMSTANCE_CPU] = "processor",
	[CIRCUMSTANCE_ARCH] = "architecture",
	[CIRCUMSTANCE_KERNEL] = "kernel",
	[CIRCUMSTANCE_INTERPRETERS] = "interpreter",
	[CIRCUMSTANCE_EVENT] = "sampled event",
	[CIRCUMSTANCE_UNIT] = "unit of samples",
	[CIRCUMSTANCE_BPROF] = "version of bprof-perf",
};

#define MAX_LISTED 4096
/* partial_notes() makes at most three, and there is one excuse. */
#define MOST_NOTES (NR_CIRCUMSTANCES + NR_SIDES + 3 + 1)
#define NOT_TOLD   "(not told)"

static const char *circumstance(const struct one_run *run, size_t which)
{
	return run->circumstances[which] ? run->circumstances[which] : NOT_TOLD;
}

static bool was_there(const struct one_run *runs, size_t run, size_t which)
{
	for (size_t i = 0; i < run; i++)
		if (strcmp(circumstance(&runs[i], which), circumstance(&runs[run], which)) == 0)
			return true;
	return false;
}

/* The different values of a side, in order of appearance. Returns their number or -ENOMEM. */
static int list_values(const struct one_run *runs, size_t nr, size_t which, struct buf *ret)
{
	int nr_values = 0, r = 0;

	for (size_t i = 0; i < nr && r == 0; i++) {
		if (was_there(runs, i, which))
			continue;
		r = buf_addf(ret, "%s'%s'", nr_values++ ? ", " : "", circumstance(&runs[i], which));
		if (r == -E2BIG) /* enough is listed */
			r = 0;
	}
	return r < 0 ? r : nr_values;
}

int compare_note(struct compare *c, const char *note)
{
	struct comparison *r = &c->result;

	if (!note)
		return -ENOMEM;
	r->notes[r->nr_notes++] = note;
	return 0;
}

/* Says whether all runs of both sides agree: 1 or 0. */
static int compare_one(struct compare *c, size_t which)
{
	const struct runs *runs = c->runs;
	struct buf base, head;
	int nr_base, nr_head, r = 0;
	bool differ;

	buf_init(&base, MAX_LISTED);
	buf_init(&head, MAX_LISTED);
	nr_base = list_values(runs->runs[SIDE_BASE], runs->nr[SIDE_BASE], which, &base);
	nr_head = list_values(runs->runs[SIDE_HEAD], runs->nr[SIDE_HEAD], which, &head);
	differ = nr_base > 0 && nr_head > 0 && strcmp(base.data, head.data) != 0;
	if (nr_base < 0 || nr_head < 0)
		r = -ENOMEM;
	else if (differ)
		r = compare_note(c, compare_text(c, "the %s differs: base %s, head %s",
						 labels[which], base.data, head.data));
	else if (nr_base > 1)
		r = compare_note(c,
				 compare_text(c, "the %s varies among the runs of both sides: %s",
					      labels[which], base.data));
	buf_done(&base);
	buf_done(&head);
	return r < 0 ? r : !differ && nr_base <= 1;
}

static int note_cut_runs(struct compare *c)
{
	static const char *const names[NR_SIDES] = {"base", "head"};
	int r = 0;

	for (size_t side = 0; side < NR_SIDES && r == 0; side++) {
		size_t nr = 0;

		for (size_t i = 0; i < c->runs->nr[side]; i++)
			nr += !c->runs->runs[side][i].complete;
		if (nr > 0)
			r = compare_note(c, compare_text(c,
							 "%zu of %zu runs of %s broke off before "
							 "their end",
							 nr, c->runs->nr[side], names[side]));
	}
	return r;
}

/* ---- the rung ------------------------------------------------------------------------------ */

static bool too_few_runs(const struct comparison *r)
{
	return r->nr_runs[SIDE_BASE] < COMPARE_LEAST_RUNS ||
	       r->nr_runs[SIDE_HEAD] < COMPARE_LEAST_RUNS;
}

/* Why the best that the metric allows does not hold, or NULL. @same: of each circumstance. */
static const char *why_not(const struct comparison *r, const bool *same)
{
	if (r->metric == METRIC_VM_INSTRUCTIONS)
		return same[CIRCUMSTANCE_INTERPRETERS]
			       ? NULL
			       : "instructions of different interpreters cannot be compared";
	if (!same[CIRCUMSTANCE_CPU])
		return "not all runs were on the same processor";
	if (metric_is_time(r->metric) && r->nr_pairs == 0)
		return "the runs did not take turns: times of different moments differ without any "
		       "change of the code";
	return NULL;
}

static int find_rung(struct compare *c, const bool *same)
{
	struct comparison *r = &c->result;

	if (too_few_runs(r)) {
		r->why_trend = compare_text(c, "fewer than %d runs a side do not show their spread",
					    COMPARE_LEAST_RUNS);
		if (!r->why_trend)
			return -ENOMEM;
	} else {
		r->why_trend = why_not(r, same);
	}
	if (r->why_trend)
		r->rung = RUNG_TREND;
	else if (metric_is_time(r->metric))
		r->rung = RUNG_PAIRED_TIMING;
	else
		r->rung = r->metric == METRIC_VM_INSTRUCTIONS ? RUNG_DETERMINISTIC : RUNG_COUNTED;
	return 0;
}

int compare_circumstances(struct compare *c)
{
	bool same[NR_CIRCUMSTANCES];
	int r = 0;

	c->result.notes = calloc(MOST_NOTES, sizeof(*c->result.notes));
	if (!c->result.notes)
		return -ENOMEM;
	for (size_t which = 0; which < NR_CIRCUMSTANCES && r >= 0; which++) {
		r = compare_one(c, which);
		same[which] = r == 1;
	}
	if (r >= 0)
		r = note_cut_runs(c);
	return r < 0 ? r : find_rung(c, same);
}
