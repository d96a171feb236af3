/* SPDX-License-Identifier: MIT */
/*
 * Commands that cannot be started, end badly, or bring hostile names: each time one sentence that
 * names the cause, the right exit status, and what could be kept is kept.
 *
 * Needs root and BPF; skips with the reason otherwise.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "place.h"
#include "profiled.h"

#define HOSTILE SOURCE_DIR "/tests/fixtures/live/hostile"
#define LEAVING SOURCE_DIR "/tests/fixtures/live/leaving"

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void begin(void)
{
	const char *reason = why_no_profiling(BPROF_PERF);

	if (reason)
		cr_skip_test("%s", reason);
	place_make();
}

static void end(void)
{
	place_remove();
}

TestSuite(bad_input, .init = begin, .fini = end, .timeout = 60);

/* "bprof-perf -q -o out ARGUMENTS..." does nothing but say why. */
static void check_refusal(const char *const *arguments, int status, const char *sentence)
{
	const char *argv[RUN_MAX_ARGS + 1] = {"-q", "-o", "out"};
	const char *what = arguments[0];
	struct run run;
	size_t nr = 3;

	for (; *arguments; arguments++) {
		argv[nr++] = *arguments;
		what = *arguments;
	}
	argv[nr] = NULL;
	run_here(BPROF_PERF, argv, &run);
	expect_refusal(what, &run, status, sentence);
	cr_expect(count_files("out") == 0, "%s: files were written", what);
	expect_nobody_stopped(what);
	run_done(&run);
}

/* ---- usage --------------------------------------------------------------------------------- */

Test(bad_input, options_that_make_no_sense_are_usage_errors)
{
	check_refusal(WORDS("-F", "0", "--", "true"), 2, "--frequency '0' is not a number");
	check_refusal(WORDS("-F", "10000", "--", "true"), 2, "from 1 to 9999");
	check_refusal(WORDS("-F", "abc", "--", "true"), 2, "'abc' is not a number");
	check_refusal(WORDS("-F", "-1", "--", "true"), 2, "'-1' is not a number");
	check_refusal(WORDS("-F", "99999999999999999999", "--", "true"), 2, "is not a number");
	check_refusal(WORDS("--format", "xyz", "--", "true"), 2, "--format 'xyz' is not");
	check_refusal(WORDS("--boundaries=foo", "--", "true"), 2, "auto, hook, stack or none");
	check_refusal(WORDS("--event=nonsense", "--", "true"), 2, "nonsense");
	check_refusal(WORDS("--no-such-option", "--", "true"), 2, "'--no-such-option'");
	check_refusal(WORDS("--user=no-such-user-here", "--", "true"), 125, "no-such-user-here");
	check_refusal(WORDS("--"), 2, "no command given");
	check_refusal(WORDS("-q"), 2, "no command given");
}

/* ---- commands that cannot be started ------------------------------------------------------- */

Test(bad_input, a_command_that_is_missing)
{
	check_refusal(WORDS("--", "no-such-command"), 127, "'no-such-command' is not in the PATH");
	check_refusal(WORDS("--", "/no/such/command"), 127, "'/no/such/command': no such file");
	check_refusal(WORDS("--", "./here"), 127, "'./here': no such file");
	check_refusal(WORDS("--", ""), 127, "command ''");
	check_refusal(WORDS("--", "esc\033[31m\n"), 127, "is not in the PATH");
}

Test(bad_input, a_command_that_cannot_be_executed)
{
	char *directory = in_place("directory");

	cr_assert(mkdir(directory, 0755) == 0);
	write_file("text", "hello\n", 6, 0644);
	write_file("no_interpreter", "#!/no/such/interpreter\n", 23, 0755);
	check_refusal(WORDS("--", "./text"), 126, "chmod +x");
	check_refusal(WORDS("--", "./directory"), 126, "is a directory");
	check_refusal(WORDS("--", "/tmp"), 126, "is a directory");
	check_refusal(WORDS("--", "./no_interpreter"), 127, "cannot execute './no_interpreter'");
	free(directory);
}

Test(bad_input, busted_that_is_not_installed)
{
	struct run run;

	run_command(place, WORDS("PATH=/no/such/directory"),
		    WORDS(BPROF_PERF, "-q", "-o", "out", "--", "busted"), &run);
	expect_refusal("busted", &run, 127, "apt-get install lua-busted");
	cr_expect(count_files("out") == 0);
	run_done(&run);
}

