/* SPDX-License-Identifier: MIT */
/* The tables of the terminal report with a row for each test and for each spec file. */
#include <errno.h>

#include "base.h"
#include "costs.h"
#include "meters.h"
#include "mode_groups.h"
#include "number.h"
#include "report.h"
#include "statistics.h"

/* ---- slowest tests ------------------------------------------------------------------------- */

static const struct column test_columns[] = {
	{.title = "wall", .right = true},
	{.title = "CPU", .right = true},
	{.title = "off-CPU", .right = true, .optional = 1},
	{.title = "share", .right = true, .optional = 3},
	{.title = "fixtures", .right = true, .optional = 2},
	{.title = "samples", .right = true, .optional = 4},
	{.title = "run", .right = true},
	{.title = "", .right = true}, /* status */
	{.title = "test", .cut = TEXT_CUT_MIDDLE},
	{.title = "where", .cut = TEXT_CUT_START},
};

/* What a row is sorted by: measured time if there is any, else samples. */
static uint64_t weight(const struct costs *c)
{
	return c->wall_ns == PROFILE_UNKNOWN ? c->samples : c->wall_ns;
}

static int compare_tests(const void *left, const void *right)
{
	const struct test *a = *(const struct test *const *)left;
	const struct test *b = *(const struct test *const *)right;
	uint64_t weight_of_a = weight(&a->body), weight_of_b = weight(&b->body);

	if (weight_of_a != weight_of_b)
		return weight_of_a < weight_of_b ? 1 : -1;
	return (a > b) - (a < b); /* in the order they ran */
}

static void add_status(struct table *t, const struct test *test)
{
	static const struct {
		const char *text;
		enum style style;
	} shown[] = {
		[TEST_SUCCESS] = {"ok", STYLE_NONE}, [TEST_FAILURE] = {"FAIL", STYLE_BAD},
		[TEST_ERROR] = {"ERROR", STYLE_BAD}, [TEST_PENDING] = {"pend", STYLE_WARN},
		[TEST_UNKNOWN] = {"?", STYLE_DIM},
	};

	if (test->incomplete)
		table_add_styled(t, "cut", STYLE_BAD);
	else
		table_add_styled(t, shown[test->status].text, shown[test->status].style);
}

static void add_place(struct table *t, const char *file, int32_t line)
{
	struct buf place;

	buf_init(&place, TEXT_MAX_BUFFER);
	if (file && *file)
		t->error = buf_addstr(&place, file);
	if (t->error == 0 && place.len > 0 && line > 0)
		t->error = buf_addf(&place, ":%d", line);
	table_add_styled(t, place.data, STYLE_DIM);
	buf_done(&place);
}

/* Fixtures are worth a column where they cost something next to the test. */
static bool has_heavy_fixtures(const struct test *test)
{
	return report_is_known(test->fixtures.wall_ns) && test->body.wall_ns != PROFILE_UNKNOWN &&
	       test->fixtures.wall_ns >= test->body.wall_ns / 100;
}

static void add_test(struct report *r, struct table *t, const struct test *test)
{
	bool fixtures = has_heavy_fixtures(test);
	bool repeated = r->profile->suite.iterations > 1;
	uint64_t off_cpu = cost_share(cost_off_cpu_ns(&test->body), test->body.wall_ns);

	table_add(t, number_duration(test->body.wall_ns).text);
	table_add(t, report_cpu_time(r->profile, &test->body).text);
	table_add(t, off_cpu == PROFILE_UNKNOWN ? NULL : cost_percent(off_cpu).text);
	table_add(t, report_share(r->profile, &test->body).text);
	table_add(t, fixtures ? number_duration(test->fixtures.wall_ns).text : NULL);
	table_add(t, number_count(samples_counted(r->profile, test->body.samples)).text);
	table_add(t, repeated ? number_count(test->iteration).text : NULL);
	add_status(t, test);
	table_add(t, *test->full_name ? test->full_name : "(unnamed)");
	add_place(t, test->source && *test->source ? test->source : test->file, test->line);
}

static void title_of_tests(struct report *r, size_t shown)
{
	const struct profile *p = r->profile;
	struct statistics s = {0};

	writer_fail(r->writer, statistics_of_tests(p, &s));
	if (s.nr > 0)
		report_title(r, "slowest tests (%zu of %zu; median %s, 95 %% within %s)", shown,
			     p->nr_tests, number_duration(s.median).text,
			     number_duration(s.percentile_95).text);
	else
		report_title(r, "tests with the most samples (%zu of %zu)", shown, p->nr_tests);
}

