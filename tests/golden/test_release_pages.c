/* SPDX-License-Identifier: MIT */
/*
 * The pages and tables of the release history, byte for byte; BLESS=1 writes the expected files to
 * tests/golden/release/.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base.h"
#include "golden.h"
#include "history.h"
#include "profiles.h"
#include "release_pages.h"

#define EXPECTED SOURCE_DIR "/tests/golden/release/"

static const struct output_opts opts = {.top = 10};

static char *text;
static size_t len;

static FILE *begin(void)
{
	return open_memstream(&text, &len);
}

static void expect(FILE *out, int r, const char *name, const char *file)
{
	char path[512];

	fclose(out);
	cr_assert(eq(int, r, 0), "%s", file);
	snprintf(path, sizeof(path), EXPECTED "%s.%s", name, file);
	golden_expect(path, text, len);
	free(text);
}

static void expect_profile(const char *name, const struct profile *whole)
{
	static const char *const siblings[] = {"summary.json", "profile.json", NULL};
	static const struct {
		enum table_style style;
		const char *file;
	} styles[] = {{TABLE_GITHUB, "timing.md"},
		      {TABLE_LINES, "timing.txt"},
		      {TABLE_CSV, "timing.csv"},
		      {TABLE_JSON, "timing.json"}};
	struct profile p = *whole;
	struct timing timing;
	FILE *out = begin();

	p.release = "v1.2.3";
	expect(out, release_summary(&p, &opts, out), name, "summary.json");
	cr_assert(eq(int, timing_of(&p, &opts, &timing), 0));
	for (size_t i = 0; i < ARRAY_SIZE(styles); i++) {
		out = begin();
		expect(out, release_timing(&timing, styles[i].style, out), name, styles[i].file);
	}
	out = begin();
	expect(out, release_page_write(&p, &timing, siblings, out), name, "release.md");
	if (p.nr_tests > 0) {
		out = begin();
		expect(out, test_page_write(&p, &timing, out), name, "test.md");
		out = begin();
		expect(out, file_page_write(&p, &timing, out), name, "file.md");
	}
	timing_done(&timing);
}

Test(release_pages, of_every_profile)
{
	for (const struct profile_case *c = profile_cases; c->name; c++)
		expect_profile(c->name, c->make());
}

Test(release_pages, columns_of_tables_can_be_chosen)
{
	static const struct {
		enum table_style style;
		const char *header;
	} cases[] = {{TABLE_GITHUB, "\n| Name | Total-Time | Mean |\n|---|---:|---:|\n"},
		     {TABLE_CSV, "kind,name,total_time,mean_time\r\n"},
		     {TABLE_JSON, "\"median_time\""}};
	struct timing_columns columns;
	const struct output_opts opts = {.top = 20, .columns = &columns};
	struct timing timing;

	cr_assert(eq(int, timing_columns_parse("Name,total-time,mean_time", &columns), 0));
	cr_assert(eq(int, timing_of(profile_ordinary(), &opts, &timing), 0));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *text;
		size_t len;
		FILE *out = open_memstream(&text, &len);

		cr_assert(eq(int, release_timing(&timing, cases[i].style, out), 0));
		fclose(out);
		cr_expect(ne(ptr, strstr(text, cases[i].header), NULL), "%s", text);
		free(text);
	}
	timing_done(&timing);
	cr_expect(eq(int, timing_columns_parse("", &columns), -EINVAL));
	cr_expect(eq(int, timing_columns_parse("name,,where", &columns), -EINVAL));
}

/* timing.json is read again for a page that shows an older release. */
Test(release_pages, a_timing_file_read_again_is_the_same)
{
	for (const struct profile_case *c = profile_cases; c->name; c++) {
		struct timing timing, again;
		char *first;
		FILE *out;

		cr_assert(eq(int, timing_of(c->make(), &opts, &timing), 0));
		out = begin();
		cr_assert(eq(int, release_timing(&timing, TABLE_JSON, out), 0));
		fclose(out);
		first = text;
		cr_assert(eq(int, timing_parse(first, len, &again), 0), "%s", c->name);
		out = begin();
		cr_assert(eq(int, release_timing(&again, TABLE_JSON, out), 0));
		fclose(out);
		cr_expect_str_eq(text, first);
		free(text);
		free(first);
		timing_done(&timing);
		timing_done(&again);
	}
}

/* ---- past releases ------------------------------------------------------------------------- */

