/* SPDX-License-Identifier: MIT */
/*
 * An element is slower if its ratio is above the threshold and a one-sided rank test says that this
 * is no chance; the same if the whole interval lies within the threshold; else too noisy to call.
 *
 *	                1/(1+t)      1       1+t
 *	  faster  |--*--|    :       :        :
 *	  same          :    :  |--*-:-|      :
 *	  slower        :    :       :        : |---*---|   and p small enough
 *	  too noisy     :    :     |-:--*-----:----|
 *
 * t is the threshold, or what the absolute floor makes of it in a short test.
 *
 * Ratios are judged by their logarithms, so that twice and half are equally far from no change.
 */
#include "judge.h"

#include <errno.h>

#include "rank_tests.h"

static void nothing_known(struct element *e)
{
	e->low = e->high = e->confidence = e->p_slower = e->p_faster = NAN;
}

static void keep_interval(struct element *e, const struct rank_interval *interval)
{
	/* it is of a centre that is not quite the median shown: the wider one is true of both */
	e->low = fmin(exp(interval->low), e->ratio);
	e->high = fmax(exp(interval->high), e->ratio);
	e->confidence = interval->confidence;
}

static int test_pairs(const double *logs, size_t nr, struct element *e)
{
	struct rank_interval interval;
	struct rank_test test;
	int r = signed_rank_test(logs, nr, &test);

	if (r == 0)
		r = signed_rank_interval(logs, nr, CONFIDENCE, &interval);
	if (r < 0)
		return r;
	e->p_slower = test.p_greater;
	e->p_faster = test.p_less;
	keep_interval(e, &interval);
	return 0;
}

static int measure_pairs(const double *base, const double *head, size_t nr, struct element *e)
{
	CLEANUP(cleanup_free) double *logs = calloc(nr, sizeof(*logs));

	if (!logs)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++)
		logs[i] = log(head[i] / base[i]);
	e->ratio = exp(median_of(logs, nr));
	return nr < COMPARE_LEAST_RUNS ? 0 : test_pairs(logs, nr, e);
}

static void take_logs(double *x, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		x[i] = log(x[i]);
}

static int test_samples(double *base, size_t nr_base, double *head, size_t nr_head,
			struct element *e)
{
	struct rank_interval interval;
	struct rank_test test;
	int r;

	take_logs(base, nr_base);
	take_logs(head, nr_head);
	r = rank_sum_test(base, nr_base, head, nr_head, &test);
	if (r == 0)
		r = rank_sum_interval(base, nr_base, head, nr_head, CONFIDENCE, &interval);
	if (r < 0)
		return r;
	e->p_slower = test.p_greater;
	e->p_faster = test.p_less;
	keep_interval(e, &interval);
	return 0;
}

/* Pairs first: a median reorders what it is taken of. */
int judge_measure(double *base, size_t nr_base, double *head, size_t nr_head, bool paired,
		  struct element *e)
{
	bool enough = nr_base >= COMPARE_LEAST_RUNS && nr_head >= COMPARE_LEAST_RUNS;
	int r = 0;

	nothing_known(e);
	e->nr_base = nr_base;
	e->nr_head = nr_head;
	if (paired)
		r = measure_pairs(base, head, nr_base, e);
	e->base = median_of(base, nr_base);
	e->head = median_of(head, nr_head);
	if (!paired)
		e->ratio = e->head / e->base;
	if (!paired && enough && r == 0)
		r = test_samples(base, nr_base, head, nr_head, e);
	return r;
}

/* ---- calling ------------------------------------------------------------------------------- */

/* A relative change that counts: the threshold, or what the floor is of the test. */
static double tolerance(double threshold, double floor, const struct element *e)
{
	return fmax(threshold, floor / e->base);
}

static enum verdict call(const struct element *e, double tolerated, double chance)
{
	if (isnan(e->p_slower))
		return VERDICT_TREND;
	if (e->ratio > 1 + tolerated && e->p_slower < chance)
		return VERDICT_SLOWER;
	if (e->ratio < 1 / (1 + tolerated) && e->p_faster < chance)
		return VERDICT_FASTER;
	if (e->low > 1 / (1 + tolerated) && e->high < 1 + tolerated)
		return VERDICT_SAME;
	return VERDICT_NOISY;
}

static void call_one(struct element *e, const struct compare_opts *opts, double floor)
{
	e->verdict = call(e, tolerance(opts->warn_at, floor, e), CHANCE_TO_CALL * opts->share);
	e->fails = call(e, tolerance(opts->fail_at, floor, e), CHANCE_TO_FAIL * opts->share) ==
		   VERDICT_SLOWER;
}

/* Writes the corrected values of one direction back to the elements that have any. */
static int correct(struct element *elements, size_t nr, bool slower)
{
	CLEANUP(cleanup_free) double *p = calloc(nr + 1, sizeof(*p));
	size_t nr_p = 0;
	int r;

	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++)
		if (!isnan(elements[i].p_slower))
			p[nr_p++] = slower ? elements[i].p_slower : elements[i].p_faster;
	r = adjust_for_number(p, nr_p);
	nr_p = 0;
	for (size_t i = 0; i < nr && r == 0; i++) {
		if (isnan(elements[i].p_slower))
			continue;
		if (slower)
			elements[i].p_slower = p[nr_p++];
		else
			elements[i].p_faster = p[nr_p++];
	}
	return r;
}

int judge_call(struct element *elements, size_t nr, const struct compare_opts *opts, double floor)
{
	int r = correct(elements, nr, true);

	if (r == 0)
		r = correct(elements, nr, false);
	for (size_t i = 0; i < nr && r == 0; i++)
		call_one(&elements[i], opts, floor);
	return r;
}
