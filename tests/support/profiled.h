/* SPDX-License-Identifier: MIT */
/*
 * A command under bprof-perf and what came of it, and what must hold for every such run: whole
 * accounts, and the tests busted itself says it ran (tests/support/status_output.lua).
 */
#ifndef TESTS_PROFILED_H
#define TESTS_PROFILED_H

#include <stdbool.h>
#include <stddef.h>

#include "json_doc.h"
#include "run.h"

struct profiled {
	struct run run;
	char *directory;  /* the output directory */
	yajl_val profile; /* NULL where no profile.json was written */
};

/**
 * profiled_run() - "bprof-perf -o DIRECTORY [OPTIONS...] -- COMMAND..."
 * @program: path of bprof-perf
 * @cwd, @env: as for run_command()
 * @options: NULL-terminated; may be NULL
 * @command: NULL-terminated
 *
 * Owns: @ret; release with profiled_done(), which removes the directory.
 */
void profiled_run(const char *program, const char *cwd, const char *const *env,
		  const char *const *options, const char *const *command, struct profiled *ret);
void profiled_done(struct profiled *p);

/* Skips the running test, with the reason, where @program cannot profile or @interpreter is
 * missing. */
void skip_unless_profiling(const char *program, const char *interpreter);

/* taken = in tests + outside + lost + unresolved; nothing lost; at most 1 % unresolved. */
void expect_whole_accounts(const char *what, yajl_val profile);

/**
 * expect_tests_as_said() - the profile has exactly the tests busted named, in its order
 * @said: what status_output.lua wrote, perhaps among other lines
 *
 * A failing before_each is an error outside of the tests for busted, which then says nothing of the
 * test it was for; the profile shows that test as an error. Return: number of tests.
 */
size_t expect_tests_as_said(const char *what, yajl_val profile, const struct text *said);

/* The test of that name, or NULL. */
yajl_val profiled_test(yajl_val profile, const char *name);

#endif
