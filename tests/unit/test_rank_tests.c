/* SPDX-License-Identifier: MIT */
/*
 * The statistics, against values that were not computed by them: published ones, and others counted
 * by going through every outcome there is.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <math.h>
#include <string.h>

#include "rank_tests.h"

#define MANY 12 /* values whose outcomes are all gone through: 4096 */

static bool is_near(double a, double b)
{
	return fabs(a - b) < 1e-9;
}

static uint64_t seed;

/* Deterministic, and coarse enough for ties and zeros where @steps is small. */
static double draw(unsigned steps)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (double)(int64_t)((seed >> 33) % (2 * steps + 1)) - (double)steps;
}

static double midrank(const double *x, size_t nr, double value)
{
	double below = 0, equal = 0;

	for (size_t i = 0; i < nr; i++) {
		below += x[i] < value;
		equal += x[i] >= value && x[i] <= value;
	}
	return below + (equal + 1) / 2;
}

/* ---- signed ranks -------------------------------------------------------------------------- */

/* All 2^n choices of signs. */
static struct rank_test signed_by_enumeration(const double *x, size_t nr)
{
	double size[MANY], rank[MANY], seen = 0, up = 0, down = 0;
	size_t n = 0, positive = 0;

	for (size_t i = 0; i < nr; i++) {
		if (x[i] < 0 || x[i] > 0) {
			positive |= (size_t)(x[i] > 0) << n;
			size[n++] = fabs(x[i]);
		}
	}
	for (size_t i = 0; i < n; i++)
		rank[i] = midrank(size, n, size[i]);
	for (size_t i = 0; i < n; i++)
		seen += positive >> i & 1 ? rank[i] : 0;
	for (size_t signs = 0; signs < (size_t)1 << n; signs++) {
		double sum = 0;

		for (size_t i = 0; i < n; i++)
			sum += signs >> i & 1 ? rank[i] : 0;
		up += sum >= seen;
		down += sum <= seen;
	}
	return (struct rank_test){up / ldexp(1, (int)n), down / ldexp(1, (int)n)};
}

Test(rank_tests, signed_ranks_agree_with_all_outcomes_ties_and_zeros_among_them)
{
	for (unsigned round = 0; round < 200; round++) {
		struct rank_test expected, seen;
		size_t nr = round % MANY + 1;
		double x[MANY];

		for (size_t i = 0; i < nr; i++)
			x[i] = draw(round % 3 == 0 ? 3 : 1000);
		expected = signed_by_enumeration(x, nr);
		cr_assert(eq(int, signed_rank_test(x, nr, &seen), 0));
		cr_expect(is_near(seen.p_greater, expected.p_greater), "round %u: %g, not %g",
			  round, seen.p_greater, expected.p_greater);
		cr_expect(is_near(seen.p_less, expected.p_less), "round %u", round);
	}
}

/* Hollander and Wolfe, example 3.1 (depression): T+ of the differences is 5, P = .0195. */
Test(rank_tests, signed_ranks_give_the_published_value)
{
	static const double before[] = {1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30};
	static const double after[] = {0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29};
	struct rank_test test;
	double x[ARRAY_SIZE(before)];

	for (size_t i = 0; i < ARRAY_SIZE(before); i++)
		x[i] = before[i] - after[i];
	cr_assert(eq(int, signed_rank_test(x, ARRAY_SIZE(x), &test), 0));
	cr_expect(is_near(test.p_greater, 10.0 / 512), "%g", test.p_greater);
}

Test(rank_tests, ten_pairs_all_slower_have_the_least_chance_there_is)
{
	static const double x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
	struct rank_test test;

	cr_assert(eq(int, signed_rank_test(x, 10, &test), 0));
	cr_expect(is_near(test.p_greater, 1.0 / 1024));
	cr_expect(is_near(test.p_less, 1));
}

Test(rank_tests, no_difference_at_all_is_certain_to_be_chance)
{
	static const double x[] = {0, 0, 0, 0};
	struct rank_test test;

	cr_assert(eq(int, signed_rank_test(x, 4, &test), 0));
	cr_expect(is_near(test.p_greater, 1) && is_near(test.p_less, 1));
	cr_assert(eq(int, signed_rank_test(x, 0, &test), 0));
	cr_expect(is_near(test.p_greater, 1));
}

