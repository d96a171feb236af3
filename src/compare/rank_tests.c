/* SPDX-License-Identifier: MIT */
/*
 * Rank tests and intervals. Distributions are counted, not approximated, where that is possible:
 * ways[s] is the number of outcomes whose ranks add up to s. Ranks are doubled, for midranks are
 * halves.
 */
#include "rank_tests.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static int compare_doubles(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

double median_of(double *x, size_t nr)
{
	qsort(x, nr, sizeof(*x), compare_doubles);
	return nr % 2 ? x[nr / 2] : (x[nr / 2 - 1] + x[nr / 2]) / 2;
}

/* ---- ranks --------------------------------------------------------------------------------- */

struct ranked {
	double value; /* what is ranked */
	bool counted; /* its rank is part of the statistic */
	size_t rank;  /* twice the midrank */
};

static int compare_ranked(const void *left, const void *right)
{
	return compare_doubles(&((const struct ranked *)left)->value,
			       &((const struct ranked *)right)->value);
}

/* Returns the sum of t^3 - t over groups of t equal values. */
static double give_ranks(struct ranked *r, size_t nr)
{
	double ties = 0;

	qsort(r, nr, sizeof(*r), compare_ranked);
	for (size_t first = 0, end; first < nr; first = end) {
		double t;

		for (end = first + 1; end < nr && r[end].value <= r[first].value; end++)
			;
		for (size_t i = first; i < end; i++)
			r[i].rank = first + 1 + end; /* twice the mean of first + 1 ... end */
		t = (double)(end - first);
		ties += t * t * t - t;
	}
	return ties;
}

static size_t counted_sum(const struct ranked *r, size_t nr)
{
	size_t sum = 0;

	for (size_t i = 0; i < nr; i++)
		sum += r[i].counted ? r[i].rank : 0;
	return sum;
}

static size_t whole_sum(const struct ranked *r, size_t nr)
{
	size_t sum = 0;

	for (size_t i = 0; i < nr; i++)
		sum += r[i].rank;
	return sum;
}

/* ---- tails --------------------------------------------------------------------------------- */

/* @ways[0 ... nr - 1] of outcomes, all equally likely; @seen is one of them. */
static struct rank_test tails(const double *ways, size_t nr, size_t seen)
{
	double all = 0, up = 0, down = 0;

	for (size_t s = 0; s < nr; s++) {
		all += ways[s];
		up += s >= seen ? ways[s] : 0;
		down += s <= seen ? ways[s] : 0;
	}
	return (struct rank_test){.p_greater = up / all, .p_less = down / all};
}

/* Ranks are doubled in all three, and so is the correction for continuity. */
static struct rank_test normal_tails(double seen, double mean, double variance)
{
	double scale = sqrt(2 * variance);

	if (!(variance > 0))
		return (struct rank_test){1, 1};
	return (struct rank_test){
		.p_greater = erfc((seen - mean - 1) / scale) / 2,
		.p_less = erfc((mean - seen - 1) / scale) / 2,
	};
}

/* ---- signed ranks -------------------------------------------------------------------------- */

/* Every rank may be there or not: each doubles the outcomes. */
static int count_signed(const struct ranked *r, size_t nr, struct rank_test *ret)
{
	size_t sum = whole_sum(r, nr);
	double *ways = calloc(sum + 1, sizeof(*ways));

	if (!ways)
		return -ENOMEM;
	ways[0] = 1;
	for (size_t i = 0; i < nr; i++)
		for (size_t s = sum + 1; s-- > r[i].rank;)
			ways[s] += ways[s - r[i].rank];
	*ret = tails(ways, sum + 1, counted_sum(r, nr));
	free(ways);
	return 0;
}

int signed_rank_test(const double *x, size_t nr, struct rank_test *ret)
{
	CLEANUP(cleanup_free) struct ranked *r = calloc(nr + 1, sizeof(*r));
	size_t n = 0;
	double ties, d;

	if (!r)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++)
		if (x[i] < 0 || x[i] > 0)
			r[n++] = (struct ranked){.value = fabs(x[i]), .counted = x[i] > 0};
	ties = give_ranks(r, n);
	if (n <= SIGNED_RANK_EXACT_MAXIMUM)
		return count_signed(r, n, ret);
	d = (double)n;
	*ret = normal_tails((double)counted_sum(r, n), d * (d + 1) / 2,
			    d * (d + 1) * (2 * d + 1) / 6 - ties / 12);
	return 0;
}

/* ---- rank sums ----------------------------------------------------------------------------- */

/* ways[k][s]: k of the values so far are counted and their ranks add up to s. */
static int count_sums(const struct ranked *r, size_t nr, size_t nr_counted, struct rank_test *ret)
{
	size_t row = whole_sum(r, nr) + 1;
	double *ways = calloc((nr_counted + 1) * row, sizeof(*ways));

	if (!ways)
		return -ENOMEM;
	ways[0] = 1;
	for (size_t i = 0; i < nr; i++)
		for (size_t k = i + 1 < nr_counted ? i + 1 : nr_counted; k > 0; k--)
			for (size_t s = r[i].rank; s < row; s++)
				ways[k * row + s] += ways[(k - 1) * row + s - r[i].rank];
	*ret = tails(ways + nr_counted * row, row, counted_sum(r, nr));
	free(ways);
	return 0;
}

