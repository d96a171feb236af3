/* SPDX-License-Identifier: MIT */
/*
 * Cycles of a real counter: samples are what was counted divided by the period, tests, phases and
 * what was taken off add up to the whole, and the whole is that of a counter of the kernel's that
 * all processes of the suite inherit. tools/cycles runs this in an emulated machine that has such a
 * counter, twice, and compares what it prints of each test.
 *
 * Needs root, BPF, a cycle counter, the interpreters and busted; skips with the reason otherwise.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "profiled.h"

#define CYCLES	       SOURCE_DIR "/tests/fixtures/live/cycles"
#define PERIOD	       "500000"
#define WRAPPER_CYCLES 300000
#define WRAPPER_FAULTS 150 /* at most: of a static program and of the exec before it */

/* 0 or -errno */
static int open_counter(void)
{
	struct perf_event_attr attr = {.size = sizeof(attr),
				       .type = PERF_TYPE_HARDWARE,
				       .config = PERF_COUNT_HW_CPU_CYCLES,
				       .exclude_kernel = 1};
	long fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return -errno;
	close((int)fd);
	return 0;
}

static void skip_without_a_counter(void)
{
	int r = open_counter();

	if (r < 0)
		cr_skip_test("no cycle counter on this machine: %s", strerror(-r));
}

static long long sum_of_phases(yajl_val profile, const char *path)
{
	yajl_val phases = json_at(profile, "phases");
	long long sum = 0;

	for (size_t i = 0; i < phases->u.object.len; i++)
		if (strcmp(phases->u.object.keys[i], "output") != 0)
			sum += json_int_at(phases->u.object.values[i], path);
	return sum;
}

static void check_sum(yajl_val profile, const char *path)
{
	char off[64];
	long long whole = json_int_at(profile, path), parts;

	snprintf(off, sizeof(off), "boundary_overhead.%s", path);
	parts = sum_of_phases(profile, path) + json_int_at(profile, off);
	cr_log_info("  %-27s %12lld, of tests, phases and boundaries %12lld", path, whole, parts);
	cr_expect(llabs(whole - parts) <= whole / 1000, "%s: %lld, its parts %lld", path, whole,
		  parts);
}

/*
 * The counter runs for all processes of a processor, and only the command's samples are its own:
 * the last of a period may be anybody's.
 */
static void check_samples(yajl_val profile)
{
	long long counted = json_int_at(profile, "meters.cycles_user");
	long long period = json_int_at(profile, "period");
	long long taken = json_int_at(profile, "samples.taken");
	long long off = taken - counted / period;

	cr_log_info("  %lld samples of %lld cycles each, %lld counted: %+lld", taken, period,
		    counted, off);
	cr_expect(llabs(off) <= 10 + counted / period / 50, "%lld samples too many", off);
	cr_expect(sum_of_phases(profile, "weight") ==
			  (taken - json_int_at(profile, "samples.lost") -
			   json_int_at(profile, "phases.output.samples")) *
				  period,
		  "the samples weigh %lld", sum_of_phases(profile, "weight"));
}

/* ---- the kernel's own sum ------------------------------------------------------------------ */

/* A counter of perf, inherited by all processes of a suite, and where its sum is written. */
struct inherited {
	char type[16], config[16];
	char *directory, *path;
};

static void inherited_begin(struct inherited *i, unsigned type, unsigned config)
{
	snprintf(i->type, sizeof(i->type), "%u", type);
	snprintf(i->config, sizeof(i->config), "%u", config);
	i->directory = directory_make();
	i->path = path_join(i->directory, "count");
}

/* What was counted; frees. */
static long long inherited_end(struct inherited *i)
{
	long long count = -1;
	FILE *file = fopen(i->path, "r");

	cr_assert(file && fscanf(file, "%lld", &count) == 1, "no count in %s", i->path);
	fclose(file);
	free(i->path);
	directory_remove(i->directory);
	return count;
}

