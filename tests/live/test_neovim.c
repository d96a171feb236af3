/* SPDX-License-Identifier: MIT */
/*
 * Neovim as the interpreter: known stacks in it, in the threads of its event loop, and a busted
 * suite, whose tests are found by the stack alone or, where the runner does with LUA_INIT what
 * other interpreters do, by the hook as well (docs/adr/0007).
 *
 * Needs root, BPF and nvim; skips with the reason otherwise.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiled.h"
#include "truth.h"

#define NEOVIM	      SOURCE_DIR "/tests/fixtures/neovim"
#define LONG	      SOURCE_DIR "/tests/fixtures/live/long"
#define TRUTH	      SOURCE_DIR "/tests/truth"
#define STATUS_OUTPUT SOURCE_DIR "/tests/support/status_output.lua"
#define NR_LONG_TESTS 10
#define MAX_SHOWN     6

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
/* No file of the user, no swap file, no terminal. */
#define NVIM "nvim", "--headless", "-u", "NONE", "-i", "NONE"

static void skip_without_neovim(void)
{
	const char *reason = why_no_profiling(BPROF_PERF);

	if (reason)
		cr_skip_test("%s", reason);
	if (!program_exists("nvim"))
		cr_skip_test("nvim is not installed (apt-get install neovim)");
}

TestSuite(neovim, .init = skip_without_neovim, .timeout = 120);

/* ---- known stacks -------------------------------------------------------------------------- */

static void judge(const struct truth_program *p, const char *directory, struct truth_tally *tally)
{
	char *path = path_join(directory, "tracing.folded"), *rest, *line;
	struct text text = file_read(path);
	int nr_shown = 0;

	cr_assert(text.data != NULL, "there is no %s", path);
	rest = text.data;
	while ((line = strsep(&rest, "\n"))) {
		enum verdict verdict = *line ? truth_count(p, line, tally) : VERDICT_EXACT;

		if ((verdict == VERDICT_WRONG || verdict == VERDICT_BAD) && nr_shown++ < MAX_SHOWN)
			cr_log_warn("%s: %s: %s", p->name, verdict_name(verdict), line);
	}
	text_done(&text);
	free(path);
}

/* Neovim's own start is outside: Lua as well, and longer than that of an interpreter. */
static void check_stacks(const char *cwd, const struct truth_program *p, const char *seconds)
{
	struct truth_tally t = {0};
	struct profiled run;
	char set_arg[128], load[64];
	uint64_t inside;

	snprintf(set_arg, sizeof(set_arg), "lua arg = {[0] = '%s.lua', '%s'}", p->name, seconds);
	snprintf(load, sizeof(load), "luafile %s.lua", p->name);
	profiled_run(BPROF_PERF, cwd, NULL, WORDS("--lines", "--boundaries=none"),
		     WORDS(NVIM, "-c", set_arg, "-c", load, "-c", "qa!"), &run);
	cr_assert(run.run.status == 0, "%s: status %d: %s", p->name, run.run.status,
		  run.run.err.data);
	judge(p, run.directory, &t);
	profiled_done(&run);
	inside = t.all - t.samples[VERDICT_OUTSIDE];
	cr_log_info("nvim    %-8s %5lu samples  exact %7.3f %%  marked %lu  wrong %lu  outside %lu",
		    p->name, t.all,
		    100.0 * (double)t.samples[VERDICT_EXACT] / (double)(inside ? inside : 1),
		    t.samples[VERDICT_MARKED], t.samples[VERDICT_WRONG],
		    t.samples[VERDICT_OUTSIDE]);
	cr_expect(t.samples[VERDICT_WRONG] + t.samples[VERDICT_BAD] == 0, "%s: %lu wrong stacks",
		  p->name, t.samples[VERDICT_WRONG]);
	cr_expect((t.samples[VERDICT_EXACT] + 1) * 100 >= inside * 99, "%s: %lu of %lu exact",
		  p->name, t.samples[VERDICT_EXACT], inside);
	cr_expect(inside >= 200, "%s: only %lu samples", p->name, inside);
	cr_expect(t.samples[VERDICT_OUTSIDE] < 150, "%s: %lu samples outside", p->name,
		  t.samples[VERDICT_OUTSIDE]);
}

Test(neovim, programs_of_known_stacks)
{
	static const char *const names[] = {"busy", "mix", "jitmix", "ffi"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct truth_program *p = truth_find(names[i]);

		cr_assert(p != NULL, "there is no program %s", names[i]);
		check_stacks(TRUTH, p, "0.5");
	}
}

