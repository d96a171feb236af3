/* SPDX-License-Identifier: MIT */
/*
 * A history of twelve releases of the example, made by tools/history with the commands that users
 * have: its order, its page, its pictures, and that what was planted is in the figures.
 *
 * Needs root, BPF, git, busted and luajit; skips with the reason otherwise.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiled.h"
#include "run.h"

#define TOOL	SOURCE_DIR "/tools/history"
#define ALL	"benchmarks/busted/all/"
#define COLLATZ "checksum in a hot loop #slow collatz"

static char *directory, *place;

static void expect_in_order(const char *what, const struct text *text, const char *const *words)
{
	const char *at = text->data;

	for (; *words; words++) {
		const char *next = strstr(at, *words);

		cr_assert(next, "%s: '%s' is missing behind '%.200s'", what, *words, at);
		at = next + strlen(*words);
	}
}

/* Width and height are the first fields of the first chunk. */
static void expect_picture(const char *name, unsigned width, unsigned height)
{
	char *path = path_join(place, name);
	struct text png = file_read(path);
	const unsigned char *field = (const unsigned char *)png.data + 16;

	cr_assert(png.len > 10000, "%s has %zu bytes", name, png.len);
	cr_expect(memcmp(png.data, "\x89PNG\r\n\x1a\n", 8) == 0);
	cr_expect((unsigned)(field[2] << 8 | field[3]) == width);
	cr_expect((unsigned)(field[6] << 8 | field[7]) == height);
	text_done(&png);
	free(path);
}

static double time_of(const char *release, const char *test)
{
	char command[512];
	struct text out;
	double value;

	snprintf(command, sizeof(command),
		 "python3 -c 'import json,glob; print([t[\"wall_ns\"] for t in "
		 "json.load(open(glob.glob(\"" ALL
		 "artifacts/%s-2*/profile.json\")[0]))[\"tests\"] "
		 "if t[\"full_name\"] == \"%s\"][0])'",
		 release, test);
	out = shell_output(place, command);
	value = atof(out.data);
	text_done(&out);
	return value;
}

Test(history, of_twelve_releases_of_the_example, .timeout = 600)
{
	static const char *const rows[] = {
		"| v2.0.0 |", "| v1.10.0 |",  "| v1.9.0 |", "| v1.3.0 |",	 "| v1.2.0 |",
		"| v1.1.0 |", "| v1.0.0.1 |", "| v1.0.0 |", "| v1.0.0-beta.1 |", "| v0.10.0 |",
		"| v0.9.1 |", "| v0.9.0 |",   NULL};
	static const char *const sections[] = {"# Benchmarking results: all tests",
					       "## General summary",
					       "v2.0.0 against v1.10.0",
					       "total time:",
					       "## Across releases",
					       "img src=\"timing.png\"",
					       "11 of 12 runs are shown",
					       "## Most recent timing: v2.0.0-",
					       "collatz",
					       "## Past runs",
					       "## Files",
					       NULL};
	struct text page;
	struct run run;
	char *build;

	skip_unless_profiling(BPROF_PERF, "luajit");
	if (!program_exists("git") || !program_exists("python3"))
		cr_skip_test("git or python3 is not installed");
	directory = directory_make();
	place = path_join(directory, "history");
	build = strdup(BPROF_PERF);
	*strrchr(build, '/') = 0;
	run_command(NULL, NULL, (const char *const[]){TOOL, "-b", build, place, NULL}, &run);
	cr_assert(run.status == 0, "%s", run.err.data);
	run_done(&run);
	page = shell_output(place, "cat " ALL "README.md");
	expect_in_order("README.md", &page, sections);
	text_done(&page);
	page = shell_output(place, "sed -n '/^## Past runs/,$p' " ALL "README.md");
	expect_in_order("past runs", &page, rows);
	text_done(&page);
	shell_run(place, "test $(ls " ALL "artifacts | wc -l) = 12");
	shell_run(place, "! grep -q failed " ALL "README.md");
	expect_picture(ALL "timing.png", 1200, 900);
	shell_run(place, "test $(grep -c '<svg' " ALL "timing.svg) = 1");
	if (program_exists("dot"))
		shell_run(place, "grep -q '</svg>' " ALL "slowest.svg");
	/* tests that went, and came */
	shell_run(place, "! ls benchmarks/busted/by_file | grep -q diff_spec");
	shell_run(place, "ls benchmarks/busted/by_file | grep -q sums_spec");
	shell_run(place, "test -s benchmarks/busted/tags/numbers/README.md");
	/* 480,000 sequences, then a million */
	cr_expect(time_of("v1.2.0", COLLATZ) > 1.3 * time_of("v1.1.0", COLLATZ));
	cr_expect(time_of("v2.0.0", COLLATZ) < 0.8 * time_of("v1.3.0", COLLATZ));
	shell_run(place, "git status --porcelain | grep -v benchmarks/ | wc -l | grep -qx 0");
	free(build);
	free(place);
	directory_remove(directory);
}
