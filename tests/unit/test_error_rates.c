/* SPDX-License-Identifier: MIT */
/*
 * How often the rule is wrong, on noise that is made here, with fixed seeds: a suite of 30 tests
 * against itself and with more work planted, through all looks, as comparisons in turns go.
 *
 * The noise is that of real suites with a full collection before each test: spreads of 1.2 to 10 %
 * by what a test does, more below 0.5 ms; one value in 30 is up to twice as large; runs drift, and
 * share a part of their noise with their tests. tests/bench/error_rates.py measures the same for
 * real.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "judge.h"

#define MOST_PAIRS   30
#define MOST_TESTS   300
#define SUITE_TESTS  30
#define FLOOR_NS     50e3
#define FOUND_FROM   1e6 /* ns: the promise is of tests that cost at least this */
#define PLANTED_EACH 5	 /* every fifth test */

static uint64_t seed;

static double even(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return ((double)(seed >> 11) + 0.5) * 0x1p-53;
}

static double normal(void)
{
	return sqrt(-2 * log(even())) * cos(2 * M_PI * even());
}

/* ---- a machine ----------------------------------------------------------------------------- */

struct machine {
	double spread;	 /* times that of a quiet one */
	double slow;	 /* of the values: 1.5 to 2 times too large */
	double together; /* noise that all tests of a run share */
};

static const struct machine quiet = {1, 0.03, 0.01}, busy = {3, 0.1, 0.05};

static double nominal_ns(size_t test)
{
	static const double ms[] = {0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 50};

	return ms[test / 3 % ARRAY_SIZE(ms)] * 1e6;
}

/* Arithmetic, strings, tables. */
static double spread_of(size_t test)
{
	static const double of_kind[] = {0.018, 0.05, 0.07}, of_short[] = {0.09, 0.12, 0.2};

	return nominal_ns(test) < 0.5e6 ? of_short[test % 3] : of_kind[test % 3];
}

static double value_of(size_t test, const struct machine *m, double run, double more)
{
	double v =
		nominal_ns(test) * (1 + more) * exp(run + m->spread * spread_of(test) * normal());

	return even() < m->slow ? v * (1.5 + even() / 2) : v;
}

/* ---- a comparison -------------------------------------------------------------------------- */

static double values[NR_SIDES][MOST_TESTS + 1][MOST_PAIRS]; /* the last is the suite */
static struct element elements[MOST_TESTS + 1];
static size_t nr_tests, nr_pairs[MOST_TESTS + 1];

static bool is_planted(size_t test)
{
	return test % PLANTED_EACH == 2;
}

static void run_all(const struct machine *m, double planted)
{
	memset(values, 0, sizeof(values));
	for (size_t pair = 0; pair < MOST_PAIRS; pair++) {
		double drift = 0.03 * normal();

		for (size_t side = 0; side < NR_SIDES; side++) {
			double run = drift + m->together * normal();

			for (size_t t = 0; t < nr_tests; t++) {
				double more = side == SIDE_HEAD && is_planted(t) ? planted : 0;

				values[side][t][pair] = value_of(t, m, run, more);
				values[side][nr_tests][pair] += values[side][t][pair];
			}
		}
	}
}

static void look(double share)
{
	const struct compare_opts usual = {.warn_at = 0.05, .fail_at = 0.1, .share = share};

	for (size_t i = 0; i <= nr_tests; i++) {
		double sides[NR_SIDES][MOST_PAIRS];

		for (size_t side = 0; side < NR_SIDES; side++)
			memcpy(sides[side], values[side][i], sizeof(sides[side]));
		elements[i] = (struct element){.kind = i < nr_tests ? ELEMENT_TEST : ELEMENT_SUITE};
		cr_assert(judge_measure(sides[SIDE_BASE], nr_pairs[i], sides[SIDE_HEAD],
					nr_pairs[i], true, &elements[i]) == 0);
	}
	cr_assert(judge_call(elements, nr_tests + 1, &usual, FLOOR_NS) == 0);
}

/* More pairs for those that are undecided alone. */
static void compare(const struct machine *m, double planted)
{
	run_all(m, planted);
	for (size_t i = 0; i <= nr_tests; i++)
		nr_pairs[i] = compare_looks[0].pairs;
	for (size_t l = 0; l < NR_COMPARE_LOOKS; l++) {
		look(compare_looks[l].share);
		for (size_t i = 0; i <= nr_tests && l + 1 < NR_COMPARE_LOOKS; i++)
			if (elements[i].undecided)
				nr_pairs[i] = compare_looks[l + 1].pairs;
	}
}

/* ---- what came of it ----------------------------------------------------------------------- */

