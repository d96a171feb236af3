/* SPDX-License-Identifier: MIT */
/*
 * Programs that are hard to profile: stripped bytecode, names of 10 MB, chunks that are gone at
 * once, libraries taken apart, more frames than a sample holds. Never a guess, never a hang.
 *
 * Needs root, BPF and the interpreters; skips with the reason otherwise.
 */
#include <criterion/criterion.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiled.h"
#include "truth.h"

#define BAD	      SOURCE_DIR "/tests/fixtures/live/bad"
#define STATUS_OUTPUT SOURCE_DIR "/tests/support/status_output.lua"

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

TestSuite(bad_targets, .timeout = 120);

static void profile_script(const char *interpreter, const char *script, struct profiled *p)
{
	const char *reason = why_no_profiling(BPROF_PERF);

	if (reason)
		cr_skip_test("%s", reason);
	if (!program_exists(interpreter))
		cr_skip_test("%s is not installed", interpreter);
	profiled_run(BPROF_PERF, BAD, NULL, WORDS("-q", "--lines", "--boundaries=none"),
		     WORDS(interpreter, script), p);
	cr_assert(p->run.status == 0, "%s %s: status %d: %s", interpreter, script, p->run.status,
		  p->run.err.data);
	cr_assert(p->profile != NULL, "%s %s: no profile", interpreter, script);
	expect_whole_accounts(script, p->profile);
}

/* Calls fn(line, samples, ctx) for each folded line. Return: its sum. */
static long long sum_lines(const struct profiled *p, long long (*fn)(char *line, long long samples))
{
	char *path = path_join(p->directory, "tracing.folded"), *rest, *line;
	struct text folded = file_read(path);
	long long sum = 0;

	cr_assert(folded.data != NULL);
	rest = folded.data;
	while ((line = strsep(&rest, "\n"))) {
		char *count = strrchr(line, ' ');

		if (!count)
			continue;
		*count = '\0';
		sum += fn(line, atoll(count + 1));
	}
	text_done(&folded);
	free(path);
	return sum;
}

/* ---- no debug information ------------------------------------------------------------------ */

/* Below the call of a stripped function no line may be claimed. */
static long long check_stripped(char *line, long long samples)
{
	char *below = strstr(line, "main chunk (stripped.lua:18);"), *frame;

	if (!below)
		return 0;
	strsep(&below, ";");
	while ((frame = strsep(&below, ";")))
		if (frame[0] != '[')
			cr_expect(strstr(frame, ":?)") != NULL, "a line is claimed: %s", frame);
	return samples;
}

static void check_stripped_code(const char *interpreter)
{
	struct profiled p;

	profile_script(interpreter, "stripped.lua", &p);
	cr_expect(sum_lines(&p, check_stripped) >= 150, "%s: too few samples", interpreter);
	profiled_done(&p);
}

Test(bad_targets, stripped_code_claims_no_line)
{
	check_stripped_code("luajit");
	check_stripped_code("lua5.3"); /* 5.1 and 5.2 cannot strip */
	check_stripped_code("lua5.4");
}

/* ---- names --------------------------------------------------------------------------------- */

static long long check_cut_name(char *line, long long samples)
{
	cr_expect(strlen(line) < 1000, "a line of %zu bytes", strlen(line));
	return strstr(line, "main chunk (huge.lua:7);main chunk ([string \"local n") ? samples : 0;
}

static void check_huge_name(const char *interpreter)
{
	struct profiled p;
	struct text recording;
	char *path;

	profile_script(interpreter, "huge.lua", &p);
	cr_expect(sum_lines(&p, check_cut_name) >= 150, "%s: too few samples", interpreter);
	path = path_join(p.directory, "recording.bprof");
	recording = file_read(path);
	cr_expect(recording.len > 0 && recording.len < 1000000, "a recording of %zu bytes",
		  recording.len);
	text_done(&recording);
	free(path);
	profiled_done(&p);
}

Test(bad_targets, a_chunk_of_10_mb_has_a_short_name)
{
	check_huge_name("luajit");
	check_huge_name("lua5.1");
	check_huge_name("lua5.4");
}

/* "main chunk (chunk123:1)": a chunk has a number, line 1 and nothing below. */
static long long check_churned(char *line, long long samples)
{
	char *chunk = strstr(line, "main chunk (churn.lua:7);main chunk (chunk");

	if (!chunk)
		return 0;
	chunk += strlen("main chunk (churn.lua:7);main chunk (chunk");
	cr_expect(isdigit((unsigned char)*chunk), "not a chunk: %s", line);
	chunk += strspn(chunk, "0123456789");
	cr_expect(strncmp(chunk, ":1)", 3) == 0 || strncmp(chunk, ":?)", 3) == 0,
		  "another line: %s", line);
	return samples;
}

static void check_churn(const char *interpreter)
{
	struct profiled p;

	profile_script(interpreter, "churn.lua", &p);
	cr_expect(sum_lines(&p, check_churned) >= 1, "%s: no chunk was seen", interpreter);
	profiled_done(&p);
}

Test(bad_targets, chunks_that_are_gone_at_once)
{
	check_churn("luajit");
	check_churn("lua5.1");
	check_churn("lua5.4");
}