/* The approximation must go on where counting ends. */
Test(rank_tests, many_signed_ranks_are_approximated_well)
{
	static double x[SIGNED_RANK_EXACT_MAXIMUM + 1];
	struct rank_test counted, approximated;

	for (size_t i = 0; i < ARRAY_SIZE(x); i++)
		x[i] = draw(1000) + 100;
	x[ARRAY_SIZE(x) - 1] = 0.5; /* one more, of the least rank */
	cr_assert(eq(int, signed_rank_test(x, ARRAY_SIZE(x) - 1, &counted), 0));
	cr_assert(eq(int, signed_rank_test(x, ARRAY_SIZE(x), &approximated), 0));
	cr_expect(lt(dbl, fabs(counted.p_greater - approximated.p_greater), 0.02), "%g %g",
		  counted.p_greater, approximated.p_greater);
	cr_expect(lt(dbl, fabs(counted.p_less - approximated.p_less), 0.02));
}

/* ---- rank sums ----------------------------------------------------------------------------- */

/* All ways to choose which values are the second sample's. */
static struct rank_test sums_by_enumeration(const double *x, size_t nr_x, const double *y,
					    size_t nr_y)
{
	size_t nr = nr_x + nr_y;
	double all[MANY], rank[MANY], seen = 0, up = 0, down = 0, ways = 0;

	memcpy(all, x, nr_x * sizeof(*x));
	memcpy(all + nr_x, y, nr_y * sizeof(*y));
	for (size_t i = 0; i < nr; i++)
		rank[i] = midrank(all, nr, all[i]);
	for (size_t i = nr_x; i < nr; i++)
		seen += rank[i];
	for (size_t chosen = 0; chosen < (size_t)1 << nr; chosen++) {
		double sum = 0;

		if ((size_t)__builtin_popcountl(chosen) != nr_y)
			continue;
		for (size_t i = 0; i < nr; i++)
			sum += chosen >> i & 1 ? rank[i] : 0;
		ways++;
		up += sum >= seen;
		down += sum <= seen;
	}
	return (struct rank_test){up / ways, down / ways};
}

Test(rank_tests, rank_sums_agree_with_all_outcomes_ties_among_them)
{
	for (unsigned round = 0; round < 200; round++) {
		size_t nr_x = round % 6 + 1, nr_y = round / 6 % 6 + 1;
		struct rank_test expected, seen;
		double x[6], y[6];

		for (size_t i = 0; i < 6; i++) {
			x[i] = draw(round % 3 == 0 ? 3 : 1000);
			y[i] = draw(round % 3 == 0 ? 3 : 1000);
		}
		expected = sums_by_enumeration(x, nr_x, y, nr_y);
		cr_assert(eq(int, rank_sum_test(x, nr_x, y, nr_y, &seen), 0));
		cr_expect(is_near(seen.p_greater, expected.p_greater), "round %u: %g, not %g",
			  round, seen.p_greater, expected.p_greater);
		cr_expect(is_near(seen.p_less, expected.p_less), "round %u", round);
	}
}

/* Hollander and Wolfe, example 4.1 (permeability of membranes): P = .1272. */
Test(rank_tests, rank_sums_give_the_published_value)
{
	static const double at_term[] = {0.80, 0.83, 1.89, 1.04, 1.45,
					 1.38, 1.91, 1.64, 0.73, 1.46};
	static const double before[] = {1.15, 0.88, 0.90, 0.74, 1.21};
	struct rank_test test;

	cr_assert(eq(int, rank_sum_test(before, 5, at_term, 10, &test), 0));
	cr_expect(lt(dbl, fabs(test.p_greater - 0.1272), 5e-5), "%g", test.p_greater);
}