int rank_sum_test(const double *x, size_t nr_x, const double *y, size_t nr_y, struct rank_test *ret)
{
	size_t nr = nr_x + nr_y;
	CLEANUP(cleanup_free) struct ranked *r = calloc(nr + 1, sizeof(*r));
	double ties, n = (double)nr;

	if (!r)
		return -ENOMEM;
	for (size_t i = 0; i < nr_x; i++)
		r[i].value = x[i];
	for (size_t i = 0; i < nr_y; i++)
		r[nr_x + i] = (struct ranked){.value = y[i], .counted = true};
	ties = give_ranks(r, nr);
	if (nr <= RANK_SUM_EXACT_MAXIMUM)
		return count_sums(r, nr, nr_y, ret);
	*ret = normal_tails((double)counted_sum(r, nr), (double)nr_y * (n + 1),
			    (double)nr_x * (double)nr_y / 3 * (n + 1 - ties / (n * (n - 1))));
	return 0;
}

/* ---- intervals ----------------------------------------------------------------------------- */

/*
 * Of @nr ordered values, the k-th from both ends, where @ways[s] outcomes of the statistic 0 ...
 * @nr leave s of the values below the truth: k as large as both tails together allow.
 */
static struct rank_interval cut_tails(double *values, size_t nr, const double *ways,
				      double confidence)
{
	double all = 0, tail = 0, allowed;
	size_t k = 0;

	for (size_t s = 0; s <= nr; s++)
		all += ways[s];
	allowed = (1 - confidence) / 2 * all * (1 + 1e-12);
	while (k < nr / 2 && tail + ways[k] <= allowed)
		tail += ways[k++];
	if (k == 0) /* so few values cannot be as sure as wanted */
		tail = ways[k++];
	qsort(values, nr, sizeof(*values), compare_doubles);
	return (struct rank_interval){
		.low = values[k - 1], .high = values[nr - k], .confidence = 1 - 2 * tail / all};
}

/* Where counting takes too long: as many outcomes, spread as the normal distribution is. */
static void spread_normally(double *ways, size_t nr, double variance)
{
	double mean = (double)nr / 2, below = 0;

	for (size_t s = 0; s <= nr; s++) {
		double to = erfc((mean - (double)s - 0.5) / sqrt(2 * variance)) / 2;

		ways[s] = to - below;
		below = to;
	}
}

int signed_rank_interval(const double *x, size_t nr, double confidence, struct rank_interval *ret)
{
	size_t nr_walsh = nr * (nr + 1) / 2, at = 0;
	CLEANUP(cleanup_free) double *walsh = calloc(nr_walsh, sizeof(*walsh));
	CLEANUP(cleanup_free) double *ways = calloc(nr_walsh + 1, sizeof(*ways));
	double n = (double)nr;

	if (!walsh || !ways)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++)
		for (size_t j = i; j < nr; j++)
			walsh[at++] = (x[i] + x[j]) / 2;
	if (nr > SIGNED_RANK_EXACT_MAXIMUM)
		spread_normally(ways, nr_walsh, n * (n + 1) * (2 * n + 1) / 24);
	else
		ways[0] = 1;
	for (size_t rank = 1; rank <= nr && nr <= SIGNED_RANK_EXACT_MAXIMUM; rank++)
		for (size_t s = nr_walsh + 1; s-- > rank;)
			ways[s] += ways[s - rank];
	*ret = cut_tails(walsh, nr_walsh, ways, confidence);
	return 0;
}

/* ways[k * row + s]: of the first values, k belong to the second sample and stand above s of the
 * first. */
static int count_pairs_above(double *ret_ways, size_t nr_x, size_t nr_y)
{
	size_t row = nr_x * nr_y + 1, nr = nr_x + nr_y;
	double *ways = calloc((nr_y + 1) * row, sizeof(*ways));

	if (!ways)
		return -ENOMEM;
	ways[0] = 1;
	for (size_t i = 0; i < nr; i++)
		for (size_t k = i + 1 < nr_y ? i + 1 : nr_y; k > 0; k--)
			/* value i is the k-th of its sample: i + 1 - k of the others are below */
			for (size_t s = row; s-- > i + 1 - k;)
				ways[k * row + s] += ways[(k - 1) * row + s - (i + 1 - k)];
	memcpy(ret_ways, ways + nr_y * row, row * sizeof(*ways));
	free(ways);
	return 0;
}

int rank_sum_interval(const double *x, size_t nr_x, const double *y, size_t nr_y, double confidence,
		      struct rank_interval *ret)
{
	size_t nr = nr_x * nr_y;
	CLEANUP(cleanup_free) double *shifts = calloc(nr, sizeof(*shifts));
	CLEANUP(cleanup_free) double *ways = calloc(nr + 1, sizeof(*ways));
	int r = 0;

	if (!shifts || !ways)
		return -ENOMEM;
	for (size_t i = 0; i < nr_x; i++)
		for (size_t j = 0; j < nr_y; j++)
			shifts[i * nr_y + j] = y[j] - x[i];
	if (nr_x + nr_y > RANK_SUM_EXACT_MAXIMUM)
		spread_normally(ways, nr, (double)nr * (double)(nr_x + nr_y + 1) / 12);
	else
		r = count_pairs_above(ways, nr_x, nr_y);
	if (r == 0)
		*ret = cut_tails(shifts, nr, ways, confidence);
	return r;
}

/* ---- many tests ---------------------------------------------------------------------------- */

static int compare_pointed(const void *left, const void *right)
{
	return compare_doubles(*(double *const *)left, *(double *const *)right);
}

int adjust_for_number(double *p, size_t nr)
{
	double **sorted = reallocarray(NULL, nr + 1, sizeof(*sorted));
	double least = 1;

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++)
		sorted[i] = &p[i];
	qsort(sorted, nr, sizeof(*sorted), compare_pointed);
	for (size_t i = nr; i-- > 0;) {
		least = fmin(least, *sorted[i] * (double)nr / (double)(i + 1));
		*sorted[i] = least;
	}
	free(sorted);
	return 0;
}
