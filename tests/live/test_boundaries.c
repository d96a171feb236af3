/* SPDX-License-Identifier: MIT */
/*
 * Both sources of test boundaries, each alone and both together, on every interpreter.
 *
 * The hook must find every test with busted's own status. The stacks must find all tests that last
 * long enough to be sampled, with the right path, name, line and samples. Together they must agree.
 *
 * Needs root, BPF, the interpreters and busted; skips with the reason otherwise.
 */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiled.h"

#define LONG	      SOURCE_DIR "/tests/fixtures/live/long"
#define RECYCLED      SOURCE_DIR "/tests/fixtures/live/recycled"
#define SPEC	      SOURCE_DIR "/tests/fixtures/spec"
#define STATUS_OUTPUT SOURCE_DIR "/tests/support/status_output.lua"
#define FREQUENCY     997
#define MAX_TESTS     256
#define MAX_SHOWN     10 /* differences printed per run */

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- what busted said ---------------------------------------------------------------------- */

/* One line of status_output.lua. */
struct said {
	const char *status, *file, *name;
	long long line;
};

struct said_list {
	char *text;
	struct said items[MAX_TESTS];
	size_t nr;
};

static void read_said(const struct text *out, struct said_list *list)
{
	char *rest, *line;

	*list = (struct said_list){.text = malloc(out->len + 1)};
	cr_assert(list->text != NULL);
	memcpy(list->text, out->data, out->len + 1);
	/* A name may contain a NUL. */
	for (size_t i = 0; i < out->len; i++)
		if (!list->text[i])
			list->text[i] = '0';
	rest = list->text;
	while ((line = strsep(&rest, "\n"))) {
		const char *status = strsep(&line, "\t"), *file = strsep(&line, "\t");
		const char *number = strsep(&line, "\t");

		if (!line)
			continue;
		cr_assert(list->nr < MAX_TESTS, "more than %d tests", MAX_TESTS);
		list->items[list->nr++] = (struct said){status, file, line, atoll(number)};
	}
}

static bool same_place(yajl_val test, const struct said *said)
{
	return strcmp(json_string_at(test, "file"), said->file) == 0 &&
	       json_int_at(test, "line") == said->line;
}

static bool same_status(yajl_val test, const char *status)
{
	return strcmp(json_string_at(test, "status"), status) == 0;
}

static bool is_outside(const struct said *said)
{
	return strcmp(said->status, "outside") == 0;
}

/* ---- the suite whose tests are long -------------------------------------------------------- */

/* "calls itself 60+20": milliseconds in the body and in the fixtures around it. */
static void expected_milliseconds(const char *name, double *body, double *fixtures)
{
	const char *last = strrchr(name, ' ');

	cr_assert(last && sscanf(last, " %lf+%lf", body, fixtures) == 2, "'%s'", name);
}

/* Chance moves a number of samples by 4 sigma at most. */
static void expect_samples(const char *what, long long got, double milliseconds)
{
	double want = FREQUENCY * milliseconds / 1000, off = fabs((double)got - want) - 1;

	cr_expect(off <= 0 || off * off <= 16 * want, "%s: %lld samples, expected %.1f", what, got,
		  want);
}

/* The describes around a test and its own name are its full name. */
static void expect_path(yajl_val test)
{
	yajl_val path = json_at(test, "path");
	char full[1024];
	FILE *out = fmemopen(full, sizeof(full), "w");

	cr_assert(out != NULL);
	for (size_t i = 0; i < json_length(path); i++) {
		yajl_val describe = json_item(path, i);

		cr_assert(YAJL_IS_STRING(describe));
		fprintf(out, "%s ", YAJL_GET_STRING(describe));
	}
	fputs(json_string_at(test, "name"), out);
	fclose(out);
	cr_expect(strcmp(full, json_string_at(test, "full_name")) == 0, "path and name: \"%s\"",
		  full);
}

static void expect_times(const char *what, yajl_val test, bool measured, double body,
			 double fixtures)
{
	double body_ms, fixtures_ms;

	if (!measured) {
		cr_expect(json_null_at(test, "wall_ns") && json_null_at(test, "cpu_ns"),
			  "%s: a time nobody measured", what);
		return;
	}
	body_ms = (double)json_int_at(test, "cpu_ns") / 1e6;
	fixtures_ms = (double)json_int_at(test, "fixtures.cpu_ns") / 1e6;
	cr_expect(fabs(body_ms - body) < 2 + 0.02 * body, "%s: %.2f ms", what, body_ms);
	cr_expect(fabs(fixtures_ms - fixtures) < 2 + 0.02 * fixtures, "%s: %.2f ms in fixtures",
		  what, fixtures_ms);
}