Test(rank_tests, many_rank_sums_are_approximated_well)
{
	static double x[RANK_SUM_EXACT_MAXIMUM / 2 + 1], y[RANK_SUM_EXACT_MAXIMUM / 2];
	struct rank_test counted, approximated;

	for (size_t i = 0; i < ARRAY_SIZE(x); i++)
		x[i] = draw(1000);
	for (size_t i = 0; i < ARRAY_SIZE(y); i++)
		y[i] = draw(1000) + 150;
	x[ARRAY_SIZE(x) - 1] = 75.5; /* one more, in the middle of both */
	cr_assert(eq(int, rank_sum_test(x, ARRAY_SIZE(x) - 1, y, ARRAY_SIZE(y), &counted), 0));
	cr_assert(eq(int, rank_sum_test(x, ARRAY_SIZE(x), y, ARRAY_SIZE(y), &approximated), 0));
	cr_expect(lt(dbl, fabs(counted.p_greater - approximated.p_greater), 0.02), "%g %g",
		  counted.p_greater, approximated.p_greater);
}

/* ---- intervals ----------------------------------------------------------------------------- */

static struct rank_test signed_chance(const double *x, size_t nr, double centre)
{
	struct rank_test test;
	double shifted[MANY];

	for (size_t i = 0; i < nr; i++)
		shifted[i] = x[i] - centre;
	cr_assert(eq(int, signed_rank_test(shifted, nr, &test), 0));
	return test;
}

/* An interval holds the centres that its test does not reject: just inside not, just outside yes.
 */
Test(rank_tests, interval_of_pairs_ends_where_the_test_begins_to_reject)
{
	for (unsigned round = 0; round < 100; round++) {
		struct rank_interval interval;
		size_t nr = 6 + round % 7;
		double x[MANY];

		for (size_t i = 0; i < nr; i++)
			x[i] = draw(1000000);
		cr_assert(eq(int, signed_rank_interval(x, nr, 0.95, &interval), 0));
		cr_expect(ge(dbl, interval.confidence, 0.95));
		cr_expect(le(dbl, signed_chance(x, nr, interval.low - 1e-3).p_greater, 0.025));
		cr_expect(gt(dbl, signed_chance(x, nr, interval.low + 1e-3).p_greater, 0.025));
		cr_expect(le(dbl, signed_chance(x, nr, interval.high + 1e-3).p_less, 0.025));
		cr_expect(gt(dbl, signed_chance(x, nr, interval.high - 1e-3).p_less, 0.025));
	}
}

static struct rank_test sum_chance(const double *x, size_t nr_x, const double *y, size_t nr_y,
				   double shift)
{
	struct rank_test test;
	double shifted[MANY];

	for (size_t i = 0; i < nr_y; i++)
		shifted[i] = y[i] - shift;
	cr_assert(eq(int, rank_sum_test(x, nr_x, shifted, nr_y, &test), 0));
	return test;
}

Test(rank_tests, interval_of_samples_ends_where_the_test_begins_to_reject)
{
	for (unsigned round = 0; round < 100; round++) {
		size_t nr_x = 5 + round % 4, nr_y = 5 + round % 5;
		struct rank_interval interval;
		double x[MANY], y[MANY];

		for (size_t i = 0; i < MANY; i++) {
			x[i] = draw(1000000);
			y[i] = draw(1000000);
		}
		cr_assert(eq(int, rank_sum_interval(x, nr_x, y, nr_y, 0.95, &interval), 0));
		cr_expect(ge(dbl, interval.confidence, 0.95));
		cr_expect(le(dbl, sum_chance(x, nr_x, y, nr_y, interval.low - 1e-3).p_greater,
			     0.025));
		cr_expect(gt(dbl, sum_chance(x, nr_x, y, nr_y, interval.low + 1e-3).p_greater,
			     0.025));
		cr_expect(
			le(dbl, sum_chance(x, nr_x, y, nr_y, interval.high + 1e-3).p_less, 0.025));
		cr_expect(
			gt(dbl, sum_chance(x, nr_x, y, nr_y, interval.high - 1e-3).p_less, 0.025));
	}
}

