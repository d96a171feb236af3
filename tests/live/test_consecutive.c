/* SPDX-License-Identifier: MIT */
/* A command that is run several times: the best of its runs is what is reported. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profiled.h"

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define SERIES	   SOURCE_DIR "/tests/fixtures/live/series"

/* @plan: milliseconds of CPU time of each run in turn; "!": it fails */
static void run_plan(const char *plan, const char *const *options, struct profiled *p)
{
	char *directory = directory_make(), *state = path_join(directory, "state");

	skip_unless_profiling(BPROF_PERF, "lua5.4");
	profiled_run(BPROF_PERF, SERIES, NULL, options, WORDS("lua5.4", "plan.lua", state, plan),
		     p);
	free(state);
	directory_remove(directory);
}

static void expect_best(const struct profiled *p, long long best, long long nr, const char *end)
{
	yajl_val tried;

	cr_assert(p->profile != NULL, "%s", p->run.err.data);
	tried = json_at(p->profile, "runs.tried");
	cr_expect(json_int_at(p->profile, "runs.best") == best, "%s", p->run.err.data);
	cr_assert((long long)json_length(tried) == nr, "%s", p->run.err.data);
	cr_expect(strcmp(json_string_at(p->profile, "runs.ended_by"), end) == 0, "%s",
		  p->run.err.data);
	/* the recording is that run's, and the sampled CPU time is its own */
	cr_expect(json_int_at(p->profile, "cpu_ns") ==
		  json_int_at(json_item(tried, (size_t)best), "cpu_ns"));
	cr_expect(json_int_at(p->profile, "wall_ns") ==
		  json_int_at(json_item(tried, (size_t)best), "wall_ns"));
}

Test(consecutive, the_best_run_is_reported)
{
	struct profiled p;

	run_plan("150,60,150,150", WORDS("--testing-method=consecutive-2", "--best-by=cpu"), &p);
	cr_expect(p.run.status == 0);
	expect_best(&p, 1, 4, "no_better");
	cr_expect(json_int_at(p.profile, "cpu_ns") < 120000000);
	cr_expect(strstr(p.run.err.data, "run 2, the best by CPU time of 4") != NULL, "%s",
		  p.run.err.data);
	profiled_done(&p);
}

Test(consecutive, a_run_that_failed_never_wins_and_is_told)
{
	struct profiled p;

	run_plan("150,!,150", WORDS("--testing-method=consecutive-2", "--best-by=cpu"), &p);
	cr_expect(p.run.status == 7, "status %d", p.run.status);
	cr_assert(p.profile != NULL, "%s", p.run.err.data);
	cr_expect(json_int_at(p.profile, "exit_status") == 0, "that of the run that is reported");
	cr_expect(strstr(p.run.err.data, "runs failed; the exit status is") != NULL, "%s",
		  p.run.err.data);
	profiled_done(&p);
}

Test(consecutive, it_ends_at_its_limit)
{
	struct profiled p;

	run_plan("150,100,50,20", WORDS("--testing-method=consecutive-5", "--max-runs=3"), &p);
	cr_expect(p.run.status == 0);
	cr_assert(p.profile != NULL, "%s", p.run.err.data);
	cr_expect(json_length(json_at(p.profile, "runs.tried")) == 3);
	cr_expect(strcmp(json_string_at(p.profile, "runs.ended_by"), "max_runs") == 0);
	profiled_done(&p);
}

Test(consecutive, a_normal_run_has_no_series)
{
	struct profiled p;

	run_plan("20", WORDS("--testing-method=normal"), &p);
	cr_assert(p.profile != NULL, "%s", p.run.err.data);
	cr_expect(!yajl_tree_get(p.profile, (const char *[]){"runs", NULL}, yajl_t_any));
	profiled_done(&p);
}

/* Where cycles are counted they decide; elsewhere nothing runs, and the reason is said. */
Test(consecutive, the_best_by_cycles_needs_a_counter)
{
	struct profiled p;

	run_plan("150,60,150,150", WORDS("--testing-method=consecutive-2", "--best-by=cycles"), &p);
	if (p.run.status == 125) {
		cr_expect(strstr(p.run.err.data, "cycles are not counted on this machine: ") !=
				  NULL,
			  "%s", p.run.err.data);
		cr_expect(p.profile == NULL);
	} else {
		cr_expect(p.run.status == 0, "%s", p.run.err.data);
		expect_best(&p, 1, 4, "no_better");
		cr_expect(
			json_int_at(p.profile, "meters.cycles_user") ==
			json_int_at(json_item(json_at(p.profile, "runs.tried"), 1), "cycles_user"));
	}
	profiled_done(&p);
}

/* Four rounds of one process: as many tests, in one profile. */
Test(consecutive, a_warm_process_has_rounds)
{
	struct profiled p;

	skip_unless_profiling(BPROF_PERF, "luajit");
	profiled_run(BPROF_PERF, SOURCE_DIR "/tests/fixtures/live/counted", NULL,
		     WORDS("--testing-method=2", "--warm=repeat", "--best-by=cpu"),
		     WORDS("luajit", "/usr/bin/busted", "--filter=once"), &p);
	cr_assert(p.run.status == 0 && p.profile, "%s", p.run.err.data);
	cr_expect(strcmp(json_string_at(p.profile, "runs.warm"), "repeat") == 0);
	cr_expect(json_length(json_at(p.profile, "runs.tried")) == 4);
	cr_expect(json_length(json_at(p.profile, "tests")) == 4);
	for (size_t i = 0; i < 4; i++) {
		yajl_val test = json_item(json_at(p.profile, "tests"), i);
		yajl_val round = json_item(json_at(p.profile, "runs.tried"), i);

		cr_expect(json_int_at(test, "iteration") == (long long)i + 1);
		cr_expect(json_int_at(round, "cpu_ns") ==
			  json_int_at(test, "cpu_ns") + json_int_at(test, "fixtures.cpu_ns"));
	}
	cr_expect(strstr(p.run.err.data, "in one process") != NULL, "%s", p.run.err.data);
	profiled_done(&p);
}
