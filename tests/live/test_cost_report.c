/* SPDX-License-Identifier: MIT */
/*
 * The cost report of a real suite that is repeated: who burns, who waits, and how far its runs
 * differ, in JSON, as Markdown and on the terminal.
 *
 * Needs root, BPF, the interpreters and busted; skips with the reason otherwise.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiled.h"

#define COSTS SOURCE_DIR "/tests/fixtures/live/costs"
#define RUNS  3

static yajl_val row_named(yajl_val rows, const char *name)
{
	for (size_t i = 0; i < json_length(rows); i++)
		if (strcmp(json_string_at(json_item(rows, i), "name"), name) == 0)
			return json_item(rows, i);
	cr_assert(false, "no row \"%s\"", name);
	return NULL;
}

static void check_rows(yajl_val costs)
{
	yajl_val burns = row_named(json_at(costs, "tests"), "costs burns #hot");
	yajl_val waits = row_named(json_at(costs, "tests"), "costs waits #cold");
	const char *kind = json_string_at(burns, "kind");

	cr_expect(json_int_at(burns, "runs") == RUNS && json_int_at(waits, "runs") == RUNS);
	cr_expect(json_int_at(burns, "cpu_ns") > 29000000 &&
			  json_int_at(burns, "cpu_ns") < 33000000,
		  "30 ms burnt are %lld ns", json_int_at(burns, "cpu_ns"));
	/* what neighbours do to it is told apart from sleep */
	cr_expect(strcmp(kind, "burns") == 0 || strcmp(kind, "starved") == 0, "it %s", kind);
	cr_expect(strcmp(json_string_at(waits, "kind"), "waits") == 0, "it %s",
		  json_string_at(waits, "kind"));
	cr_expect(json_int_at(waits, "meters.voluntary_switches") > 0);
	cr_expect(json_int_at(row_named(json_at(costs, "tags"), "hot"), "cpu_ns") ==
		  json_int_at(burns, "cpu_ns"));
	cr_expect(json_length(json_at(costs, "files")) == 1);
}

static void check_markdown(const char *directory)
{
	char *path = path_join(directory, "costs.md");
	char line[1024];
	int rows = 0;
	FILE *f = fopen(path, "r");

	cr_assert(f != NULL, "no %s", path);
	while (fgets(line, sizeof(line), f))
		rows += strstr(line, "| costs burns &#35;hot |") != NULL;
	fclose(f);
	cr_expect(rows == 1, "%d rows of the test", rows);
	free(path);
}

static void check_costs(const char *interpreter)
{
	struct profiled p;

	skip_unless_profiling(BPROF_PERF, interpreter);
	profiled_run(BPROF_PERF, COSTS, NULL,
		     (const char *const[]){"--costs", "--format", "json,markdown", NULL},
		     (const char *const[]){interpreter, "/usr/bin/busted", "-o", "TAP",
					   "--repeat=3", NULL},
		     &p);
	cr_assert(p.run.status == 0 && p.profile, "status %d: %s", p.run.status, p.run.err.data);
	check_rows(json_at(p.profile, "costs"));
	check_markdown(p.directory);
	cr_expect(strstr(p.run.err.data, "what the tests cost (2 of 2)") != NULL);
	profiled_done(&p);
}

Test(costs, of_a_repeated_suite_on_luajit)
{
	check_costs("luajit");
}

Test(costs, of_a_repeated_suite_on_lua_5_4)
{
	check_costs("lua5.4");
}
