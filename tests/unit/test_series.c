/* SPDX-License-Identifier: MIT */
/* Best of consecutive N: when it ends, which run wins, and how it is written down. */
#include <criterion/criterion.h>

#include <errno.h>

#include "cli/series.c"

#include "report/runs.h"

#define MS 1000000U

TestSuite(series, .timeout = 10);
TestSuite(runs, .timeout = 10);

static int add(struct series *s, uint64_t wall_ms, uint64_t cpu_ms, int status)
{
	const struct run_tried run = {
		.wall_ns = wall_ms * MS, .cpu_ns = cpu_ms * MS, .exit_status = status};

	cr_assert(!s->over, "a run after the end");
	return series_add(s, &run);
}

Test(series, ends_after_n_runs_that_were_not_faster)
{
	struct series s;

	series_begin(&s, 2, BEST_BY_WALL, 100, UINT64_MAX);
	cr_expect(add(&s, 50, 9, 0) == 1);
	cr_expect(add(&s, 60, 8, 0) == 0);
	cr_expect(add(&s, 40, 9, 0) == 1, "faster: the count begins again");
	cr_expect(add(&s, 40, 7, 0) == 0, "as fast is not faster");
	cr_expect(!s.over);
	cr_expect(add(&s, 41, 7, 0) == 0);
	cr_expect(s.over && s.runs.end == SERIES_NO_BETTER);
	cr_expect(s.runs.best == 2 && s.runs.nr_tried == 5);
	cr_expect(series_exit_status(&s) == 0);
	series_done(&s);
}

Test(series, the_best_may_be_that_of_least_cpu_time)
{
	struct series s;

	series_begin(&s, 1, BEST_BY_CPU, 100, UINT64_MAX);
	cr_expect(add(&s, 50, 9, 0) == 1);
	cr_expect(add(&s, 60, 8, 0) == 1);
	cr_expect(add(&s, 10, 8, 0) == 0);
	cr_expect(s.over && s.runs.best == 1);
	series_done(&s);
}

