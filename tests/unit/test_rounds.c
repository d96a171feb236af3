/* SPDX-License-Identifier: MIT */
/* The best of the rounds of one process: sums of tests, and the rule for runs applied to them. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>

#include "report/rounds.h"

#define MS 1000000U

TestSuite(rounds, .timeout = 10);

static struct test test(uint32_t iteration, uint64_t body_ms, uint64_t fixtures_ms)
{
	struct test t = {.iteration = iteration,
			 .status = TEST_SUCCESS,
			 .body = {.wall_ns = 2 * body_ms * MS, .cpu_ns = body_ms * MS},
			 .fixtures = {.wall_ns = fixtures_ms * MS, .cpu_ns = fixtures_ms * MS}};

	t.body.meters.value[BPROF_METER_CYCLES_USER] = PROFILE_UNKNOWN;
	t.body.meters.value[BPROF_METER_INSTRUCTIONS_USER] = 100 - body_ms;
	return t;
}

static struct run_series fill(const char *text, struct test *tests, size_t nr)
{
	const struct profile p = {.tests = tests, .nr_tests = nr};
	struct run_series s;

	cr_assert(rounds_fill(text, &p, &s) == 0);
	return s;
}

Test(rounds, are_sums_of_their_tests_and_the_least_is_the_best)
{
	struct test tests[] = {test(1, 20, 1), test(1, 30, 0), test(2, 10, 5), test(2, 20, 0),
			       test(3, 20, 0), test(3, 16, 0), test(4, 35, 0), test(5, 1, 0)};
	struct run_series s = fill("2 cpu", tests, ARRAY_SIZE(tests));

	cr_expect(s.warm && s.nr_tried == 5 && s.patience == 2);
	cr_expect(s.tried[0].cpu_ns == 51 * MS && s.tried[0].wall_ns == 101 * MS);
	cr_expect(s.tried[1].cpu_ns == 35 * MS);
	cr_expect(s.best == 1, "two in a row were not better: what follows does not count");
	cr_expect(s.end == SERIES_NO_BETTER);
	cr_expect(s.tried[0].cycles == PROFILE_UNKNOWN && s.tried[0].instructions == 150);
	free(s.tried);
	s = fill("4 cpu", tests, ARRAY_SIZE(tests));
	cr_expect(s.best == 4 && s.end == SERIES_MAX_RUNS);
	free(s.tried);
}

Test(rounds, with_a_failing_test_never_win)
{
	struct test tests[] = {test(1, 20, 0), test(2, 5, 0), test(3, 9, 0)};
	struct run_series s;

	tests[1].status = TEST_FAILURE;
	s = fill("5 cpu", tests, ARRAY_SIZE(tests));
	cr_expect(s.best == 2 && s.tried[1].exit_status == 1);
	free(s.tried);
	tests[0].incomplete = true;
	tests[2].status = TEST_PENDING;
	s = fill("5 cpu", tests, ARRAY_SIZE(tests));
	cr_expect(s.best == 2 && s.tried[0].exit_status == 1 && s.tried[2].exit_status == 0);
	free(s.tried);
}

Test(rounds, of_nonsense_are_none)
{
	static const char *const bad[] = {"", "x cpu", "0 cpu", "3", "3 luck"};
	struct test tests[] = {test(1, 20, 0)};
	const struct profile p = {.tests = tests, .nr_tests = 1}, none = {0};
	struct run_series s;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect(rounds_fill(bad[i], &p, &s) == -EBADMSG && !s.tried, "'%s'", bad[i]);
	cr_expect(rounds_fill("3 cpu", &none, &s) == -EBADMSG);
	tests[0].iteration = UINT32_MAX;
	cr_expect(rounds_fill("3 cpu", &p, &s) == -EBADMSG, "a number from a broken recording");
}