void report_tests(struct report *r)
{
	const struct profile *p = r->profile;
	size_t nr = p->nr_tests < r->opts->top ? p->nr_tests : r->opts->top;
	const struct test **sorted;
	struct table t;

	if (nr == 0)
		return;
	sorted = reallocarray(NULL, p->nr_tests, sizeof(struct test *));
	if (!sorted) {
		writer_fail(r->writer, -ENOMEM);
		return;
	}
	for (size_t i = 0; i < p->nr_tests; i++)
		sorted[i] = &p->tests[i];
	qsort(sorted, p->nr_tests, sizeof(struct test *), compare_tests);
	table_init(&t, test_columns, ARRAY_SIZE(test_columns));
	for (size_t i = 0; i < nr; i++)
		add_test(r, &t, sorted[i]);
	title_of_tests(r, nr);
	report_table(r, &t);
	free(sorted);
}

/* ---- files --------------------------------------------------------------------------------- */

#define FILE_PICTURE_COLUMNS 10

static const struct column file_columns[] = {
	{.title = "wall", .right = true},
	{.title = "CPU", .right = true},
	{.title = "share", .right = true, .optional = 4},
	{.title = "samples", .right = true, .optional = 1},
	{.title = "tests", .right = true},
	{.title = "failed", .right = true},
	{.title = "fixtures", .right = true, .optional = 3},
	{.title = "loading", .right = true, .optional = 5},
	{.title = "modes", .right = true, .optional = 2},
	{.title = "file", .cut = TEXT_CUT_START},
};

static struct costs sum_costs(const struct file_total *f)
{
	struct costs sum = f->tests;

	report_add_costs(&sum, &f->fixtures);
	report_add_costs(&sum, &f->loading);
	report_add_costs(&sum, &f->describes);
	return sum;
}

static int compare_files(const void *left, const void *right)
{
	const struct file_total *a = *(const struct file_total *const *)left;
	const struct file_total *b = *(const struct file_total *const *)right;
	struct costs costs_of_a = sum_costs(a), costs_of_b = sum_costs(b);
	uint64_t weight_of_a = weight(&costs_of_a), weight_of_b = weight(&costs_of_b);

	if (weight_of_a != weight_of_b)
		return weight_of_a < weight_of_b ? 1 : -1;
	return (a > b) - (a < b);
}

/* The modes in ten letters, for a row. */
static void add_picture(struct report *r, struct table *t, const struct costs *c)
{
	struct buf picture;
	int error;

	buf_init(&picture, FILE_PICTURE_COLUMNS + 1);
	error = modes_add_picture(&picture, r->profile, c->by_mode, FILE_PICTURE_COLUMNS);
	if (error < 0)
		t->error = error;
	table_add(t, picture.data);
	buf_done(&picture);
}

static void add_file(struct report *r, struct table *t, const struct file_total *f)
{
	uint64_t failed = f->nr_by_status[TEST_FAILURE] + f->nr_by_status[TEST_ERROR];
	struct costs all = sum_costs(f);
	struct costs loading = f->loading;

	report_add_costs(&loading, &f->describes);
	table_add(t, number_duration(all.wall_ns).text);
	table_add(t, report_cpu_time(r->profile, &all).text);
	table_add(t, report_share(r->profile, &all).text);
	table_add(t, number_count(samples_counted(r->profile, all.samples)).text);
	table_add(t, number_count(f->nr_tests).text);
	table_add_styled(t, failed > 0 ? number_count(failed).text : NULL, STYLE_BAD);
	table_add(t, report_is_known(f->fixtures.wall_ns)
			     ? number_duration(f->fixtures.wall_ns).text
			     : NULL);
	table_add(t,
		  report_is_known(loading.wall_ns) ? number_duration(loading.wall_ns).text : NULL);
	add_picture(r, t, &all);
	table_add(t, f->file && *f->file ? f->file : "(unnamed)");
}

void report_files(struct report *r)
{
	const struct profile *p = r->profile;
	size_t nr = p->nr_files < r->opts->top ? p->nr_files : r->opts->top;
	const struct file_total **sorted;
	struct table t;

	if (nr == 0)
		return;
	sorted = reallocarray(NULL, p->nr_files, sizeof(struct file_total *));
	if (!sorted) {
		writer_fail(r->writer, -ENOMEM);
		return;
	}
	for (size_t i = 0; i < p->nr_files; i++)
		sorted[i] = &p->files[i];
	qsort(sorted, p->nr_files, sizeof(struct file_total *), compare_files);
	table_init(&t, file_columns, ARRAY_SIZE(file_columns));
	for (size_t i = 0; i < nr; i++)
		add_file(r, &t, sorted[i]);
	report_title(r, "files (%zu of %zu)", nr, p->nr_files);
	report_table(r, &t);
	free(sorted);
}
