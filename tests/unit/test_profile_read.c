/* SPDX-License-Identifier: MIT */
/* A profile.json read again says in its summary and its tables what the profile itself says. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "output.h"
#include "profiles.h"
#include "release_pages.h"
#include "report/profile_read.h"
#include "timing.h"

static const struct output_opts opts = {.top = 1000, .include_framework = true};
static struct buf why;

static char *written(int (*write)(const struct profile *p, const struct output_opts *o, FILE *out),
		     const struct profile *p, size_t *ret_len)
{
	char *text;
	FILE *out = open_memstream(&text, ret_len);

	cr_assert(eq(int, write(p, &opts, out), 0));
	fclose(out);
	return text;
}

static int tests_table(const struct profile *p, const struct output_opts *o, FILE *out)
{
	struct timing timing;
	int r = timing_of(p, o, &timing);

	if (r < 0)
		return r;
	r = release_timing(&timing, TABLE_CSV, out);
	timing_done(&timing);
	return r;
}

/* Lines of tests: functions have names by themselves in one and by the view in the other. */
static void keep_tests(char *csv)
{
	char *functions = strstr(csv, "\r\nfunction,");

	if (functions)
		*functions = 0;
}

static void expect_same(const char *name, const struct profile *p)
{
	struct profile_read *read;
	char *json, *one, *other;
	size_t len, unused;

	json = written(output_find("json")->write, p, &len);
	cr_assert(eq(int, profile_read(json, len, &read, &why), 0), "%s: %s", name, why.data);
	one = written(release_summary, p, &unused);
	other = written(release_summary, profile_read_profile(read), &unused);
	/* the release is an argument of publish, not of the file */
	cr_expect_str_eq(one, other, "%s", name);
	free(one);
	free(other);
	one = written(tests_table, p, &unused);
	other = written(tests_table, profile_read_profile(read), &unused);
	keep_tests(one);
	keep_tests(other);
	cr_expect_str_eq(one, other, "%s", name);
	free(one);
	free(other);
	free(json);
	profile_read_free(read);
}

Test(profile_read, says_what_the_profile_says)
{
	buf_init(&why, 4096);
	for (const struct profile_case *c = profile_cases; c->name; c++)
		expect_same(c->name, c->make());
	buf_done(&why);
}

Test(profile_read, what_is_no_profile_is_refused_with_a_reason)
{
#define HEAD "{\"schema\": \"bprof-perf/profile/1\", \"started_at\": \"2026-01-02T03:04:05.006Z\""
#define TEST "\"id\": \"0def7692-3749-3fba-b336-54de87ff296d\", \"full_name\": \"a\""
	static const char *const cases[][2] = {
		{"{", ""},
		{"{}", "'schema' is missing"},
		{"{\"schema\": \"bprof-perf/profile/2\"}", "'schema' is not bprof-perf/profile/1"},
		{"{\"schema\": \"bprof-perf/profile/1\"}", "'started_at' is missing"},
		{HEAD ", \"part\": \"tag fast\"}", "'part' says that it is of some tests only"},
		{HEAD ", \"started_at\": \"yesterday\"}", "'started_at' is no time"},
		{HEAD ", \"started_at\": \"2026-13-02T03:04:05.006Z\"}", "'started_at' is no time"},
		{HEAD ", \"exit_status\": 256}", "'exit_status' is no exit status"},
		{HEAD ", \"wall_ns\": -1}", "'wall_ns' is no valid number"},
		{HEAD ", \"tests\": [{}]}", "'tests[]' lacks an id, a name or a status"},
		{HEAD ", \"tests\": [{" TEST "}]}", "'tests[]' lacks an id, a name or a status"},
		{HEAD ", \"tests\": [{" TEST ", \"status\": \"fine\"}]}",
		 "'tests[].status' is no status"},
		{HEAD ", \"tests\": [{\"id\": \"../../../../../../../../../etc/passwd\"}]}",
		 "'tests[].id' is no id"},
		{HEAD ", \"functions\": [{\"line\": 3}]}", "'functions[]' lacks a name"},
	};
	static const char least[] = HEAD ", \"tests\": [{" TEST ", \"status\": \"success\"}]}";
	struct profile_read *read;

	buf_init(&why, 4096);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		buf_reset(&why);
		cr_expect(eq(int, profile_read(cases[i][0], strlen(cases[i][0]), &read, &why),
			     -EBADMSG),
			  "%s", cases[i][0]);
		cr_expect(ne(ptr, strstr(why.data, cases[i][1]), NULL), "%s: %s", cases[i][0],
			  why.data);
	}
	buf_reset(&why);
	cr_assert(eq(int, profile_read(least, strlen(least), &read, &why), 0), "%s", why.data);
	cr_expect(eq(u64, profile_read_profile(read)->tests[0].body.wall_ns, PROFILE_UNKNOWN));
	cr_expect(
		eq(u64, profile_read_profile(read)->started_at_ns, UINT64_C(1767323045006000000)));
	cr_expect(eq(int, profile_read_profile(read)->exit_status, -1));
	profile_read_free(read);
	buf_done(&why);
}
