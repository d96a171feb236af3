/* SPDX-License-Identifier: MIT */
/* Numbers as text, and statistics. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <locale.h>

#include <bprof/profile.h>

#include "number.h"
#include "statistics.h"

static void expect_text(const char *text, const char *expected)
{
	cr_expect(eq(str, (char *)text, (char *)expected));
}

static void check_duration(uint64_t ns, const char *expected)
{
	struct number number = number_duration(ns);

	cr_expect(eq(str, number.text, (char *)expected), "%llu", (unsigned long long)ns);
}

Test(output_numbers, durations_have_three_digits_and_a_unit)
{
	check_duration(0, "0 ns");
	check_duration(999, "999 ns");
	check_duration(1000, "1.00 us");
	check_duration(83500, "83.5 us");
	check_duration(840000, "840 us");
	check_duration(12300000, "12.3 ms");
	check_duration(1840000000, "1.84 s");
	check_duration(125000000000, "125 s");
	check_duration(754000000000, "12.6 min");
	check_duration(7200000000000, "2.00 h");
	check_duration(PROFILE_UNKNOWN, "-");
}

Test(output_numbers, a_duration_that_rounds_up_to_the_next_unit_is_written_in_it)
{
	check_duration(9994, "9.99 us");
	check_duration(9995, "10.0 us");
	check_duration(99949, "99.9 us");
	check_duration(99950, "100 us");
	check_duration(999499, "999 us");
	check_duration(999500, "1.00 ms");
	check_duration(999499999, "999 ms");
	check_duration(999500000, "1.00 s");
	check_duration(PROFILE_UNKNOWN - 1, "5124096 h");
}

Test(output_numbers, shares_have_one_decimal_and_no_share_of_nothing)
{
	expect_text(number_share(1, 3).text, "33.3 %");
	expect_text(number_share(2, 3).text, "66.7 %");
	expect_text(number_share(5, 5).text, "100.0 %");
	expect_text(number_share(0, 5).text, "0.0 %");
	expect_text(number_share(0, 0).text, "-");
	expect_text(number_share(PROFILE_UNKNOWN, 5).text, "-");
	expect_text(number_share(UINT64_MAX - 1, UINT64_MAX - 1).text, "100.0 %");
}

Test(output_numbers, microseconds_keep_every_nanosecond)
{
	expect_text(number_micros(0).text, "0.000");
	expect_text(number_micros(1).text, "0.001");
	expect_text(number_micros(1234567).text, "1234.567");
	expect_text(number_thousandths(1234567).text, "1234.567");
	expect_text(number_thousandths(1234560).text, "1234.56");
	expect_text(number_thousandths(1234500).text, "1234.5");
	expect_text(number_thousandths(1234050).text, "1234.05");
	expect_text(number_thousandths(1234000).text, "1234");
	expect_text(number_thousandths(0).text, "0");
	expect_text(number_micros(UINT64_MAX - 1).text, "18446744073709551.614");
}

Test(output_numbers, time_is_utc_in_iso_8601)
{
	expect_text(number_time(0).text, "1970-01-01T00:00:00.000Z");
	expect_text(number_time(1795166880123456789).text, "2026-11-20T09:28:00.123Z");
}

Test(output_numbers, an_estimate_is_marked)
{
	expect_text(number_estimate(24100000).text, "~24.1 ms");
	expect_text(number_estimate(PROFILE_UNKNOWN).text, "-");
}

/* ---- statistics ---------------------------------------------------------------------------- */

Test(output_numbers, statistics_of_a_known_set)
{
	uint64_t values[] = {9, 2, 4, 4, 5, 4, 7, 5};
	struct statistics s;

	statistics_compute(&s, values, 8);
	cr_expect(eq(u64, s.mean, 5));
	cr_expect(eq(u64, s.median, 5)); /* between 4 and 5, rounded up */
	cr_expect(eq(u64, s.deviation, 2));
	cr_expect(eq(u64, s.sample_deviation, 2));
	cr_expect(eq(u64, s.min, 2));
	cr_expect(eq(u64, s.max, 9));
	cr_expect(eq(u64, s.percentile_95, 9));
}

Test(output_numbers, statistics_of_one_value_and_of_none)
{
	uint64_t value = 7;
	struct statistics s;

	statistics_compute(&s, &value, 1);
	cr_expect(eq(u64, s.mean, 7));
	cr_expect(eq(u64, s.median, 7));
	cr_expect(eq(u64, s.deviation, 0));
	cr_expect(eq(u64, s.sample_deviation, PROFILE_UNKNOWN));
	cr_expect(eq(u64, s.percentile_95, 7));
	statistics_compute(&s, &value, 0);
	cr_expect(eq(sz, s.nr, 0));
}

Test(output_numbers, statistics_of_hours_do_not_overflow)
{
	uint64_t hour = 3600000000000ULL, values[] = {hour, 3 * hour, hour, 3 * hour};
	struct statistics s;

	statistics_compute(&s, values, 4);
	cr_expect(eq(u64, s.mean, 2 * hour));
	cr_expect(eq(u64, s.deviation, hour));
}

Test(output_numbers, the_95th_percentile_is_a_value_of_the_set)
{
	uint64_t values[100];
	struct statistics s;

	for (size_t i = 0; i < 100; i++)
		values[i] = 100 - i;
	statistics_compute(&s, values, 100);
	cr_expect(eq(u64, s.percentile_95, 95));
	cr_expect(eq(u64, s.median, 51));
}

Test(output_numbers, pending_and_unmeasured_tests_do_not_count)
{
	struct test tests[] = {
		{.status = TEST_SUCCESS, .body = {10, 10, 0}},
		{.status = TEST_PENDING, .body = {0, 0, 0}},
		{.status = TEST_FAILURE, .body = {20, 10, 0}},
		{.status = TEST_SUCCESS, .body = {PROFILE_UNKNOWN, PROFILE_UNKNOWN, 3}},
	};
	struct profile p = {.tests = tests, .nr_tests = 4};
	struct statistics s;

	cr_assert(eq(int, statistics_of_tests(&p, &s), 0));
	cr_expect(eq(sz, s.nr, 2));
	cr_expect(eq(u64, s.mean, 15));
}