/* "call (reuse.lua:7);main chunk (line7:1)": each caller calls chunks of its own name. */
static long long check_reused(char *line, long long samples)
{
	static const char caller[] = " (reuse.lua:", chunk[] = ");main chunk (line";
	char *called = strstr(line, chunk), *at;

	if (!called)
		return 0;
	at = called;
	while (at > line && isdigit((unsigned char)at[-1]))
		at--;
	if (at == called || at - line < (long)strlen(caller) ||
	    strncmp(at - strlen(caller), caller, strlen(caller)) != 0)
		return 0;
	cr_expect(strtol(at, NULL, 10) == strtol(called + strlen(chunk), NULL, 10),
		  "the name of another: %s", line);
	return samples;
}

static void check_reuse(const char *interpreter)
{
	struct profiled p;

	profile_script(interpreter, "reuse.lua", &p);
	cr_expect(sum_lines(&p, check_reused) >= 50, "%s: no chunk was seen", interpreter);
	profiled_done(&p);
}

Test(bad_targets, chunks_that_take_the_place_of_others)
{
	check_reuse("luajit");
	check_reuse("lua5.1");
	check_reuse("lua5.4");
}

/* ---- libraries taken apart ----------------------------------------------------------------- */

static void check_replaced(const char *interpreter)
{
	static const char *const stacks[] = {
		"main:* @*?",
		"main:32 run|anon:8-10 @*?",
		"main:32 run|anon:9 @* anon:24-31 @*?",
		"main:32 run|anon:9 @* anon:27 leaf:19-23",
		NULL,
	};
	const struct truth_program truth = {.name = "replaced", .stacks = stacks};
	struct truth_tally t = {0};
	struct profiled p;
	char *path, *rest, *line;
	struct text folded;

	profile_script(interpreter, "replaced.lua", &p);
	path = path_join(p.directory, "tracing.folded");
	folded = file_read(path);
	cr_assert(folded.data != NULL);
	rest = folded.data;
	while ((line = strsep(&rest, "\n")))
		if (*line && truth_count(&truth, line, &t) == VERDICT_WRONG)
			cr_log_warn("%s: wrong: %s", interpreter, line);
	cr_expect(t.samples[VERDICT_WRONG] + t.samples[VERDICT_BAD] == 0, "%s: wrong stacks",
		  interpreter);
	cr_expect(t.samples[VERDICT_EXACT] + t.samples[VERDICT_MARKED] >= 150, "%s: too few",
		  interpreter);
	text_done(&folded);
	free(path);
	profiled_done(&p);
}

Test(bad_targets, a_program_without_its_libraries)
{
	check_replaced("luajit");
	check_replaced("lua5.1");
	check_replaced("lua5.4");
}

static void check_suite_without_libraries(const char *interpreter)
{
	const char *const *command = WORDS(interpreter, "/usr/bin/busted", "-o", STATUS_OUTPUT,
					   "spec/replaced_spec.lua");
	struct profiled p;
	struct run plain;

	skip_unless_profiling(BPROF_PERF, interpreter);
	run_command(BAD, NULL, command, &plain);
	profiled_run(BPROF_PERF, BAD, NULL, NULL, command, &p);
	cr_expect(p.run.status == plain.status, "%s: status %d, not %d", interpreter, p.run.status,
		  plain.status);
	cr_expect(text_equal(&p.run.out, &plain.out), "%s: stdout differs", interpreter);
	cr_assert(p.profile != NULL);
	cr_expect(expect_tests_as_said(interpreter, p.profile, &plain.out) == 2);
	expect_whole_accounts(interpreter, p.profile);
	run_done(&plain);
	profiled_done(&p);
}

Test(bad_targets, a_suite_that_replaces_what_the_hook_uses)
{
	check_suite_without_libraries("luajit");
	check_suite_without_libraries("lua5.4");
}

/* ---- deep recursion ------------------------------------------------------------------------ */

static void check_deep(const char *interpreter, const char *boundaries)
{
	struct profiled p;
	yajl_val test;

	skip_unless_profiling(BPROF_PERF, interpreter);
	profiled_run(BPROF_PERF, BAD, NULL, WORDS("-q", boundaries),
		     WORDS(interpreter, "/usr/bin/busted", "-o", "TAP", "spec/deep_spec.lua"), &p);
	cr_assert(p.profile != NULL, "%s", p.run.err.data);
	test = profiled_test(p.profile, "is deep");
	cr_assert(test != NULL, "%s %s: no test", interpreter, boundaries);
	cr_expect(json_length(json_at(test, "path")) == 1, "%s: not its path", interpreter);
	cr_expect(json_int_at(test, "samples") >= 100, "%s %s: %lld samples", interpreter,
		  boundaries, json_int_at(test, "samples"));
	cr_expect(json_int_at(p.profile, "samples.truncated") >= 100, "%s: not marked",
		  interpreter);
	profiled_done(&p);
}

Test(bad_targets, a_test_is_known_under_300_frames)
{
	check_deep("luajit", "--boundaries=stack");
	check_deep("luajit", "--boundaries=hook");
	check_deep("lua5.1", "--boundaries=stack");
	check_deep("lua5.4", "--boundaries=stack");
}