struct rates {
	size_t comparisons, failed_falsely, called_falsely;
	size_t planted, found, failed, called_same;
	size_t unplanted, noisy, first_look;
};

static void count(struct rates *r)
{
	bool failed = false, called = false;

	for (size_t i = 0; i < nr_tests; i++) {
		const struct element *e = &elements[i];

		r->first_look += nr_pairs[i] == compare_looks[0].pairs;
		if (is_planted(i)) {
			if (nominal_ns(i) < FOUND_FROM)
				continue;
			r->planted++;
			r->found += e->verdict == VERDICT_SLOWER;
			r->failed += e->fails;
			r->called_same +=
				e->verdict == VERDICT_SAME || e->verdict == VERDICT_FASTER;
			continue;
		}
		r->unplanted++;
		r->noisy += e->verdict == VERDICT_NOISY;
		failed |= e->fails;
		called |= e->verdict == VERDICT_SLOWER;
	}
	r->comparisons++;
	r->failed_falsely += failed;
	r->called_falsely += called;
}

static struct rates simulate(const char *name, const struct machine *m, size_t tests, size_t nr,
			     double planted)
{
	struct rates r = {0};

	nr_tests = tests;
	for (size_t i = 0; i < nr; i++) {
		compare(m, planted);
		count(&r);
	}
	fprintf(stderr,
		"%s: %zu comparisons, false failures %.2f %%, false calls %.2f %%, noisy %.1f %%, "
		"decided at once %.1f %%",
		name, nr, 100.0 * r.failed_falsely / nr, 100.0 * r.called_falsely / nr,
		100.0 * r.noisy / r.unplanted, 100.0 * r.first_look / (nr * tests));
	if (planted > 0)
		fprintf(stderr, "; planted %zu: found %.1f %%, failed %.1f %%, called same %.1f %%",
			r.planted, 100.0 * r.found / r.planted, 100.0 * r.failed / r.planted,
			100.0 * r.called_same / r.planted);
	fputc('\n', stderr);
	return r;
}

TestSuite(error_rates, .timeout = 120);

Test(error_rates, the_same_code_fails_a_build_in_less_than_1_percent)
{
	struct rates r;

	seed = 1;
	r = simulate("same, quiet", &quiet, SUITE_TESTS, 1000, 0);
	cr_expect(le(sz, r.failed_falsely, r.comparisons / 100));
	cr_expect(le(sz, r.called_falsely, r.comparisons / 20));
}

Test(error_rates, nor_does_it_on_a_busy_machine_where_much_is_too_noisy)
{
	struct rates r;

	seed = 2;
	r = simulate("same, busy", &busy, SUITE_TESTS, 400, 0);
	cr_expect(le(sz, r.failed_falsely, r.comparisons / 100));
	cr_expect(gt(sz, r.noisy, r.unplanted / 10));
}

Test(error_rates, 10_percent_more_are_found)
{
	struct rates r;

	seed = 3;
	r = simulate("+10 %, quiet", &quiet, SUITE_TESTS, 300, 0.1);
	cr_expect(ge(dbl, (double)r.found / r.planted, 0.95));
	cr_expect(le(sz, r.called_same, r.planted / 100));
	cr_expect(le(sz, r.failed_falsely, r.comparisons / 50));
}

Test(error_rates, 20_percent_more_fail)
{
	struct rates r;

	seed = 4;
	r = simulate("+20 %, quiet", &quiet, SUITE_TESTS, 300, 0.2);
	cr_expect(ge(dbl, (double)r.failed / r.planted, 0.95));
	cr_expect(eq(sz, r.called_same, 0));
}

/* A test of 2 ms in a suite of 300 becomes 50 % slower: 10 pairs show it, and are enough to fail.
 */
Test(error_rates, ten_pairs_find_one_slow_test_in_a_large_suite)
{
	const size_t slow = 12, rounds = 100;
	size_t found = 0, failed = 0;

	seed = 5;
	nr_tests = MOST_TESTS;
	for (size_t round = 0; round < rounds; round++) {
		run_all(&(struct machine){0.5, 0.01, 0.01}, 0);
		for (size_t pair = 0; pair < MOST_PAIRS; pair++)
			values[SIDE_HEAD][slow][pair] *= 1.5;
		for (size_t i = 0; i <= nr_tests; i++)
			nr_pairs[i] = compare_looks[0].pairs;
		look(compare_looks[0].share);
		found += elements[slow].verdict == VERDICT_SLOWER;
		failed += elements[slow].fails;
	}
	fprintf(stderr, "one of %d: found %zu, failed %zu of %zu\n", MOST_TESTS, found, failed,
		rounds);
	cr_expect(ge(sz, found, rounds * 9 / 10));
}
