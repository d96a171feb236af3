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

uint64_t statistics_total(const struct profile *p)
{
	uint64_t start = UINT64_MAX, end = 0;

	if (p->part)
		return p->phases[PHASE_TEST].costs.wall_ns;
	for (size_t i = 0; i < p->nr_nodes; i++) {
		const struct profile_node *node = &p->nodes[i];

		if (node->kind != NODE_SUITE)
			continue;
		start = node->start_ns < start ? node->start_ns : start;
		end = node->end_ns > end ? node->end_ns : end;
	}
	return end > start ? end - start : PROFILE_UNKNOWN;
}

/* A wrapper on another interpreter may have started the one that ran the tests. */
const char *profile_interpreter(const struct profile *p)
{
	for (size_t i = 0; i < p->nr_nodes; i++) {
		if (p->nodes[i].kind != NODE_SUITE)
			continue;
		for (size_t k = 0; k < p->nr_runtimes; k++)
			if (p->runtimes[k].pid == p->nodes[i].pid)
				return p->runtimes[k].version;
	}
	return p->nr_runtimes > 0 ? p->runtimes[0].version : NULL;
}
