/* SPDX-License-Identifier: MIT */
/*
 * The few statistics of profile.json and the terminal. Integers only (see number.c): sums of
 * squares need 128 bits.
 */
#include "statistics.h"

#include <errno.h>

typedef unsigned __int128 wide;

static int compare_values(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* The nearest whole number to the square root: one bit of the result per round. */
static uint64_t square_root(wide n)
{
	uint64_t root = 0;

	for (int bit = 63; bit >= 0; bit--) {
		uint64_t trial = root | UINT64_C(1) << bit;

		if ((wide)trial * trial <= n)
			root = trial;
	}
	return n - (wide)root * root > root ? root + 1 : root;
}

static wide squared_distances(const uint64_t *values, size_t nr, uint64_t mean)
{
	wide sum = 0;

	for (size_t i = 0; i < nr; i++) {
		uint64_t distance = values[i] > mean ? values[i] - mean : mean - values[i];

		sum += (wide)distance * distance;
	}
	return sum;
}

void statistics_compute(struct statistics *ret, uint64_t *values, size_t nr)
{
	wide sum = 0, squares;

	*ret = (struct statistics){.nr = nr, .sample_deviation = PROFILE_UNKNOWN};
	if (nr == 0)
		return;
	qsort(values, nr, sizeof(*values), compare_values);
	for (size_t i = 0; i < nr; i++)
		sum += values[i];
	ret->mean = (uint64_t)((sum + nr / 2) / nr);
	ret->min = values[0];
	ret->max = values[nr - 1];
	ret->median = nr % 2 ? values[nr / 2]
			     : (uint64_t)(((wide)values[nr / 2 - 1] + values[nr / 2] + 1) / 2);
	ret->percentile_95 = values[(nr * 95 + 99) / 100 - 1];
	squares = squared_distances(values, nr, ret->mean);
	ret->deviation = square_root(squares / nr);
	if (nr > 1)
		ret->sample_deviation = square_root(squares / (nr - 1));
}

int statistics_of_tests(const struct profile *p, struct statistics *ret)
{
	CLEANUP(cleanup_free) uint64_t *values = NULL;
	size_t nr = 0;

	values = reallocarray(NULL, p->nr_tests + 1, sizeof(*values));
	if (!values)
		return -ENOMEM;
	for (size_t i = 0; i < p->nr_tests; i++) {
		const struct test *t = &p->tests[i];

		if (t->status != TEST_PENDING && t->body.wall_ns != PROFILE_UNKNOWN)
			values[nr++] = t->body.wall_ns;
	}
	statistics_compute(ret, values, nr);
	return 0;
}
