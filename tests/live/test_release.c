/* SPDX-License-Identifier: MIT */
/*
 * --release at a real run: the folders of the tests hold what the profile of the run says of them,
 * no sample is in two of them, and the tree is the invoking user's.
 *
 * Needs root, BPF, the interpreters and busted; skips with the reason otherwise.
 */
#include <criterion/criterion.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiled.h"

#define COSTS SOURCE_DIR "/tests/fixtures/live/costs"

/* @file in the one folder of @folder whose name begins with @prefix. */
static yajl_val read_in(const char *directory, const char *folder, const char *prefix,
			const char *file)
{
	char *path = path_join(directory, folder), found[1024] = "";
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t nr = 0;

	cr_assert(dir != NULL, "%s", path);
	while ((entry = readdir(dir)))
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0) {
			snprintf(found, sizeof(found), "%s/%s/%s", path, entry->d_name, file);
			nr++;
		}
	closedir(dir);
	free(path);
	cr_assert(nr == 1, "%zu folders of '%s' in %s", nr, prefix, folder);
	return json_read(found);
}

/* The part of one test is the test. Returns its samples. */
static long long check_test(const char *directory, yajl_val test)
{
	char part[64];
	const char *id = json_string_at(test, "id");
	yajl_val own, same;
	long long samples;

	own = read_in(directory, "benchmarks/busted/by_release", id, "profile.json");
	snprintf(part, sizeof(part), "test %s", id);
	cr_expect_str_eq(json_string_at(own, "part"), part);
	cr_assert(json_length(json_at(own, "tests")) == 1);
	same = json_item(json_at(own, "tests"), 0);
	cr_expect(json_int_at(same, "wall_ns") == json_int_at(test, "wall_ns"));
	cr_expect(json_int_at(same, "cpu_ns") == json_int_at(test, "cpu_ns"));
	cr_expect(json_int_at(own, "phases.test.wall_ns") == json_int_at(test, "wall_ns"));
	samples = json_int_at(own, "samples.taken");
	cr_expect(samples == json_int_at(test, "samples") + json_int_at(test, "fixtures.samples"));
	yajl_tree_free(own);
	return samples;
}

static void check_tests(const struct profiled *p)
{
	yajl_val tests = json_at(p->profile, "tests");
	long long samples = 0, in_tests, unresolved;

	cr_assert(json_length(tests) > 0);
	for (size_t i = 0; i < json_length(tests); i++)
		samples += check_test(p->directory, json_item(tests, i));
	/* a sample of a test may be unresolved, and is counted as that */
	in_tests = json_int_at(p->profile, "samples.in_tests");
	unresolved = json_int_at(p->profile, "samples.unresolved");
	cr_expect(samples >= in_tests && samples <= in_tests + unresolved,
		  "%lld samples in folders, %lld in tests, %lld unresolved", samples, in_tests,
		  unresolved);
}

static void check_summary(const struct profiled *p)
{
	yajl_val summary =
		read_in(p->directory, "benchmarks/busted/all/artifacts", "v1.2.3-", "summary.json");

	cr_expect_str_eq(json_string_at(summary, "schema"), "bprof-perf/summary/1");
	cr_expect_str_eq(json_string_at(summary, "release"), "v1.2.3");
	cr_expect_str_eq(json_string_at(summary, "status"), "passed");
	cr_expect(json_int_at(summary, "num_success") ==
		  json_int_at(p->profile, "suite.successes"));
	cr_expect_str_eq(json_string_at(summary, "lua_version"),
			 json_string_at(p->profile, "versions.lua"));
	yajl_tree_free(summary);
}

static void check_release(const char *interpreter)
{
	struct profiled p;

	skip_unless_profiling(BPROF_PERF, interpreter);
	profiled_run(BPROF_PERF, COSTS, NULL, (const char *const[]){"--release", "v1.2.3", NULL},
		     (const char *const[]){interpreter, "/usr/bin/busted", "-o", "TAP", NULL}, &p);
	cr_assert(p.run.status == 0 && p.profile, "status %d: %s", p.run.status, p.run.err.data);
	check_tests(&p);
	check_summary(&p);
	profiled_done(&p);
}

Test(release, of_a_suite_on_luajit)
{
	check_release("luajit");
}

Test(release, of_a_suite_on_lua_5_4)
{
	check_release("lua5.4");
}
