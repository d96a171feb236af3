/* SPDX-License-Identifier: MIT */
/*
 * VMs that no probe can announce: the interpreter is a part of a stripped program, so that no
 * symbol is left, or of a library that lies where only the program looks for it.
 */
#include <criterion/criterion.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

#define RUN_SECONDS "1"
#define FREQUENCY   997
#define SHORT_RUNS  20

static const char *skip_unless_possible(const char *host, const char *library)
{
	const char *reason = why_no_profiling(BPROF_PERF);

	if (reason)
		cr_skip_test("%s", reason);
	if (!*host)
		cr_skip_test("%s is not installed", library);
	return host;
}

/* Samples of the lines that hold @part; of all lines if it is NULL. */
static unsigned long samples_with(const char *folded, const char *part)
{
	char *copy = strdup(folded), *rest = copy, *line;
	unsigned long samples = 0;

	while ((line = strsep(&rest, "\n"))) {
		const char *space = strrchr(line, ' ');

		if (space && (!part || strstr(line, part)))
			samples += strtoul(space + 1, NULL, 10);
	}
	free(copy);
	return samples;
}

/* tracing.folded of a run: text_done() */
static struct text folded_of(const char *const command[5])
{
	char *directory = directory_make(), *path = path_join(directory, "tracing.folded");
	struct text folded;
	struct run run;

	run_command(SOURCE_DIR "/tests/truth", NULL,
		    (const char *const[]){BPROF_PERF, "-o", directory, "--boundaries=none",
					  "--lines", "--", command[0], command[1], command[2],
					  command[3], command[4], NULL},
		    &run);
	cr_assert(run.status == 0, "%s: status %d: %s", command[0], run.status, run.err.data);
	folded = file_read(path);
	cr_assert(folded.data != NULL);
	run_done(&run);
	free(path);
	directory_remove(directory);
	return folded;
}

/* @percent: of the samples at least, that have stacks */
static void expect_stacks_of(const char *const command[5], unsigned percent)
{
	struct text folded = folded_of(command);
	unsigned long all = samples_with(folded.data, NULL);

	cr_expect(all >= FREQUENCY / 2, "%s", folded.data);
	/* The program lives a little before it has a VM, and that is found a little later: later
	   still where a neighbour keeps us from running. */
	cr_expect(samples_with(folded.data, "main chunk (busy.lua") >= all * percent / 100, "%s",
		  folded.data);
	cr_expect(samples_with(folded.data, "leaf (busy.lua") >= all * (percent - 10) / 100, "%s",
		  folded.data);
	text_done(&folded);
}

static void expect_stacks(const char *host)
{
	expect_stacks_of((const char *const[5]){host, "busy.lua", RUN_SECONDS}, 85);
}

static void skip_unless_opens(const char *library)
{
	const char *reason = why_no_profiling(BPROF_PERF);
	void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);

	if (reason)
		cr_skip_test("%s", reason);
	if (!handle)
		cr_skip_test("%s is not installed", library);
	dlclose(handle);
}

/* No interpreter is linked with the program: it is there only when the program has opened it. */
static void expect_stacks_of_opened(const char *library)
{
	skip_unless_opens(library);
	expect_stacks_of(
		(const char *const[5]){HOST_DLOPEN, library,
				       "arg = {'" RUN_SECONDS "'} dofile('busy.lua')"},
		40); /* probes come first, and wait for the kernel: 0.1 s, more when it is busy */
}

Test(unannounced, a_stripped_program_with_lua_5_1_in_it)
{
	expect_stacks(skip_unless_possible(host_lua5_1, "liblua5.1.a"));
}

Test(unannounced, a_stripped_program_with_lua_5_4_in_it)
{
	expect_stacks(skip_unless_possible(host_lua5_4, "liblua5.4.a"));
}

Test(unannounced, a_stripped_program_with_luajit_in_it)
{
	expect_stacks(skip_unless_possible(host_luajit_2_1, "libluajit-5.1.a"));
}

/*
 * The VM of a stripped program is found at the first sample or at one of the next, which may fall
 * anywhere: what its file tells must be known then, or no run of it has lines. And nothing may have
 * to be loaded then that takes longer than the search, on a machine that is not busy.
 */
Test(unannounced, short_runs_of_a_stripped_program_have_stacks_and_lines)
{
	const char *host = skip_unless_possible(host_lua5_1, "liblua5.1.a");
	unsigned nr_early = 0;

	for (unsigned i = 0; i < SHORT_RUNS; i++) {
		struct text folded = folded_of((const char *const[5]){host, "ratio.lua", "0.1"});
		unsigned long all = samples_with(folded.data, NULL);
		unsigned long known = samples_with(folded.data, "main chunk (ratio.lua");
		unsigned long without = samples_with(folded.data, ".lua:?)");

		cr_expect(known > 0 && without * 10 <= known, "run %u: %lu of %lu: %s", i, without,
			  known, folded.data);
		nr_early += known * 100 >= all * 91;
		text_done(&folded);
	}
	cr_expect(nr_early >= SHORT_RUNS / 4, "the VM was found early in %u of %d runs", nr_early,
		  SHORT_RUNS);
}

Test(unannounced, a_program_that_opens_lua_5_1)
{
	expect_stacks_of_opened("liblua5.1.so.0");
}

Test(unannounced, a_program_that_opens_lua_5_4)
{
	expect_stacks_of_opened("liblua5.4.so.0");
}

Test(unannounced, a_program_that_opens_luajit)
{
	expect_stacks_of_opened("libluajit-5.1.so.2");
}

/*
 * One stack of two families: a walker of each has to find its own frames, and to go on where the
 * other has ended.
 */
static void expect_nested(const char *outer, const char *inner)
{
	struct text folded;
	unsigned long all, busy, nested;

	skip_unless_opens(outer);
	skip_unless_opens(inner);
	folded = folded_of((const char *const[5]){HOST_DLOPEN, outer,
						  "function around() inner() return 1 end around()",
						  inner, "arg = {'2'} dofile('busy.lua')"});
	all = samples_with(folded.data, NULL);
	busy = samples_with(folded.data, "leaf (busy.lua");
	nested = samples_with(folded.data, "inner [C];main chunk (");
	cr_expect(busy * 100 >= all * 40, "%lu of %lu: %s", busy, all, folded.data);
	/* named by its globals or by the file; the VM found first is alone for a moment */
	cr_expect(nested * 100 >= busy * 80, "%lu of %lu: %s", nested, busy, folded.data);
	text_done(&folded);
}

Test(unannounced, luajit_inside_lua_5_4)
{
	expect_nested("liblua5.4.so.0", "libluajit-5.1.so.2");
}

Test(unannounced, lua_5_4_inside_luajit)
{
	expect_nested("libluajit-5.1.so.2", "liblua5.4.so.0");
}
