/* SPDX-License-Identifier: MIT */
/*
 * --event=none: what is measured at the boundaries of tests, as every run has it, and nothing that
 * could be taken for a count of samples.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "profiled.h"

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define SUITE	   SOURCE_DIR "/tests/fixtures/live/smoke"
#define COUNTED	   SOURCE_DIR "/tests/fixtures/live/counted"

static void run_suite(const char *interpreter, const char *event, struct profiled *p)
{
	profiled_run(BPROF_PERF, SUITE, NULL, WORDS("-e", event),
		     WORDS(interpreter, "/usr/bin/busted"), p);
	cr_assert(p->run.status == 1 && p->profile, "%s: status %d, one test fails: %s",
		  interpreter, p->run.status, p->run.err.data);
}

static void expect_same_tests(const char *interpreter, yajl_val with, yajl_val without)
{
	yajl_val expected = json_at(with, "tests"), tests = json_at(without, "tests");

	cr_assert(json_length(tests) == json_length(expected) && json_length(tests) > 0, "%s",
		  interpreter);
	for (size_t i = 0; i < json_length(tests); i++) {
		yajl_val test = json_item(tests, i), other = json_item(expected, i);

		cr_expect(strcmp(json_string_at(test, "id"), json_string_at(other, "id")) == 0);
		cr_expect(strcmp(json_string_at(test, "status"), json_string_at(other, "status")) ==
			  0);
		cr_expect(json_int_at(test, "cpu_ns") > 0);
		cr_expect(json_int_at(test, "wall_ns") > 0);
		cr_expect(json_int_at(test, "meters.minor_faults") >= 0);
		cr_expect(json_null_at(test, "samples"));
		cr_expect(json_null_at(test, "modes.interpreter"));
	}
}

/* The interpreter is the one whose VM was proved, and said to be known by its file alone. */
static void expect_same_interpreter(yajl_val with, yajl_val without)
{
	yajl_val expected = json_item(json_at(with, "runtimes"), 0),
		 runtime = json_item(json_at(without, "runtimes"), 0);

	cr_assert(json_length(json_at(without, "runtimes")) ==
		  json_length(json_at(with, "runtimes")));
	cr_expect(strcmp(json_string_at(runtime, "kind"), json_string_at(expected, "kind")) == 0);
	cr_expect(strcmp(json_string_at(runtime, "version"), json_string_at(expected, "version")) ==
			  0,
		  "%s, not %s", json_string_at(runtime, "version"),
		  json_string_at(expected, "version"));
	cr_expect(json_bool_at(expected, "proved") && !json_bool_at(runtime, "proved"));
	cr_expect(json_null_at(runtime, "gc64") && json_null_at(runtime, "jit"));
}

static void expect_no_samples(yajl_val profile)
{
	static const char *const unknown[] = {
		"event.name",	 "event.unit",	  "event.hardware",	   "frequency_hz",
		"ns_per_sample", "samples.taken", "samples.outside_tests", "samples.reasons.ok",
		"modes.native",	 "modes.kernel",  "phases.busted.samples", "gc_undecided",
	};

	cr_expect(strcmp(json_string_at(profile, "event.requested"), "none") == 0);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++)
		cr_expect(json_null_at(profile, unknown[i]), "%s is not null", unknown[i]);
	cr_expect(json_length(json_at(profile, "functions")) == 0);
	cr_expect(json_int_at(profile, "counters.taken") == 0);
	cr_expect(json_int_at(profile, "counters.lost_marks") == 0);
	cr_expect(json_int_at(profile, "boundaries.gaps") == 0);
}

static void check_interpreter(const char *interpreter)
{
	struct profiled with, without;

	skip_unless_profiling(BPROF_PERF, interpreter);
	run_suite(interpreter, "auto", &with);
	run_suite(interpreter, "none", &without);
	expect_same_tests(interpreter, with.profile, without.profile);
	expect_same_interpreter(with.profile, without.profile);
	expect_no_samples(without.profile);
	cr_expect(strstr(without.run.err.data, "none were wanted") != NULL, "%s",
		  without.run.err.data);
	profiled_done(&with);
	profiled_done(&without);
}

Test(without_samples, on_luajit)
{
	check_interpreter("luajit");
}

Test(without_samples, on_lua_5_1)
{
	check_interpreter("lua5.1");
}

Test(without_samples, on_lua_5_4)
{
	check_interpreter("lua5.4");
}

/* Each is over before anybody could have looked at it, and all are told of. */
Test(without_samples, the_shortest_interpreters_are_named)
{
	struct profiled p;
	yajl_val runtimes;

	skip_unless_profiling(BPROF_PERF, "luajit");
	skip_unless_profiling(BPROF_PERF, "lua5.4");
	profiled_run(BPROF_PERF, NULL, NULL, WORDS("--event=none"),
		     WORDS("sh", "-c", "luajit -e ''; lua5.4 -e ''; lua5.4 -e ''; lua5.4 -e ''"),
		     &p);
	cr_assert(p.run.status == 0 && p.profile, "%s", p.run.err.data);
	runtimes = json_at(p.profile, "runtimes");
	cr_assert(json_length(runtimes) == 2);
	cr_expect(strcmp(json_string_at(json_item(runtimes, 0), "kind"), "luajit") == 0);
	cr_expect(json_int_at(json_item(runtimes, 0), "processes") == 1);
	cr_expect(strncmp(json_string_at(json_item(runtimes, 1), "version"), "Lua 5.4", 7) == 0);
	cr_expect(json_int_at(json_item(runtimes, 1), "processes") == 3);
	profiled_done(&p);
}

static long long count_of(yajl_val profile, const char *name)
{
	return json_int_at(profiled_test(profile, name), "meters.vm_instructions");
}

/* The countdown is read from the VM: it is found though no stack is. */
static void check_counts(const char *interpreter)
{
	struct profiled p;

	skip_unless_profiling(BPROF_PERF, interpreter);
	profiled_run(BPROF_PERF, COUNTED, NULL, WORDS("--event=none", "--mode=count"),
		     WORDS(interpreter, "/usr/bin/busted"), &p);
	cr_assert(p.run.status == 0 && p.profile, "%s", p.run.err.data);
	cr_expect(count_of(p.profile, "twice") - count_of(p.profile, "once") == 30000, "%s: %lld",
		  interpreter, count_of(p.profile, "twice") - count_of(p.profile, "once"));
	cr_expect(json_bool_at(json_item(json_at(p.profile, "runtimes"), 0), "proved"));
	profiled_done(&p);
}

Test(without_samples, instructions_are_counted_on_luajit)
{
	check_counts("luajit");
}

Test(without_samples, instructions_are_counted_on_lua_5_4)
{
	check_counts("lua5.4");
}
