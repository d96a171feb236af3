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
 * t is the threshold. In a short test the absolute floor takes its place, on either side for
 *itself: what takes less than the floor cannot become faster by it.
 *
 * Ratios are judged by their logarithms, so that twice and half are equally far from no change.
 */
#include "judge.h"

#include <errno.h>
#include <string.h>

#include "rank_tests.h"

static void nothing_known(struct element *e)
{
	e->low = e->high = e->confidence = e->reach = e->p_slower = e->p_faster = NAN;
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

/* All pairs to one side: the ratio would be the median of the sizes. */
static int reach_of_pairs(const double *logs, size_t nr, struct element *e)
{
	CLEANUP(cleanup_free) double *sizes = calloc(nr, sizeof(*sizes));

	if (!sizes)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++)
		sizes[i] = fabs(logs[i]);
	e->reach = exp(median_of(sizes, nr));
	return 0;
}

static int measure_pairs(const double *base, const double *head, size_t nr, struct element *e)
{
	CLEANUP(cleanup_free) double *logs = calloc(nr, sizeof(*logs));
	int r;

	if (!logs)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++)
		logs[i] = log(head[i] / base[i]);
	e->ratio = exp(median_of(logs, nr));
	if (nr < COMPARE_LEAST_RUNS)
		return 0;
	r = reach_of_pairs(logs, nr, e);
	return r < 0 ? r : test_pairs(logs, nr, e);
}

static void take_logs(double *x, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		x[i] = log(x[i]);
}

/* All small values in base, all large ones in head, or the other way round. @base, @head: logs */
static int reach_of_samples(const double *base, size_t nr_base, const double *head, size_t nr_head,
			    struct element *e)
{
	size_t nr = nr_base + nr_head;
	CLEANUP(cleanup_free) double *all = calloc(nr, sizeof(*all));
	double up, down;

	if (!all)
		return -ENOMEM;
	memcpy(all, base, nr_base * sizeof(*all));
	memcpy(all + nr_base, head, nr_head * sizeof(*all));
	median_of(all, nr); /* sorts */
	up = median_of(all + nr_base, nr_head) - median_of(all, nr_base);
	down = median_of(all + nr_head, nr_base) - median_of(all, nr_head);
	e->reach = exp(fmax(up, down));
	return 0;
}

static int test_samples(double *base, size_t nr_base, double *head, size_t nr_head,
			struct element *e)
{
	struct rank_interval interval;
	struct rank_test test;
	int r;

	take_logs(base, nr_base);
	take_logs(head, nr_head);
	r = reach_of_samples(base, nr_base, head, nr_head, e);
	if (r == 0)
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

/* From where a change counts, and how sure it must be. */
struct bar {
	double threshold, floor, chance;
};

struct tolerated judge_tolerated(double base, double threshold, double floor)
{
	double share = floor / base;

	return (struct tolerated){.low = fmin(1 / (1 + threshold), 1 - share),
				  .high = 1 + fmax(threshold, share)};
}

static enum verdict call(const struct element *e, const struct bar *bar, double p_slower,
			 double p_faster)
{
	struct tolerated none = judge_tolerated(e->base, bar->threshold, bar->floor);

	if (isnan(p_slower))
		return VERDICT_TREND;
	if (e->disturbed)
		return VERDICT_NOISY;
	if (e->ratio > none.high && p_slower < bar->chance)
		return VERDICT_SLOWER;
	if (e->ratio < none.low && p_faster < bar->chance)
		return VERDICT_FASTER;
	if (e->low > none.low && e->high < none.high)
		return VERDICT_SAME;
	return VERDICT_NOISY;
}

/*
 * Whether the element's values could be called anything, whichever of them were base's and
 * whichever head's. Where nothing changed, which are whose is chance, and has no part in this: so
 * the p values of those that can be called are as even as those of all, and only they need a
 * correction for their number. Source: Bourgon, Gentleman, Huber: independent filtering, PNAS 107
 * (2010).
 */
static bool can_be_called(const struct element *e, const struct bar *bar)
{
	double most = fmax(e->base, e->head);

	return !e->disturbed && e->reach > judge_tolerated(most, bar->threshold, bar->floor).high;
}

static double raw_p(const struct element *e, bool slower)
{
	return slower ? e->p_slower : e->p_faster;
}

/* The p values of one direction: corrected of those that can be called, as they are of others. */
static int correct(const struct element *elements, size_t nr, const struct bar *bar, bool slower,
		   double *ret)
{
	CLEANUP(cleanup_free) double *family = calloc(nr + 1, sizeof(*family));
	size_t nr_family = 0;
	int r;

	if (!family)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++)
		if (can_be_called(&elements[i], bar))
			family[nr_family++] = raw_p(&elements[i], slower);
	r = adjust_for_number(family, nr_family);
	nr_family = 0;
	for (size_t i = 0; i < nr && r == 0; i++)
		ret[i] = can_be_called(&elements[i], bar) ? family[nr_family++]
							  : raw_p(&elements[i], slower);
	return r;
}

static int correct_both(const struct element *elements, size_t nr, const struct bar *bar,
			double *slower, double *faster)
{
	int r = correct(elements, nr, bar, true, slower);

	return r < 0 ? r : correct(elements, nr, bar, false, faster);
}

static bool is_undecided(const struct element *e, const struct bar *fail)
{
	return e->verdict == VERDICT_NOISY || e->verdict == VERDICT_TREND ||
	       (e->verdict == VERDICT_SLOWER && !e->fails && e->ratio > 1 + fail->threshold);
}

int judge_call(struct element *elements, size_t nr, const struct compare_opts *opts, double floor)
{
	const struct bar warn = {opts->warn_at, floor, CHANCE_TO_CALL * opts->share},
			 fail = {opts->fail_at, floor, CHANCE_TO_FAIL * opts->share};
	CLEANUP(cleanup_free) double *slower = calloc(nr + 1, sizeof(*slower));
	CLEANUP(cleanup_free) double *faster = calloc(nr + 1, sizeof(*faster));
	int r = slower && faster ? 0 : -ENOMEM;

	if (r == 0)
		r = correct_both(elements, nr, &fail, slower, faster);
	for (size_t i = 0; i < nr && r == 0; i++)
		elements[i].fails =
			call(&elements[i], &fail, slower[i], faster[i]) == VERDICT_SLOWER;
	if (r == 0)
		r = correct_both(elements, nr, &warn, slower, faster);
	for (size_t i = 0; i < nr && r == 0; i++) {
		elements[i].p_slower = slower[i];
		elements[i].p_faster = faster[i];
		elements[i].verdict = elements[i].fails
					      ? VERDICT_SLOWER /* among fewer, so surer */
					      : call(&elements[i], &warn, slower[i], faster[i]);
		elements[i].undecided = is_undecided(&elements[i], &fail);
	}
	return r;
}