static void check_long_test(yajl_val test, const struct said *said, bool hook)
{
	double body, fixtures;

	cr_expect(strcmp(json_string_at(test, "full_name"), said->name) == 0 &&
			  same_place(test, said),
		  "found \"%s\" at %s:%lld, busted said \"%s\" at %s:%lld",
		  json_string_at(test, "full_name"), json_string_at(test, "file"),
		  json_int_at(test, "line"), said->name, said->file, said->line);
	cr_expect(same_status(test, hook ? said->status : "unknown"), "%s: \"%s\"", said->name,
		  json_string_at(test, "status"));
	cr_expect(!json_bool_at(test, "incomplete"), "%s: incomplete", said->name);
	expect_path(test);
	expected_milliseconds(said->name, &body, &fixtures);
	expect_samples(said->name, json_int_at(test, "samples"), body);
	expect_samples(said->name, json_int_at(test, "fixtures.samples"), fixtures);
	expect_times(said->name, test, hook, body, fixtures);
}

/* Fixtures and describe bodies are phases of their own, in and outside of tests. */
static void check_phases(yajl_val profile)
{
	expect_samples("fixtures around tests", json_int_at(profile, "phases.test_fixture.samples"),
		       250);
	expect_samples("setup", json_int_at(profile, "phases.fixture.samples"), 60);
	expect_samples("bodies of describes", json_int_at(profile, "phases.describe.samples"), 50);
}

static void run_long(const char *interpreter, const char *boundaries, struct profiled *p)
{
	skip_unless_profiling(BPROF_PERF, interpreter);
	profiled_run(BPROF_PERF, LONG, NULL, WORDS("-q", boundaries),
		     WORDS(interpreter, "/usr/bin/busted", "-o", STATUS_OUTPUT), p);
	cr_assert(p->run.status == 1, "%s %s: status %d: %s", interpreter, boundaries,
		  p->run.status, p->run.err.data);
	cr_assert(p->profile != NULL, "%s", p->run.err.data);
	expect_whole_accounts(boundaries, p->profile);
}

static void check_long(const char *interpreter, const char *boundaries, bool hook, bool stack)
{
	struct said_list said;
	struct profiled p;
	yajl_val tests;

	run_long(interpreter, boundaries, &p);
	read_said(&p.run.out, &said);
	tests = json_at(p.profile, "tests");
	cr_assert(said.nr == 10 && json_length(tests) == said.nr,
		  "%s %s: %zu tests, busted ran %zu", interpreter, boundaries, json_length(tests),
		  said.nr);
	for (size_t i = 0; i < said.nr; i++)
		check_long_test(json_item(tests, i), &said.items[i], hook);
	check_phases(p.profile);
	cr_expect(json_bool_at(p.profile, "boundaries.hook_seen") == hook);
	if (hook && stack) {
		cr_log_info("%s: agree %lld, transit %lld", interpreter,
			    json_int_at(p.profile, "boundaries.agree"),
			    json_int_at(p.profile, "boundaries.transit"));
		cr_expect(json_int_at(p.profile, "boundaries.agree") > 100);
		cr_expect(json_int_at(p.profile, "boundaries.disagree") == 0, "%s: %lld disagree",
			  interpreter, json_int_at(p.profile, "boundaries.disagree"));
	}
	free(said.text);
	profiled_done(&p);
}

/* ---- the suite that has every shape -------------------------------------------------------- */

/*
 * Tests whose before_each or setup failed never start: busted says nothing of them, the profile
 * shows them as errors. All others must come in busted's order with its status.
 */
static size_t count_differences(yajl_val tests, const struct said_list *said)
{
	size_t nr_different = 0, at = 0;

	for (size_t i = 0; i < json_length(tests); i++) {
		yajl_val test = json_item(tests, i);

		while (at < said->nr && is_outside(&said->items[at]))
			at++;
		if (at < said->nr && same_place(test, &said->items[at]) &&
		    same_status(test, said->items[at].status)) {
			at++;
			continue;
		}
		if (same_status(test, "error"))
			continue;
		if (nr_different++ < MAX_SHOWN)
			cr_log_info("test %zu: found %s at %s:%lld", i,
				    json_string_at(test, "status"), json_string_at(test, "file"),
				    json_int_at(test, "line"));
	}
	for (; at < said->nr; at++)
		nr_different += !is_outside(&said->items[at]);
	return nr_different;
}

static void check_suite(const char *interpreter, const char *const *arguments, size_t nr_tests)
{
	const char *command[RUN_MAX_ARGS + 1] = {interpreter, "/usr/bin/busted", "-o",
						 STATUS_OUTPUT, "suite"};
	struct said_list said;
	struct profiled p;
	size_t nr = 5, nr_different;

	skip_unless_profiling(BPROF_PERF, interpreter);
	while (arguments && *arguments)
		command[nr++] = *arguments++;
	profiled_run(BPROF_PERF, SPEC, NULL, WORDS("-q", "--boundaries=hook"), command, &p);
	cr_assert(p.profile != NULL, "%s", p.run.err.data);
	read_said(&p.run.out, &said);
	nr_different = count_differences(json_at(p.profile, "tests"), &said);
	cr_expect(nr_different == 0, "%s: %zu tests differ", interpreter, nr_different);
	cr_expect(json_length(json_at(p.profile, "tests")) == nr_tests, "%s: %zu tests, not %zu",
		  interpreter, json_length(json_at(p.profile, "tests")), nr_tests);
	cr_expect(json_int_at(p.profile, "boundaries.gaps") == 0, "%s: gaps", interpreter);
	cr_expect(json_bool_at(p.profile, "suite.ended"), "%s: no end", interpreter);
	free(said.text);
	profiled_done(&p);
}

