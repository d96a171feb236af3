/* SPDX-License-Identifier: MIT */
/*
 * The deterministic rung beside times: instructions of the Lua VM for each test that takes as many
 * in every counted run of its side.
 */
#include <errno.h>
#include <string.h>

#include "compare_private.h"
#include "judge.h"

static const char *const side_names[NR_SIDES] = {[SIDE_BASE] = "base", [SIDE_HEAD] = "head"};

/* ---- one test ------------------------------------------------------------------------------ */

/* The number of a side, or NULL with the reason in *ret_why; both NULL: out of memory. */
static const uint64_t *count_of(struct compare *c, const struct subject *s, enum side side,
				const char **ret_why)
{
	const uint64_t *count = NULL;

	for (size_t run = 0; run < c->counted.nr[side]; run++) {
		const struct figures *f = runs_figures(s, side, run);
		const uint64_t *this = f ? &f->body[METRIC_VM_INSTRUCTIONS] : NULL;

		if (!this || *this == FIGURE_UNKNOWN ||
		    (f->status != RUN_SOUND && f->status != RUN_DISTURBED)) {
			*ret_why = compare_text(c, "it was not counted in %s", side_names[side]);
			return NULL;
		}
		if (!f->vm_repeats || (count && *count != *this)) {
			*ret_why =
				compare_text(c, "it is not deterministic in %s", side_names[side]);
			return NULL;
		}
		count = this;
	}
	return count;
}

static enum verdict call(const struct counted_change *change, double threshold, double floor)
{
	struct tolerated none = judge_tolerated(change->base, threshold, floor);

	if (change->ratio > none.high)
		return VERDICT_SLOWER;
	return change->ratio < none.low ? VERDICT_FASTER : VERDICT_SAME;
}

/*
 * Time has the word where it can tell: work that is not time fails nothing against it. Where time
 * says as much, and only is not sure enough to fail a build, the count makes it sure.
 */
static bool time_objects(const struct comparison *r, const struct element *e, double fail_at)
{
	if (r->rung == RUNG_TREND || e->verdict == VERDICT_NOISY || e->verdict == VERDICT_TREND)
		return false;
	return e->verdict != VERDICT_SLOWER || e->ratio <= 1 + fail_at;
}

static double positive(uint64_t count)
{
	return count > 0 ? (double)count : 1;
}

static int count_one(struct compare *c, const struct compare_opts *opts, struct element *e)
{
	const struct subject *s = runs_find(&c->counted, e->test.id);
	struct counted_change *change = &e->counted;
	const uint64_t *base, *head = NULL;

	if (!s) {
		change->why_not = compare_text(c, "it was not counted");
		return change->why_not ? 0 : -ENOMEM;
	}
	base = count_of(c, s, SIDE_BASE, &change->why_not);
	if (base)
		head = count_of(c, s, SIDE_HEAD, &change->why_not);
	if (!base || !head)
		return change->why_not ? 0 : -ENOMEM;
	change->known = true;
	change->base = positive(*base);
	change->head = positive(*head);
	change->ratio = change->head / change->base;
	change->verdict = call(change, opts->warn_at, opts->floor_vm);
	change->fails = call(change, opts->fail_at, opts->floor_vm) == VERDICT_SLOWER &&
			!time_objects(&c->result, e, opts->fail_at);
	if (change->fails && e->verdict == VERDICT_SLOWER)
		e->undecided = false;
	return 0;
}

/* ---- whether there is anything to count on ------------------------------------------------- */

static const char *interpreter(const struct compare *c, enum side side)
{
	const char *name = c->counted.runs[side][0].circumstances[CIRCUMSTANCE_INTERPRETERS];

	return name ? name : "";
}

/* NULL: they can be compared. */
static const char *why_not(const struct compare *c, const struct compare_opts *opts)
{
	size_t base = c->counted.nr[SIDE_BASE], head = c->counted.nr[SIDE_HEAD];

	if ((base == 0 || head == 0) && opts->why_not_counted)
		return opts->why_not_counted;
	if (base == 0 && head == 0)
		return "there are no runs with --mode=count";
	if (base == 0 || head == 0)
		return "only one side has runs with --mode=count";
	if (strcmp(interpreter(c, SIDE_BASE), interpreter(c, SIDE_HEAD)) != 0)
		return "instructions of different interpreters cannot be compared";
	return NULL;
}

int compare_counted(struct compare *c, const struct compare_opts *opts)
{
	struct comparison *result = &c->result;
	int r = 0;

	if (c->runs == &c->counted || result->metric == METRIC_VM_INSTRUCTIONS)
		return 0;
	result->why_not_counted = why_not(c, opts);
	if (result->why_not_counted)
		return 0;
	for (size_t i = 0; i < result->nr_elements && r == 0; i++)
		if (result->elements[i].kind == ELEMENT_TEST)
			r = count_one(c, opts, &result->elements[i]);
	return r;
}