static void add(struct history *h, const char *folder, const char *summary)
{
	struct history_folder parsed;
	struct buf why;

	buf_init(&why, 4096);
	cr_assert(eq(int, history_folder_parse(folder, &parsed), 0));
	cr_assert(eq(int, history_add(h, &parsed, summary, strlen(summary), &why), 0));
	buf_done(&why);
}

static struct history some_history(void)
{
	static const char *const rows[][2] = {
		{"v1.0.0-2026_01_31",
		 "{\"schema\":\"bprof-perf/summary/1\",\"total_run_time\":1.5,\"mean\":0.001,"
		 "\"median\":0.0005,\"stddev\":0.002,\"num_cpu\":4,\"num_tests\":120,"
		 "\"cpu\":\"Old CPU\",\"platform\":\"Linux\",\"lua_version\":\"LuaJIT 2.1\","
		 "\"status\":\"passed\"}"},
		{"v1.1.0-2026_02_28",
		 "{\"total_run_time\":1.6,\"mean\":0.00104,\"median\":0.0005,\"stddev\":0.001,"
		 "\"num_cpu\":4,\"num_tests\":121,\"cpu\":\"New | CPU <b>\",\"platform\":\"Linux\","
		 "\"lua_version\":\"Lua 5.4\",\"cycles\":123456789,\"status\":\"passed\"}"},
		{"v1.2.0-2026_03_31",
		 "{\"total_run_time\":1.44,\"median\":0.0005001,\"cpu\":\"New | CPU <b>\","
		 "\"lua_version\":\"Lua 5.4\",\"status\":\"passed\"}"},
		{"v1.3.0-beta.1-2026_04_30",
		 "{\"versions\":{\"lua\":\"LuaJIT 2.1\",\"neovim\":{\"major\":0,\"minor\":11,"
		 "\"prerelease\":true}},\"statistics\":{\"total\":900}}"}};
	struct history h = {0};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		add(&h, rows[i][0], rows[i][1]);
	history_settle(&h);
	return h;
}

Test(release_pages, the_table_of_past_releases_in_each_style)
{
	static const char *const files[NR_TABLE_STYLES] = {[TABLE_GITHUB] = "md",
							   [TABLE_LINES] = "txt",
							   [TABLE_CSV] = "csv",
							   [TABLE_JSON] = "json"};
	struct history h = some_history();

	for (size_t i = 0; i < NR_TABLE_STYLES; i++) {
		FILE *out = begin();

		expect(out, history_table_write(&h, (enum table_style)i, 140, out), "history",
		       files[i]);
	}
	history_done(&h);
}

/* Of one machine: its columns would be as wide as the figures. */
Test(release_pages, what_is_the_same_in_every_row_is_said_once)
{
	static const char machine[] =
		"{\"total_run_time\":%s,\"cpu\":\"A | CPU\",\"platform\":\"Linux 6.1\",\"num_cpu\":"
		"2,\"lua_version\":\"Lua 5.4\",\"num_tests\":7,\"status\":\"passed\"}";
	static const char *const folders[] = {"v1.0.0-2026_01_31", "v1.1.0-2026_02_28"};
	static const char *const totals[] = {"1.5", "1.25"};
	struct history h = {0};
	char summary[512];
	FILE *out;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(summary, sizeof(summary), machine, totals[i]);
		add(&h, folders[i], summary);
	}
	history_settle(&h);
	out = begin();
	expect(out, history_table_write(&h, TABLE_GITHUB, 0, out), "history-same", "md");
	out = begin();
	expect(out, history_table_write(&h, TABLE_LINES, 140, out), "history-same", "txt");
	out = begin();
	expect(out, history_table_write(&h, TABLE_CSV, 0, out), "history-same", "csv");
	history_done(&h);
}

Test(release_pages, the_page_of_a_scope)
{
	static const char *const links[][2] = {{"../tags/", "the same of each tag"}, {NULL, NULL}};
	struct history h = some_history();
	struct scope_page page = {.what = "all tests",
				  .history = &h,
				  .chosen = &h,
				  .minimum_samples = 2,
				  .has_pictures = true,
				  .links = links};
	FILE *out = begin();

	page.latest = history_latest(&h, NULL);
	page.previous = history_latest(&h, page.latest);
	expect(out, scope_page_write(&page, out), "scope", "two.md");
	page.latest = page.previous;
	page.previous = history_latest(&h, page.latest);
	page.has_pictures = false;
	out = begin();
	expect(out, scope_page_write(&page, out), "scope", "changed-machine.md");
	history_done(&h);
}
