/* SPDX-License-Identifier: MIT */
/*
 * One small suite, started in every way people start busted: each time the profiler changes nothing
 * of what is printed and returned, and finds every test.
 *
 * Needs root, BPF, luajit and busted; skips with the reason otherwise.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "profiled.h"

#define WRAPPED	      SOURCE_DIR "/tests/fixtures/live/wrapped"
#define CONFIGURED    WRAPPED "/configured"
#define STATUS_OUTPUT SOURCE_DIR "/tests/support/status_output.lua"
/* Of a suite that passes through all of spec/. */
#define ALL_TESTS 11

static size_t first_difference(const struct text *a, const struct text *b)
{
	size_t i = 0;

	while (i < a->len && i < b->len && a->data[i] == b->data[i])
		i++;
	return i;
}

struct wrapper {
	const char *what;
	const char *cwd;
	const char *const *env, *const *options, *const *command;
	size_t nr_tests;
	const char *printed; /* what the suite must print besides its statuses; may be NULL */
};

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* STATUS_OUTPUT is known to scripts as well. */
static const char *const *environment_of(const struct wrapper *w, const char **all)
{
	size_t nr = 0;

	all[nr++] = "STATUS_OUTPUT=" STATUS_OUTPUT;
	for (const char *const *more = w->env; more && *more; more++)
		all[nr++] = *more;
	all[nr] = NULL;
	return all;
}

static void run_both(const struct wrapper *w, struct run *plain, struct profiled *profiled)
{
	const char *all[RUN_MAX_ARGS];
	const char *const *env = environment_of(w, all);

	run_command(w->cwd, env, w->command, plain);
	profiled_run(BPROF_PERF, w->cwd, env, w->options, w->command, profiled);
}

static void expect_unchanged(const char *what, const struct run *plain, const struct run *profiled)
{
	size_t at = first_difference(&profiled->out, &plain->out);

	cr_expect(profiled->status == plain->status, "%s: status %d, without the profiler %d: %s",
		  what, profiled->status, plain->status, profiled->err.data);
	cr_expect(text_equal(&profiled->out, &plain->out),
		  "%s: stdout differs at byte %zu: \"%.80s\", without \"%.80s\"", what, at,
		  profiled->out.data + at, plain->out.data + at);
}

static void check_wrapper(const struct wrapper *w)
{
	struct profiled profiled;
	struct run plain;
	size_t nr;

	run_both(w, &plain, &profiled);
	expect_unchanged(w->what, &plain, &profiled.run);
	cr_assert(profiled.profile != NULL, "%s: no profile.json: %s", w->what,
		  profiled.run.err.data);
	cr_expect(json_int_at(profiled.profile, "exit_status") == plain.status);
	nr = expect_tests_as_said(w->what, profiled.profile, &plain.out);
	cr_expect(nr == w->nr_tests, "%s: %zu tests, not %zu", w->what, nr, w->nr_tests);
	if (w->printed)
		cr_expect(strstr(plain.out.data, w->printed) != NULL, "%s: \"%s\" not in %s",
			  w->what, w->printed, plain.out.data);
	cr_expect(json_int_at(profiled.profile, "samples.in_tests") > 100,
		  "%s: %lld samples in tests", w->what,
		  json_int_at(profiled.profile, "samples.in_tests"));
	cr_expect(json_int_at(profiled.profile, "boundaries.disagree") == 0, "%s: disagree",
		  w->what);
	expect_whole_accounts(w->what, profiled.profile);
	run_done(&plain);
	profiled_done(&profiled);
}

static void check(const char *interpreter, struct wrapper w)
{
	skip_unless_profiling(BPROF_PERF, interpreter);
	if (!w.cwd)
		w.cwd = WRAPPED;
	if (!w.nr_tests)
		w.nr_tests = ALL_TESTS;
	check_wrapper(&w);
}

#define CHECK(interpreter, ...) check(interpreter, (struct wrapper){__VA_ARGS__})

Test(wrappers, busted_itself)
{
	CHECK("lua", "busted", .command = WORDS("busted", "-o", STATUS_OUTPUT));
}

Test(wrappers, a_shell_command)
{
	CHECK("lua", "sh -c",
	      .command = WORDS("sh", "-c", "busted -o \"$STATUS_OUTPUT\"; exit $?"));
}

Test(wrappers, env_with_a_variable)
{
	CHECK("lua", "env",
	      .command = WORDS("env", "BPROF_TEST_VARIABLE=of env", "busted", "-o", STATUS_OUTPUT),
	      .printed = "variable: of env\n");
}