/* Ours has the wrapper's start and end as well, which are not in its counter. */
static void expect_inherited(const char *what, long long ours, long long inherited, long long more)
{
	cr_log_info("  %-27s %12lld, by an inherited counter %12lld", what, ours, inherited);
	cr_expect(ours >= inherited && ours <= inherited + more, "%s: %lld, inherited %lld", what,
		  ours, inherited);
}

static void check_cycles(const char *interpreter)
{
	static const char *const names[] = {"adds", "calls", "divides"};
	struct inherited inherited;
	struct profiled p;
	long long whole;

	skip_without_a_counter();
	skip_unless_profiling(BPROF_PERF, interpreter);
	inherited_begin(&inherited, PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES);
	profiled_run(BPROF_PERF, CYCLES, NULL,
		     (const char *const[]){"-e", "cycles:u", "-c", PERIOD, NULL},
		     (const char *const[]){INHERITED_COUNTER, inherited.type, inherited.config,
					   inherited.path, interpreter, "/usr/bin/busted", "-o",
					   "TAP", NULL},
		     &p);
	cr_assert(p.run.status == 0 && p.profile, "status %d: %s", p.run.status, p.run.err.data);
	cr_expect(json_bool_at(p.profile, "event.hardware"));
	cr_expect_str_eq(json_string_at(p.profile, "event.unit"), "cycles");
	whole = json_int_at(p.profile, "meters.cycles_user");
	expect_inherited("meters.cycles_user", whole, inherited_end(&inherited),
			 whole / 1000 + WRAPPER_CYCLES);
	check_samples(p.profile);
	check_sum(p.profile, "meters.cycles_user");
	check_sum(p.profile, "meters.instructions_user");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		yajl_val test = profiled_test(p.profile, names[i]);

		cr_expect(json_int_at(test, "meters.uncounted_slices") == 0);
		cr_log_info("  cycles %s %s %lld", interpreter, names[i],
			    json_int_at(test, "meters.cycles_user"));
	}
	profiled_done(&p);
}

Test(cycles, of_lua_5_1)
{
	check_cycles("lua5.1");
}

Test(cycles, of_lua_5_4)
{
	check_cycles("lua5.4");
}

/* The same of an event that every machine has: a fault is counted once, by the kernel and by us. */
Test(faults, are_those_of_an_inherited_counter)
{
	struct inherited inherited;
	struct profiled p;
	long long faults;

	skip_unless_profiling(BPROF_PERF, "lua5.4");
	inherited_begin(&inherited, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS);
	profiled_run(BPROF_PERF, CYCLES, NULL, (const char *const[]){"-q", NULL},
		     (const char *const[]){INHERITED_COUNTER, inherited.type, inherited.config,
					   inherited.path, "lua5.4", "/usr/bin/busted", "-o", "TAP",
					   NULL},
		     &p);
	cr_assert(p.run.status == 0 && p.profile, "status %d: %s", p.run.status, p.run.err.data);
	faults = json_int_at(p.profile, "meters.minor_faults") +
		 json_int_at(p.profile, "meters.major_faults");
	expect_inherited("page faults", faults, inherited_end(&inherited), WRAPPER_FAULTS);
	profiled_done(&p);
}

/* Where there is no counter nothing else is counted in its place. */
Test(cycles, are_refused_by_a_machine_without_them)
{
	const char *reason = why_no_profiling(BPROF_PERF);
	char *directory;
	struct run run;

	if (reason)
		cr_skip_test("%s", reason);
	if (open_counter() == 0)
		cr_skip_test("this machine has a cycle counter");
	directory = directory_make();
	run_command(directory, NULL,
		    (const char *const[]){BPROF_PERF, "-o", directory, "-e", "cycles", "--", "true",
					  NULL},
		    &run);
	cr_expect(run.status == 125, "status %d", run.status);
	cr_expect(strstr(run.err.data, "this machine has no cycles counter") != NULL, "%s",
		  run.err.data);
	cr_expect(strstr(run.err.data, "-e cpu-clock") != NULL, "%s", run.err.data);
	run_done(&run);
	directory_remove(directory);
}
