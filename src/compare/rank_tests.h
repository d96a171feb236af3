/* SPDX-License-Identifier: MIT */
/*
 * The two rank tests, one-sided, and the intervals that belong to them.
 *
 * Exact by the permutation distribution of the midranks, so ties need no correction, up to a number
 * of values; beyond, the normal approximation with corrections for ties and continuity.
 *
 * Source: Hollander, Wolfe, Chicken: Nonparametric Statistical Methods, 3rd edition, 3.1 to 3.3
 * and 4.1 to 4.3; R's wilcox.test() for the order statistics of the intervals.
 */
#ifndef BPROF_COMPARE_RANK_TESTS_H
#define BPROF_COMPARE_RANK_TESTS_H

#include "base.h"

/* Values up to which outcomes are counted; of both samples together for rank sums. */
#define SIGNED_RANK_EXACT_MAXIMUM 120
#define RANK_SUM_EXACT_MAXIMUM	  60

/* Chances under "no difference" of a statistic as far up, or as far down, as the one seen. */
struct rank_test {
	double p_greater, p_less;
};

/**
 * signed_rank_test() - Wilcoxon: are the @x mostly above, or below, 0?
 * @x: differences of pairs; zeros say nothing and are left out. NULL only if @nr is 0
 *
 * Return: 0 with p = 1 where nothing is left; -ENOMEM.
 */
int signed_rank_test(const double *x, size_t nr, struct rank_test *ret) MUST_CHECK;

/**
 * rank_sum_test() - Mann and Whitney: is @y mostly above, or below, @x?
 *
 * Return: 0; -ENOMEM.
 */
int rank_sum_test(const double *x, size_t nr_x, const double *y, size_t nr_y,
		  struct rank_test *ret) MUST_CHECK;

/* An interval and how often such an interval holds the true value. */
struct rank_interval {
	double low, high, confidence;
};

/**
 * signed_rank_interval() - of the centre of @x: between two of its ordered Walsh averages
 * @confidence: wanted; where so few values cannot have it, the widest interval is given, with its
 *              own
 * @nr: at least 1
 */
int signed_rank_interval(const double *x, size_t nr, double confidence,
			 struct rank_interval *ret) MUST_CHECK;

/* Of the shift from @x to @y: between two of the ordered differences. @nr_x, @nr_y at least 1. */
int rank_sum_interval(const double *x, size_t nr_x, const double *y, size_t nr_y, double confidence,
		      struct rank_interval *ret) MUST_CHECK;

/* Sorts @x. @nr at least 1; of an even number, the mean of the middle two. */
double median_of(double *x, size_t nr);

/**
 * adjust_for_number() - Benjamini and Hochberg: p values of @nr tests, corrected for their number
 *
 * If nothing differs at all, the chance that any of them comes out below a is at most a; if things
 * do differ, the expected share of wrong ones among those below a is at most a. For tests that are
 * independent or depend on each other positively, as tests of one run do.
 * Source: Benjamini, Hochberg 1995; Benjamini, Yekutieli 2001 for the dependence.
 *
 * Return: 0; -ENOMEM.
 */
int adjust_for_number(double *p, size_t nr) MUST_CHECK;

#endif