Test(series, the_best_may_be_that_of_fewest_cycles_or_instructions)
{
	static const struct run_tried runs[] = {
		{9, 1, 500, 90, 0}, {1, 9, 400, 95, 0}, {1, 1, PROFILE_UNKNOWN, 80, 0}};
	struct series s;

	series_begin(&s, 5, BEST_BY_CYCLES, 3, UINT64_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		cr_assert(series_add(&s, &runs[i]) >= 0);
	cr_expect(s.runs.best == 1, "what was not counted is not better");
	series_done(&s);
	series_begin(&s, 5, BEST_BY_INSTRUCTIONS, 3, UINT64_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		cr_assert(series_add(&s, &runs[i]) >= 0);
	cr_expect(s.runs.best == 2);
	series_done(&s);
}

Test(series, a_run_that_failed_never_wins)
{
	struct series s;

	series_begin(&s, 3, BEST_BY_WALL, 100, UINT64_MAX);
	cr_expect(add(&s, 10, 1, 1) == 1, "kept for want of another");
	cr_expect(add(&s, 50, 5, 0) == 1, "slower, but it passed");
	cr_expect(add(&s, 5, 1, 3) == 0);
	cr_expect(add(&s, 49, 5, 0) == 1);
	cr_expect(s.runs.best == 3);
	cr_expect(series_nr_failed(&s) == 2);
	cr_expect(series_exit_status(&s) == 1, "the first failure is the answer");
	series_done(&s);
}

Test(series, of_failures_only_ends_too)
{
	struct series s;

	series_begin(&s, 2, BEST_BY_WALL, 100, UINT64_MAX);
	cr_expect(add(&s, 10, 1, 4) == 1);
	cr_expect(add(&s, 9, 1, 5) == 0);
	cr_expect(s.over && s.runs.best == 0 && series_exit_status(&s) == 4);
	series_done(&s);
}

Test(series, keeps_its_limits)
{
	struct series s;

	series_begin(&s, 10, BEST_BY_WALL, 2, UINT64_MAX);
	cr_expect(add(&s, 10, 1, 0) == 1);
	cr_expect(add(&s, 9, 1, 0) == 1);
	cr_expect(s.over && s.runs.end == SERIES_MAX_RUNS);
	series_done(&s);

	series_begin(&s, 10, BEST_BY_WALL, 100, 25 * MS);
	cr_expect(add(&s, 10, 1, 0) == 1);
	cr_expect(add(&s, 10, 1, 0) == 0);
	cr_expect(!s.over);
	cr_expect(add(&s, 10, 1, 0) == 0);
	cr_expect(s.over && s.runs.end == SERIES_MAX_TIME);
	series_stop(&s, SERIES_BROKEN);
	cr_expect(s.runs.end == SERIES_MAX_TIME, "the first reason counts");
	series_done(&s);
}

Test(runs, are_read_as_they_were_written)
{
	struct run_tried tried[] = {{1000, 900, 12, PROFILE_UNKNOWN, 0},
				    {UINT64_MAX - 1, 0, PROFILE_UNKNOWN, PROFILE_UNKNOWN, 139},
				    {7, 8, UINT64_MAX - 1, 9, 1}};
	const struct run_series series = {.patience = 10,
					  .best_by = BEST_BY_CPU,
					  .end = SERIES_INTERRUPTED,
					  .best = 2,
					  .tried = tried,
					  .nr_tried = 3};
	struct run_series read;
	struct buf text;

	buf_init(&text, 4096);
	cr_assert(runs_write(&series, &text) == 0);
	cr_assert(runs_read(text.data, &read) == 0);
	cr_expect(read.patience == 10 && read.best_by == BEST_BY_CPU && read.best == 2);
	cr_expect(read.end == SERIES_INTERRUPTED && read.nr_tried == 3);
	for (size_t i = 0; i < read.nr_tried; i++) {
		cr_expect(read.tried[i].wall_ns == tried[i].wall_ns);
		cr_expect(read.tried[i].cpu_ns == tried[i].cpu_ns);
		cr_expect(read.tried[i].cycles == tried[i].cycles);
		cr_expect(read.tried[i].instructions == tried[i].instructions);
		cr_expect(read.tried[i].exit_status == tried[i].exit_status);
	}
	free(read.tried);
	buf_done(&text);
}

/* Of recordings before cycles were among the figures. */
Test(runs, without_counters_are_read_still)
{
	struct run_series read;

	cr_assert(runs_read("10 wall no_better 0\n1 2 3\n", &read) == 0);
	cr_expect(read.tried[0].wall_ns == 1 && read.tried[0].exit_status == 3);
	cr_expect(read.tried[0].cycles == PROFILE_UNKNOWN);
	cr_expect(read.tried[0].instructions == PROFILE_UNKNOWN);
	free(read.tried);
}

Test(runs, that_are_nonsense_are_refused)
{
	static const char *const bad[] = {
		"",
		"10 wall no_better 0\n",
		"10 wall no_better 1\n1 2 0\n",
		"10 luck no_better 0\n1 2 0\n",
		"10 wall whatever 0\n1 2 0\n",
		"ten wall no_better 0\n1 2 0\n",
		"10 wall no_better 0\n1 2\n",
		"10 wall no_better 0\n1 2 0 4\n",
		"10 wall no_better 0\n1 2 0 - x\n",
		"10 wall no_better 0\n1 2 0 -- 4\n",
		"10 wall no_better 0\n1 2 0\n\n",
		"10 wallwallwallwallwallwall no_better 0\n1 2 0\n",
	};
	struct run_series read;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		cr_expect(runs_read(bad[i], &read) == -EBADMSG, "\"%s\"", bad[i]);
		cr_expect(read.nr_tried == 0 && read.tried == NULL);
	}
}
