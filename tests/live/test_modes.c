/* SPDX-License-Identifier: MIT */
/*
 * Modes of real runs: every sample has one, a suite that is better off without the JIT compiler is
 * told so, and a suite of loops is not.
 *
 * Needs root, BPF and the interpreters; skips with the reason otherwise.
 */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "json_doc.h"
#include "profiled.h"
#include "run.h"

#define EXAMPLE SOURCE_DIR "/examples/textkit"
#define NUMERIC SOURCE_DIR "/tests/fixtures/live/numeric"
#define BUSTED	"/usr/bin/busted", "-o", "TAP"
#define WORDS	(const char *const[])

/* ---- sums ---------------------------------------------------------------------------------- */

/* A mode that no VM of the run tells has no samples. */
static long long count_at(yajl_val map, const char *path)
{
	return json_null_at(map, path) ? 0 : json_int_at(map, path);
}

static long long sum_modes(yajl_val owner)
{
	yajl_val modes = json_at(owner, "modes");
	long long sum = 0;

	cr_assert(YAJL_IS_OBJECT(modes));
	for (size_t i = 0; i < YAJL_GET_OBJECT(modes)->len; i++)
		sum += count_at(modes, YAJL_GET_OBJECT(modes)->keys[i]);
	return sum;
}

static void expect_sum(const char *what, yajl_val owner)
{
	cr_expect(sum_modes(owner) == json_int_at(owner, "samples"), "%s: modes %lld, samples %lld",
		  what, sum_modes(owner), json_int_at(owner, "samples"));
}

static void expect_sums_of_array(yajl_val profile, const char *key, const char *name)
{
	yajl_val array = json_at(profile, key);

	for (size_t i = 0; i < json_length(array); i++) {
		expect_sum(json_string_at(json_item(array, i), name), json_item(array, i));
		expect_sum(json_string_at(json_item(array, i), name),
			   json_at(json_item(array, i), "fixtures"));
	}
}

static void expect_modes_to_add_up(yajl_val profile)
{
	static const char *const states[] = {"compiler_states.record", "compiler_states.optimise",
					     "compiler_states.assemble", "compiler_states.exit"};
	long long compiler = 0;

	cr_expect(sum_modes(profile) == json_int_at(profile, "samples.taken") -
						json_int_at(profile, "samples.lost"),
		  "%lld", sum_modes(profile));
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
		compiler += count_at(profile, states[i]);
	cr_expect(compiler == count_at(profile, "modes.compiler"));
	cr_expect(count_at(profile, "jit_states.machine_code") +
			  count_at(profile, "jit_states.c") ==
		  count_at(profile, "modes.jit"));
	expect_sums_of_array(profile, "tests", "full_name");
	expect_sums_of_array(profile, "files", "file");
}

/* ---- runs ---------------------------------------------------------------------------------- */

static double share(yajl_val profile, const char *path)
{
	return (double)count_at(profile, path) / (double)json_int_at(profile, "samples.taken");
}

static bool says(const struct profiled *p, const char *words)
{
	return strstr(p->run.err.data, words) != NULL;
}

static void profile_suite(const char *interpreter, const char *directory, const char *pattern,
			  const char *const *env, struct profiled *ret)
{
	skip_unless_profiling(BPROF_PERF, interpreter);
	profiled_run(BPROF_PERF, directory, env, NULL, WORDS{interpreter, BUSTED, pattern, NULL},
		     ret);
	cr_assert(ret->profile != NULL, "%s", ret->run.err.data);
	expect_modes_to_add_up(ret->profile);
}

Test(modes, a_suite_better_off_without_the_jit_is_told_so, .timeout = 120)
{
	struct profiled p;

	profile_suite("luajit", EXAMPLE, "spec", NULL, &p);
	cr_expect(share(p.profile, "jit.compiling") > 0.25, "%f",
		  share(p.profile, "jit.compiling"));
	cr_expect(share(p.profile, "kernel_callers.compiler") > 0);
	cr_expect(!json_null_at(p.profile, "jit.off_saves_up_to_percent"));
	cr_expect(says(&p, "without the JIT"), "%s", p.run.err.data);
	cr_expect(says(&p, "functions that did not compile"));
	profiled_done(&p);
}

Test(modes, without_the_jit_nothing_is_compiled_and_nothing_said, .timeout = 120)
{
	struct profiled p;

	profile_suite("luajit", EXAMPLE, "spec", WORDS{"LUA_INIT=if jit then jit.off() end", NULL},
		      &p);
	cr_expect(count_at(p.profile, "modes.compiler") == 0);
	/* what runs before LUA_INIT is done, in every interpreter that the suite starts */
	cr_expect(share(p.profile, "jit.on_trace") < 0.02);
	cr_expect(json_null_at(p.profile, "jit.off_saves_up_to_percent"));
	cr_expect(!says(&p, "without the JIT"));
	profiled_done(&p);
}