/* The critical value of 10 pairs at 5 % is 8: the interval is from the 9th Walsh average on. */
Test(rank_tests, ten_pairs_have_the_interval_of_the_tables)
{
	static const double x[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};
	struct rank_interval interval;

	cr_assert(eq(int, signed_rank_interval(x, 10, 0.95, &interval), 0));
	/* 1 1.5 2 2.5 3 4 4.5 5 6: the ordered Walsh averages begin like this */
	cr_expect(is_near(interval.low, 6), "%g", interval.low);
	cr_expect(is_near(interval.confidence, 1 - 2 * 25.0 / 1024), "%g", interval.confidence);
}

Test(rank_tests, few_values_give_all_they_can_and_say_how_sure_it_is)
{
	static const double x[] = {3, 1, 2};
	struct rank_interval interval;

	cr_assert(eq(int, signed_rank_interval(x, 3, 0.95, &interval), 0));
	cr_expect(is_near(interval.low, 1) && is_near(interval.high, 3));
	cr_expect(is_near(interval.confidence, 0.75));
	cr_assert(eq(int, rank_sum_interval(x, 1, x + 1, 2, 0.95, &interval), 0));
	cr_expect(is_near(interval.low, -2) && is_near(interval.high, -1));
	cr_expect(is_near(interval.confidence, 1.0 / 3));
}

Test(rank_tests, intervals_of_many_values_go_on_where_counting_ends)
{
	static double x[SIGNED_RANK_EXACT_MAXIMUM + 1];
	struct rank_interval counted, approximated;

	for (size_t i = 0; i < ARRAY_SIZE(x); i++)
		x[i] = draw(1000);
	cr_assert(eq(int, signed_rank_interval(x, ARRAY_SIZE(x) - 1, 0.95, &counted), 0));
	cr_assert(eq(int, signed_rank_interval(x, ARRAY_SIZE(x), 0.95, &approximated), 0));
	cr_expect(lt(dbl, fabs(counted.low - approximated.low), 20));
	cr_expect(lt(dbl, fabs(counted.high - approximated.high), 20));
	cr_assert(eq(int, rank_sum_interval(x, 30, x + 30, 30, 0.95, &counted), 0));
	cr_assert(eq(int, rank_sum_interval(x, 30, x + 30, 31, 0.95, &approximated), 0));
	cr_expect(lt(dbl, fabs(counted.low - approximated.low), 60));
	cr_expect(lt(dbl, fabs(counted.high - approximated.high), 60));
}

/* ---- medians, many tests ------------------------------------------------------------------- */

Test(rank_tests, medians)
{
	double odd[] = {3, 1, 2}, even[] = {4, 1, 3, 2}, one[] = {7};

	cr_expect(is_near(median_of(odd, 3), 2));
	cr_expect(is_near(median_of(even, 4), 2.5));
	cr_expect(is_near(median_of(one, 1), 7));
}

/* Benjamini and Hochberg 1995, section 3.1: at 5 % the four smallest are rejected. */
Test(rank_tests, published_chances_are_corrected_as_published)
{
	static const double published[] = {0.0001, 0.0004, 0.0019, 0.0095, 0.0201,
					   0.0278, 0.0298, 0.0344, 0.0459, 0.3240,
					   0.4262, 0.5719, 0.6528, 0.7590, 1.0000};
	double p[ARRAY_SIZE(published)];
	size_t rejected = 0;

	memcpy(p, published, sizeof(p));
	cr_assert(eq(int, adjust_for_number(p, ARRAY_SIZE(p)), 0));
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		rejected += p[i] <= 0.05;
	cr_expect(eq(sz, rejected, 4));
	cr_expect(is_near(p[0], 0.0015));
	cr_expect(is_near(p[3], 0.0095 * 15 / 4));
	cr_expect(is_near(p[14], 1));
}

Test(rank_tests, correction_keeps_the_order_of_the_caller)
{
	double p[] = {0.9, 0.01, 0.02}, none[1];

	cr_assert(eq(int, adjust_for_number(p, 3), 0));
	cr_expect(is_near(p[0], 0.9) && is_near(p[1], 0.03) && is_near(p[2], 0.03));
	cr_expect(eq(int, adjust_for_number(none, 0), 0));
}
