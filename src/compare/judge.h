/* SPDX-License-Identifier: MIT */
/* The rule: values of both sides in, a verdict out. */
#ifndef BPROF_COMPARE_JUDGE_H
#define BPROF_COMPARE_JUDGE_H

#include "compare.h"

/* Chances of a false alarm, over all elements and all looks. */
#define CHANCE_TO_CALL 0.05
#define CHANCE_TO_FAIL 0.01
#define CONFIDENCE     0.95

/**
 * judge_measure() - medians, ratio, interval and raw p values of one element
 * @base, @head: values, above 0; reordered. Paired: value i of both is pair i
 * @nr_base, @nr_head: at least 1; paired: the same
 *
 * Fills the numbers of @e. Below COMPARE_LEAST_RUNS of a side: medians and ratio only.
 * Return: 0; -ENOMEM.
 */
int judge_measure(double *base, size_t nr_base, double *head, size_t nr_head, bool paired,
		  struct element *e) MUST_CHECK;

/* Once all elements are measured: corrects their p values and calls each. 0 or -ENOMEM. */
int judge_call(struct element *elements, size_t nr, const struct compare_opts *opts,
	       double floor) MUST_CHECK;

/* The ratios between which nothing has changed: by a relative threshold, or less than the floor. */
struct tolerated {
	double low, high;
};

struct tolerated judge_tolerated(double base, double threshold, double floor);

#endif