Test(modes, where_compiled_code_pays_nothing_is_said, .timeout = 120)
{
	struct profiled p;

	profile_suite("luajit", NUMERIC, "numeric_spec.lua", NULL, &p);
	cr_expect(share(p.profile, "modes.jit") > 0.5, "%f", share(p.profile, "modes.jit"));
	cr_expect(json_int_at(p.profile, "jit.hot") > 0);
	cr_expect(json_null_at(p.profile, "jit.off_saves_up_to_percent"));
	cr_expect(!says(&p, "without the JIT"));
	profiled_done(&p);
}

/* Main chunks are vararg functions: two frames on the Lua stack, of which the lower is shown. */
static void expect_on_trace(const char *what, const char *mode)
{
	struct profiled p;
	struct text folded;
	char *path;

	skip_unless_profiling(BPROF_PERF, "luajit");
	profiled_run(BPROF_PERF, NUMERIC, NULL, WORDS{"--boundaries=none", NULL},
		     WORDS{"luajit", "on_trace.lua", what, NULL}, &p);
	path = path_join(p.directory, "tracing.folded");
	folded = file_read(path);
	cr_expect(share(p.profile, mode) > 0.9, "%s: %f", what, share(p.profile, mode));
	cr_expect(strstr(folded.data, "main chunk (on_trace.lua)_[j]") != NULL, "%s", folded.data);
	text_done(&folded);
	free(path);
	profiled_done(&p);
}

Test(modes, machine_code_of_a_main_chunk_is_told_from_the_c_code_it_calls, .timeout = 60)
{
	expect_on_trace("loop", "jit_states.machine_code");
	expect_on_trace("call", "jit_states.c");
}

/* --jit=base: the function that runs, and no line of it. */
Test(modes, on_a_trace_no_more_is_claimed_than_asked_for, .timeout = 60)
{
	struct profiled p;
	struct text folded;
	char *path;

	skip_unless_profiling(BPROF_PERF, "luajit");
	profiled_run(BPROF_PERF, NUMERIC, NULL,
		     WORDS{"--boundaries=none", "--lines", "--jit=base", NULL},
		     WORDS{"luajit", "on_trace.lua", "loop", NULL}, &p);
	path = path_join(p.directory, "tracing.folded");
	folded = file_read(path);
	cr_expect(strstr(folded.data, "main chunk (on_trace.lua:?)_[j]") != NULL, "%s",
		  folded.data);
	for (const char *at = folded.data; (at = strstr(at, ")_[j]")); at++)
		cr_expect(at[-1] == '?', "a line is claimed: %s", folded.data);
	text_done(&folded);
	free(path);
	profiled_done(&p);
}

static yajl_val function_named(yajl_val profile, const char *name)
{
	yajl_val functions = json_at(profile, "functions");

	for (size_t i = 0; i < json_length(functions); i++)
		if (strcmp(json_string_at(json_item(functions, i), "name"), name) == 0)
			return json_item(functions, i);
	cr_assert(false, "there is no function %s", name);
	return NULL;
}

/* One function makes closures, which LuaJIT does not compile: its traces are given up. */
Test(modes, of_each_function_tell_what_did_not_compile, .timeout = 60)
{
	yajl_val never, one;
	struct profiled p;

	skip_unless_profiling(BPROF_PERF, "luajit");
	profiled_run(BPROF_PERF, SOURCE_DIR "/tests/truth", NULL,
		     WORDS{"--boundaries=none", "-F", "3989", NULL},
		     WORDS{"luajit", "flush.lua", "0.5", NULL}, &p);
	cr_assert(p.profile != NULL, "%s", p.run.err.data);
	never = function_named(p.profile, "never");
	one = function_named(p.profile, "one");
	cr_expect(count_at(never, "modes.jit") == 0);
	cr_expect(count_at(never, "modes.interpreter") > 10 && count_at(never, "compiling") > 0);
	cr_expect(count_at(one, "modes.jit") > 5 * count_at(one, "modes.interpreter"));
	cr_expect(says(&p, "functions that did not compile") && says(&p, "flush.lua:41"), "%s",
		  p.run.err.data);
	profiled_done(&p);
}

Test(modes, puc_lua_has_no_compiler, .timeout = 120)
{
	struct profiled p;

	profile_suite("lua5.4", NUMERIC, "numeric_spec.lua", NULL, &p);
	cr_expect(share(p.profile, "modes.interpreter") > 0.5, "%f",
		  share(p.profile, "modes.interpreter"));
	cr_expect(json_null_at(p.profile, "modes.jit"));
	cr_expect(json_null_at(p.profile, "modes.compiler"));
	cr_expect(json_null_at(p.profile, "jit"));
	cr_expect(!says(&p, "did not compile"));
	profiled_done(&p);
}