/* ---- commands that end badly --------------------------------------------------------------- */

static void check_ending(const char *interpreter, const char *spec, int status, const char *test)
{
	struct profiled p;
	yajl_val open;

	if (!program_exists(interpreter) || !program_exists("busted"))
		cr_skip_test("%s or busted is not installed", interpreter);
	profiled_run(BPROF_PERF, LEAVING, NULL, NULL,
		     WORDS(interpreter, "/usr/bin/busted", "-o", "TAP", spec), &p);
	cr_expect(p.run.status == status, "%s: status %d, not %d: %s", spec, p.run.status, status,
		  p.run.err.data);
	cr_assert(p.profile != NULL, "%s: no profile: %s", spec, p.run.err.data);
	cr_expect(json_length(json_at(p.profile, "tests")) == 2, "%s: %zu tests", spec,
		  json_length(json_at(p.profile, "tests")));
	open = profiled_test(p.profile, test);
	cr_assert(open != NULL, "%s: no test \"%s\"", spec, test);
	cr_expect(json_bool_at(open, "incomplete"), "%s: \"%s\" is not marked incomplete", spec,
		  test);
	cr_expect(!json_bool_at(json_item(json_at(p.profile, "tests"), 0), "incomplete"));
	cr_expect(strstr(p.run.err.data, "the suite did not say that it ended") != NULL,
		  "%s: not said: %s", spec, p.run.err.data);
	expect_whole_accounts(spec, p.profile);
	profiled_done(&p);
}

Test(bad_input, a_suite_that_crashes_is_reported)
{
	check_ending("luajit", "crash_spec.lua", 128 + 11, "crashes");
	check_ending("lua5.4", "crash_spec.lua", 128 + 11, "crashes");
}

Test(bad_input, a_suite_that_is_killed_is_reported)
{
	check_ending("luajit", "kill_spec.lua", 128 + 9, "is killed");
}

Test(bad_input, a_test_that_exits_is_marked)
{
	check_ending("luajit", "three_spec.lua", 3, "leaves");
	check_ending("lua5.1", "three_spec.lua", 3, "leaves");
}

Test(bad_input, failures_that_exit_with_success_do_not_pass)
{
	struct profiled p;

	if (!program_exists("luajit") || !program_exists("busted"))
		cr_skip_test("luajit or busted is not installed");
	check_ending("luajit", "zero_spec.lua", 1, "leaves");
	profiled_run(BPROF_PERF, LEAVING, NULL, WORDS("-q"), WORDS("busted", "zero_spec.lua"), &p);
	cr_expect(strstr(p.run.err.data, "busted saw 1 failures and 0 errors, yet the command "
					 "exited with 0") != NULL,
		  "not said: %s", p.run.err.data);
	cr_expect(p.profile && json_int_at(p.profile, "exit_status") == 0);
	profiled_done(&p);
}

/* A shell, a crash, and no Lua anywhere: there are native frames to show. */
Test(bad_input, a_program_without_lua_is_profiled_as_what_it_is)
{
	static const char script[] =
		"i=0; while [ $i -lt 150000 ]; do i=$((i+1)); done; echo done; "
		"kill -SEGV $$";
	struct profiled p;
	struct text folded;
	char *path;

	profiled_run(BPROF_PERF, place, NULL, NULL, WORDS("sh", "-c", script), &p);
	cr_expect(p.run.status == 128 + 11, "status %d", p.run.status);
	cr_expect(strcmp(p.run.out.data, "done\n") == 0, "stdout: %s", p.run.out.data);
	cr_expect(strstr(p.run.err.data, "no Lua VM was seen") != NULL, "not said: %s",
		  p.run.err.data);
	cr_assert(p.profile != NULL);
	cr_expect(json_length(json_at(p.profile, "runtimes")) == 0);
	expect_whole_accounts("sh", p.profile);
	path = path_join(p.directory, "tracing.folded");
	folded = file_read(path);
	cr_expect(folded.data && strstr(folded.data, "[process: sh]") &&
			  strstr(folded.data, "libc"),
		  "no native frames: %s", folded.data);
	text_done(&folded);
	free(path);
	profiled_done(&p);
}