Test(wrappers, the_script_luarocks_writes)
{
	CHECK("luajit", "luarocks' script", .command = WORDS("rocks/busted", "-o", STATUS_OUTPUT),
	      .printed = "rocks: true\n");
}

Test(wrappers, busted_with_another_interpreter)
{
	CHECK("luajit", "busted --lua",
	      .command = WORDS("busted", "--lua=/usr/bin/luajit", "-o", STATUS_OUTPUT));
}

Test(wrappers, a_busted_file)
{
	CHECK("luajit", ".busted", .cwd = CONFIGURED, .command = WORDS("busted"), .nr_tests = 3,
	      .printed = "e: by .busted, helper: by the helper, LuaJIT");
}

Test(wrappers, a_standalone_spec)
{
	CHECK("luajit", "standalone",
	      .command = WORDS("luajit", "standalone.lua", "-o", STATUS_OUTPUT), .nr_tests = 2);
}

Test(wrappers, make_that_runs_two_suites)
{
	if (!program_exists("make"))
		cr_skip_test("make is not installed");
	CHECK("lua", "make", .command = WORDS("make"));
}

Test(wrappers, a_script_without_an_interpreter_line)
{
	CHECK("lua", "script without #!", .command = WORDS("./no_interpreter_line"));
}

Test(wrappers, the_users_own_lua_init)
{
	CHECK("luajit", "LUA_INIT", .env = WORDS("LUA_INIT=USER_INIT = 'from code'"),
	      .command = WORDS("luajit", "/usr/bin/busted", "-o", STATUS_OUTPUT),
	      .printed = "init: from code\n");
}

Test(wrappers, a_file_in_the_users_lua_init)
{
	CHECK("luajit", "LUA_INIT=@", .env = WORDS("LUA_INIT=@user_init.lua"),
	      .command = WORDS("luajit", "/usr/bin/busted", "-o", STATUS_OUTPUT),
	      .printed = "init: from a file\n");
}

Test(wrappers, the_lua_init_of_one_version)
{
	CHECK("lua5.4", "LUA_INIT_5_4", .env = WORDS("LUA_INIT_5_4=USER_INIT = 'of 5.4'"),
	      .command = WORDS("lua5.4", "/usr/bin/busted", "-o", STATUS_OUTPUT),
	      .printed = "init: of 5.4\n");
}

/* ---- where the hook cannot enter ----------------------------------------------------------- */

/* The tests of spec/ that last long enough to be sampled for certain. */
static const char *const long_tests[] = {"stands at the top", "passes", "fails #tag", "errors",
					 "runs in a coroutine"};

static void expect_long_tests(const char *interpreter, yajl_val profile)
{
	for (size_t i = 0; i < sizeof(long_tests) / sizeof(*long_tests); i++) {
		yajl_val test = profiled_test(profile, long_tests[i]);

		cr_expect(test != NULL, "%s: \"%s\" is missing", interpreter, long_tests[i]);
		if (!test)
			continue;
		cr_expect(json_int_at(test, "samples") >= 10, "%s: \"%s\" has %lld samples",
			  interpreter, long_tests[i], json_int_at(test, "samples"));
		cr_expect(strcmp(json_string_at(test, "file"), "spec/ordinary_spec.lua") == 0,
			  "%s: \"%s\" in %s", interpreter, long_tests[i],
			  json_string_at(test, "file"));
	}
}

/* -E: the interpreter reads no LUA_INIT. */
static void check_without_environment(const char *interpreter)
{
	const struct wrapper w = {
		.what = interpreter,
		.cwd = WRAPPED,
		.command = WORDS(interpreter, "-E", "/usr/bin/busted", "-o", STATUS_OUTPUT),
	};
	struct profiled profiled;
	struct run plain;

	skip_unless_profiling(BPROF_PERF, interpreter);
	run_both(&w, &plain, &profiled);
	expect_unchanged(interpreter, &plain, &profiled.run);
	cr_assert(profiled.profile != NULL, "no profile.json: %s", profiled.run.err.data);
	cr_expect(!json_bool_at(profiled.profile, "boundaries.hook_seen"));
	cr_expect(json_bool_at(profiled.profile, "boundaries.stack_seen"));
	expect_long_tests(interpreter, profiled.profile);
	expect_whole_accounts(interpreter, profiled.profile);
	run_done(&plain);
	profiled_done(&profiled);
}

Test(wrappers, luajit_without_environment)
{
	check_without_environment("luajit");
}

Test(wrappers, lua_5_4_without_environment)
{
	check_without_environment("lua5.4");
}