/* ---- on each interpreter ------------------------------------------------------------------- */

/* One test for each interpreter, which runs CHECK(interpreter). */
#define EACH_INTERPRETER(name, CHECK)                                                              \
	Test(boundaries, name##_on_luajit)                                                         \
	{                                                                                          \
		CHECK("luajit");                                                                   \
	}                                                                                          \
	Test(boundaries, name##_on_lua_5_1)                                                        \
	{                                                                                          \
		CHECK("lua5.1");                                                                   \
	}                                                                                          \
	Test(boundaries, name##_on_lua_5_2)                                                        \
	{                                                                                          \
		CHECK("lua5.2");                                                                   \
	}                                                                                          \
	Test(boundaries, name##_on_lua_5_3)                                                        \
	{                                                                                          \
		CHECK("lua5.3");                                                                   \
	}                                                                                          \
	Test(boundaries, name##_on_lua_5_4)                                                        \
	{                                                                                          \
		CHECK("lua5.4");                                                                   \
	}

static void check_stack(const char *interpreter)
{
	check_long(interpreter, "--boundaries=stack", false, true);
}

static void check_auto(const char *interpreter)
{
	check_long(interpreter, "--boundaries=auto", true, true);
}

static void check_hook(const char *interpreter)
{
	check_suite(interpreter, NULL, 46);
}

EACH_INTERPRETER(the_hook_finds_every_test, check_hook)
EACH_INTERPRETER(stacks_find_long_tests, check_stack)
EACH_INTERPRETER(both_agree, check_auto)

/* ---- what changes the order ---------------------------------------------------------------- */

Test(boundaries, the_hook_alone_measures_long_tests)
{
	check_long("luajit", "--boundaries=hook", true, false);
}

Test(boundaries, repeated_suites_are_told_apart)
{
	struct profiled p;
	yajl_val tests;

	check_suite("lua5.3", WORDS("--repeat=3"), 3 * 46);
	profiled_run(BPROF_PERF, SPEC, NULL, WORDS("-q"),
		     WORDS("luajit", "/usr/bin/busted", "-o", STATUS_OUTPUT, "--repeat=3", "suite"),
		     &p);
	cr_assert(p.profile != NULL, "%s", p.run.err.data);
	tests = json_at(p.profile, "tests");
	cr_assert(json_length(tests) == 3 * 46, "%zu tests", json_length(tests));
	cr_expect(json_int_at(p.profile, "suite.iterations") == 3);
	for (size_t i = 0; i < json_length(tests); i++)
		cr_expect(json_int_at(json_item(tests, i), "iteration") == (long long)(i / 46 + 1),
			  "test %zu: iteration %lld", i,
			  json_int_at(json_item(tests, i), "iteration"));
	profiled_done(&p);
}

/* busted's elements are garbage after each round: others take their place in memory. */
static void check_recycled(const char *interpreter)
{
	struct profiled p;

	skip_unless_profiling(BPROF_PERF, interpreter);
	profiled_run(BPROF_PERF, RECYCLED, NULL, WORDS("-q", "-F", "3989", "--boundaries=auto"),
		     WORDS(interpreter, "/usr/bin/busted", "--repeat=8"), &p);
	cr_assert(p.run.status == 0 && p.profile, "%s: %s", interpreter, p.run.err.data);
	cr_log_info("%s: agree %lld, transit %lld, disagree %lld", interpreter,
		    json_int_at(p.profile, "boundaries.agree"),
		    json_int_at(p.profile, "boundaries.transit"),
		    json_int_at(p.profile, "boundaries.disagree"));
	cr_expect(json_int_at(p.profile, "boundaries.disagree") == 0, "%s: %lld disagree",
		  interpreter, json_int_at(p.profile, "boundaries.disagree"));
	cr_expect(json_int_at(p.profile, "boundaries.agree") > 200, "%s: only %lld agree",
		  interpreter, json_int_at(p.profile, "boundaries.agree"));
	profiled_done(&p);
}

Test(boundaries, elements_in_the_memory_of_old_ones_are_told_apart)
{
	check_recycled("luajit");
	check_recycled("lua5.1");
	check_recycled("lua5.4");
}

Test(boundaries, shuffled_suites_keep_their_duplicates_apart)
{
	check_suite("luajit", WORDS("--shuffle", "--seed=42"), 46);
	check_suite("lua5.4", WORDS("--shuffle", "--seed=4711"), 46);
}

Test(boundaries, only_the_tests_of_a_tag_are_found)
{
	check_suite("luajit", WORDS("--tags=slow"), 8);
	check_suite("lua5.1", WORDS("--tags=fast"), 1);
	/* busted fails to filter the seven odd names, one of which is a number. */
	check_suite("lua5.4", WORDS("--exclude-tags=slow"), 46 - 8 - 7);
}
