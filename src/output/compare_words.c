/* SPDX-License-Identifier: MIT */
#include "compare_words.h"

#include <stdio.h>

#include <bprof/profile.h>

/* ---- numbers ------------------------------------------------------------------------------- */

static struct number count_with_unit(double value)
{
	static const struct {
		double from, size;
		const char *name;
	} units[] = {{1e12, 1e12, " T"},
		     {1e9, 1e9, " G"},
		     {1e6, 1e6, " M"},
		     {1e4, 1e3, " k"},
		     {0, 1, ""}};
	struct number number;
	size_t i = 0;

	while (value < units[i].from)
		i++;
	snprintf(number.text, sizeof(number.text), units[i].from > 0 ? "%.2f%s" : "%.0f%s",
		 value / units[i].size, units[i].name);
	return number;
}

struct number compare_value(enum metric metric, double value)
{
	if (isnan(value) || value < 0 || value > 1e18)
		return number_duration(PROFILE_UNKNOWN);
	return metric_is_time(metric) ? number_duration((uint64_t)llround(value))
				      : count_with_unit(value);
}

static double percent(double ratio)
{
	double p = (ratio - 1) * 100;

	return fabs(p) < 0.05 ? 0 : p; /* no "-0.0" */
}

struct number compare_change(double ratio)
{
	struct number number = {.text = "-"};

	if (!isnan(ratio))
		snprintf(number.text, sizeof(number.text), "%+.1f %%", percent(ratio));
	return number;
}

struct number compare_interval(double low, double high)
{
	struct number number = {.text = "-"};

	if (!isnan(low) && !isnan(high))
		snprintf(number.text, sizeof(number.text), "%+.1f .. %+.1f %%", percent(low),
			 percent(high));
	return number;
}

struct number compare_chance(double p)
{
	struct number number = {.text = "-"};

	if (!isnan(p) && p < 0.001)
		snprintf(number.text, sizeof(number.text), "<0.001");
	else if (!isnan(p))
		snprintf(number.text, sizeof(number.text), "%.3f", p);
	return number;
}

double compare_p(const struct element *e)
{
	return e->ratio < 1 ? e->p_faster : e->p_slower;
}

/* ---- names --------------------------------------------------------------------------------- */

const char *compare_title(const struct element *e)
{
	switch (e->kind) {
	case ELEMENT_SUITE:
		return "whole suite";
	case ELEMENT_FILE:
		return e->test.file;
	case ELEMENT_TEST:
	case NR_ELEMENT_KINDS:
		break;
	}
	return e->test.name;
}

int compare_place(struct buf *b, const struct compared_test *t)
{
	int r = buf_addstr(b, *t->source ? t->source : t->file);

	if (r == 0 && t->line > 0)
		r = buf_addf(b, ":%d", t->line);
	return r;
}

int compare_what(struct buf *b, const struct comparison *c)
{
	int r = buf_addf(b, "%s, ", metric_text(c->metric));

	if (r == 0 && c->nr_pairs > 0)
		r = buf_addf(b, "%zu pair%s of runs", c->nr_pairs, c->nr_pairs == 1 ? "" : "s");
	if (r == 0 && c->nr_whole_pairs < c->nr_pairs)
		r = buf_addf(b, " (%zu of the whole suite)", c->nr_whole_pairs);
	if (r == 0 && c->nr_pairs == 0)
		r = buf_addf(b, "%zu runs of base and %zu of head, not in pairs",
			     c->nr_runs[SIDE_BASE], c->nr_runs[SIDE_HEAD]);
	return r < 0 ? r : buf_addf(b, ": %s", rung_name(c->rung));
}

static size_t count_counted(const struct comparison *c, enum verdict verdict)
{
	size_t nr = 0;

	for (size_t i = 0; i < c->nr_elements; i++)
		nr += c->elements[i].counted.known && c->elements[i].counted.verdict == verdict;
	return nr;
}

static size_t count_tests(const struct comparison *c)
{
	size_t nr = 0;

	for (size_t i = 0; i < c->nr_elements; i++)
		nr += c->elements[i].kind == ELEMENT_TEST;
	return nr;
}

int compare_counted_sum(struct buf *b, const struct comparison *c)
{
	if (c->why_not_counted)
		return buf_addf(b, "no instructions of the Lua VM: %s", c->why_not_counted);
	if (c->metric == METRIC_VM_INSTRUCTIONS || c->nr_elements == 0)
		return 0;
	return buf_addf(b,
			"instructions of the Lua VM, %zu of %zu tests: %s: %zu slower, %zu faster, "
			"%zu the same",
			c->nr_counted, count_tests(c), rung_name(RUNG_DETERMINISTIC),
			count_counted(c, VERDICT_SLOWER), count_counted(c, VERDICT_FASTER),
			count_counted(c, VERDICT_SAME));
}

struct number compare_counted_change(const struct element *e)
{
	return compare_change(e->counted.known ? e->counted.ratio : (double)NAN);
}

int compare_sum(struct buf *b, const struct comparison *c)
{
	const size_t *nr = c->nr_by_verdict[ELEMENT_TEST];
	size_t failing = 0, counted = 0;
	int r;

	for (size_t i = 0; i < c->nr_elements; i++) {
		const struct element *e = &c->elements[i];

		if (e->kind != ELEMENT_TEST || !element_fails(e))
			continue;
		failing += e->verdict == VERDICT_SLOWER;
		counted += e->verdict != VERDICT_SLOWER;
	}
	r = buf_addf(b, "%zu test%s slower", nr[VERDICT_SLOWER],
		     nr[VERDICT_SLOWER] == 1 ? "" : "s");
	if (r == 0 && failing > 0)
		r = buf_addf(b, " (%zu beyond %g %%)", failing, c->fail_at * 100);
	if (r == 0)
		r = buf_addf(b, ", %zu faster, %zu the same, %zu too noisy to call",
			     nr[VERDICT_FASTER], nr[VERDICT_SAME], nr[VERDICT_NOISY]);
	if (r == 0 && counted > 0)
		r = buf_addf(b, " (%zu take%s over %g %% more instructions: slower)", counted,
			     counted == 1 ? "s" : "", c->fail_at * 100);
	if (r == 0 && nr[VERDICT_TREND] > 0)
		r = buf_addf(b, ", %zu not judged", nr[VERDICT_TREND]);
	return r;
}

/* ---- order --------------------------------------------------------------------------------- */

static unsigned rank_of(const struct element *e)
{
	if (e->kind == ELEMENT_SUITE)
		return 0;
	return element_fails(e) ? 1 : 2 + (unsigned)e->verdict;
}

static int compare_elements(const void *left, const void *right)
{
	const struct element *a = *(const struct element *const *)left;
	const struct element *b = *(const struct element *const *)right;
	unsigned rank_of_a = rank_of(a), rank_of_b = rank_of(b);
	double change_of_a = fabs(log(a->ratio)), change_of_b = fabs(log(b->ratio));

	if (rank_of_a != rank_of_b)
		return rank_of_a < rank_of_b ? -1 : 1;
	if (change_of_a < change_of_b || change_of_a > change_of_b)
		return change_of_a < change_of_b ? 1 : -1;
	return (a > b) - (a < b); /* both in one array */
}

const struct element **compare_sorted(const struct comparison *c)
{
	const struct element **sorted =
		reallocarray(NULL, c->nr_elements + 1, sizeof(const struct element *));

	for (size_t i = 0; sorted && i < c->nr_elements; i++)
		sorted[i] = &c->elements[i];
	if (sorted)
		qsort(sorted, c->nr_elements, sizeof(const struct element *), compare_elements);
	return sorted;
}