Test(neovim, threads_of_the_event_loop)
{
	static const char *const stacks[] = {
		"main:* @*?",
		"anon:3-13 @os.clock?",
		"anon:11 leaf:4-8",
		NULL,
	};
	const struct truth_program p = {.name = "threads", .stacks = stacks};

	check_stacks(NEOVIM, &p, "0.3");
}

/* ---- busted -------------------------------------------------------------------------------- */

static void run_suite(const char *honour, struct run *plain, struct profiled *profiled)
{
	const char *const *env =
		WORDS("BUSTED=-o " STATUS_OUTPUT " spec", honour ? "HONOUR_LUA_INIT=1" : NULL);
	const char *const *command = WORDS(NVIM, "-c", "luafile " NEOVIM "/runner.lua", "-c", "cq");

	if (!program_exists("busted"))
		cr_skip_test("busted is not installed (apt-get install lua-busted)");
	run_command(LONG, env, command, plain);
	profiled_run(BPROF_PERF, LONG, env, NULL, command, profiled);
	cr_assert(profiled->profile != NULL, "no profile: %s", profiled->run.err.data);
	cr_expect(profiled->run.status == plain->status, "status %d, without the profiler %d",
		  profiled->run.status, plain->status);
	cr_expect(text_equal(&profiled->run.out, &plain->out), "stdout differs: %s, without: %s",
		  profiled->run.out.data, plain->out.data);
}

/* By stack: all tests, where they are, and how many samples they have. */
static void expect_long_tests(yajl_val profile, const struct text *said)
{
	yajl_val tests = json_at(profile, "tests");

	cr_expect(json_length(tests) == NR_LONG_TESTS, "%zu tests", json_length(tests));
	for (size_t i = 0; i < json_length(tests); i++) {
		yajl_val test = json_item(tests, i);
		char line[512];

		snprintf(line, sizeof(line), "\t%s\t%lld\t%s\n", json_string_at(test, "file"),
			 json_int_at(test, "line"), json_string_at(test, "full_name"));
		cr_expect(strstr(said->data, line) != NULL, "busted did not run%s", line);
		cr_expect(json_int_at(test, "samples") >= 20, "%lld samples of%s",
			  json_int_at(test, "samples"), line);
	}
}

Test(neovim, a_suite_by_its_stacks)
{
	struct profiled profiled;
	struct run plain;

	run_suite(NULL, &plain, &profiled);
	cr_expect(!json_bool_at(profiled.profile, "boundaries.hook_seen"));
	cr_expect(json_bool_at(profiled.profile, "boundaries.stack_seen"));
	cr_expect(strstr(profiled.run.err.data, "from the stacks alone") != NULL, "not said: %s",
		  profiled.run.err.data);
	expect_long_tests(profiled.profile, &plain.out);
	expect_whole_accounts("nvim, by stack", profiled.profile);
	run_done(&plain);
	profiled_done(&profiled);
}

Test(neovim, a_suite_by_the_hook_and_its_stacks)
{
	struct profiled profiled;
	struct run plain;
	size_t nr;

	run_suite("yes", &plain, &profiled);
	cr_expect(json_bool_at(profiled.profile, "boundaries.hook_seen"));
	cr_expect(json_bool_at(profiled.profile, "boundaries.stack_seen"));
	cr_expect(json_int_at(profiled.profile, "boundaries.disagree") == 0);
	nr = expect_tests_as_said("nvim, by hook", profiled.profile, &plain.out);
	cr_expect(nr == NR_LONG_TESTS, "%zu tests", nr);
	expect_long_tests(profiled.profile, &plain.out);
	expect_whole_accounts("nvim, by hook", profiled.profile);
	run_done(&plain);
	profiled_done(&profiled);
}

/* nvim -l runs a script as an interpreter would; Debian 12 has 0.7.2, which does not know it. */
Test(neovim, the_script_interpreter)
{
	unsigned major = 0, minor = 0;
	struct profiled p;
	struct run version;

	run_command(NULL, NULL, WORDS("nvim", "--version"), &version);
	if (sscanf(version.out.data, "NVIM v%u.%u", &major, &minor) != 2 ||
	    (major == 0 && minor < 9)) {
		run_done(&version);
		cr_skip_test("this nvim is %u.%u: -l came with 0.9", major, minor);
	}
	run_done(&version);
	profiled_run(BPROF_PERF, TRUTH, NULL, WORDS("--lines", "--boundaries=none"),
		     WORDS("nvim", "-l", "busy.lua", "0.5"), &p);
	cr_expect(p.run.status == 0, "status %d: %s", p.run.status, p.run.err.data);
	cr_expect(p.profile && json_length(json_at(p.profile, "runtimes")) > 0, "no VM was seen");
	profiled_done(&p);
}
