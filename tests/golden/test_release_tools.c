/* SPDX-License-Identifier: MIT */
/* A release history where a library is missing: less, never a failure. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "run.h"

#define RECORDING SOURCE_DIR "/tests/golden/recordings/luajit/in.bprof"

static char *top;

static void begin(void)
{
	top = directory_make();
}

static void end(void)
{
	directory_remove(top);
}

TestSuite(release_tools, .init = begin, .fini = end, .timeout = 120);

static int shell(const char *script)
{
	const char *argv[] = {"sh", "-ec", script, NULL};
	struct run run;
	int status;

	run_command(top, NULL, argv, &run);
	status = run.status;
	run_done(&run);
	return status;
}

/* report --release TAG, with one more variable. */
static void add(const char *tag, const char *variable, struct run *ret)
{
	const char *argv[] = {BPROF_PERF,	   "report", "-o",	  "out",
			      "--format",	   "json",   "--release", tag,
			      "--minimum-samples", "0",	     RECORDING,	  NULL};
	const char *env[] = {variable, NULL};

	run_command(top, env, argv, ret);
	cr_assert(eq(int, ret->status, 0), "%s", ret->err.data);
}

/* ld.so takes the first file of the name, and this one is none. */
Test(release_tools, without_cairo_there_are_no_pictures_and_it_is_said)
{
	char variable[512];
	struct run run;

	cr_assert(eq(int, shell("mkdir lib && touch lib/libcairo.so.2"), 0));
	snprintf(variable, sizeof(variable), "LD_LIBRARY_PATH=%s/lib", top);
	add("v1.0.0", variable, &run);
	cr_expect(ne(ptr, strstr(run.err.data, "no pictures: libcairo.so.2"), NULL), "%s",
		  run.err.data);
	run_done(&run);
	cr_expect(eq(int,
		     shell("grep -rq 'There are no pictures: libcairo.so.2' "
			   "out/benchmarks/*/README.md out/benchmarks/busted/all/README.md"),
		     0));
	cr_expect(eq(int, shell("test -z \"$(find out -name 'timing.png')\""), 0));
}