Test(bad_input, a_script_that_is_killed_keeps_its_profile)
{
	struct profiled p;

	profiled_run(BPROF_PERF, place, NULL, NULL, WORDS("sh", "-c", "kill -9 $$"), &p);
	cr_expect(p.run.status == 128 + 9, "status %d", p.run.status);
	cr_assert(p.profile != NULL, "no profile: %s", p.run.err.data);
	cr_expect(json_int_at(p.profile, "exit_status") == 128 + 9);
	profiled_done(&p);
}

/* ---- names --------------------------------------------------------------------------------- */

/* "frame;frame;frame 12", nothing else. Return: its samples. */
static long long check_folded_line(char *line)
{
	char *count = strrchr(line, ' '), *rest = line, *frame, *tail;
	long long samples;

	cr_assert(count != NULL, "no count: %s", line);
	*count++ = '\0';
	samples = strtoll(count, &tail, 10);
	cr_expect(*count && !*tail && samples > 0, "a bad count: %s", count);
	while ((frame = strsep(&rest, ";")))
		cr_expect(*frame, "an empty frame");
	return samples;
}

static void check_folded(const char *directory, yajl_val profile)
{
	char *path = path_join(directory, "tracing.folded"), *rest, *line;
	struct text folded = file_read(path);
	long long samples = 0;

	cr_assert(folded.data != NULL);
	expect_no_controls("tracing.folded", &folded);
	cr_expect(strlen(folded.data) == folded.len, "a NUL in tracing.folded");
	rest = folded.data;
	while ((line = strsep(&rest, "\n")))
		if (*line)
			samples += check_folded_line(line);
	cr_expect(samples == json_int_at(profile, "samples.taken") -
				     json_int_at(profile, "samples.lost"),
		  "%lld samples in tracing.folded, %lld taken", samples,
		  json_int_at(profile, "samples.taken"));
	text_done(&folded);
	free(path);
}

static void copy_spec(const char *name)
{
	struct text spec = file_read(HOSTILE "/spec/names_spec.lua");
	char *directory = in_place("spec");

	cr_assert(spec.data != NULL && (mkdir(directory, 0755) == 0 || errno == EEXIST));
	write_file(name, spec.data, spec.len, 0644);
	text_done(&spec);
	free(directory);
}

static void check_every_test_sampled(yajl_val profile, size_t nr_tests)
{
	yajl_val tests = json_at(profile, "tests");

	cr_expect(json_length(tests) == nr_tests, "%zu tests", json_length(tests));
	for (size_t i = 0; i < json_length(tests); i++) {
		yajl_val test = json_item(tests, i);

		cr_expect(json_int_at(test, "samples") >= 5, "test %zu: %lld samples", i,
			  json_int_at(test, "samples"));
		cr_expect(strcmp(json_string_at(test, "status"), "success") == 0, "test %zu: %s", i,
			  json_string_at(test, "status"));
	}
}

Test(bad_input, names_that_want_to_break_everything)
{
	static const char *const names[] = {"two\nlines\r\nand a\ttab", "a;b;c 42",
					    "say \"hi\" 'there' \\ back",
					    "\033]0;owned\a\033[2J\033[31mred"};
	struct profiled p;
	char *trace;

	if (!program_exists("luajit") || !program_exists("busted"))
		cr_skip_test("luajit or busted is not installed");
	copy_spec("spec/plain_spec.lua");
	copy_spec("spec/odd \n;\033[31m\"\377_spec.lua");
	profiled_run(BPROF_PERF, place, NULL, NULL,
		     WORDS("luajit", "/usr/bin/busted", "-o", "TAP", "--suppress-pending"), &p);
	cr_expect(p.run.status == 0, "status %d: %s", p.run.status, p.run.err.data);
	cr_assert(p.profile != NULL);
	expect_no_controls("the report", &p.run.err);
	check_every_test_sampled(p.profile, 2 * 12);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		cr_expect(profiled_test(p.profile, names[i]) != NULL, "\"%s\" is missing",
			  names[i]);
	check_folded(p.directory, p.profile);
	trace = path_join(p.directory, "flamegraph.json");
	yajl_tree_free(json_read(trace));
	free(trace);
	expect_whole_accounts("hostile names", p.profile);
	profiled_done(&p);
}
