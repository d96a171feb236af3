/* SPDX-License-Identifier: MIT */
/*
 * The report after a run: where does my suite spend its time?
 *
 *	headline           what ran, how long, how it ended
 *	where time went    tests, their fixtures, and everything outside by name
 *	modes              what the VM was doing, as a picture
 *	slowest tests      exact times: a test without samples is not a test without time
 *	files              everything a spec file cost
 *	hottest functions  from the samples
 *	not compiled       LuaJIT: functions that were interpreted while others compiled
 *	notes              does the JIT pay, accounts of samples, losses, warnings, what to open
 *
 * Numbers come first in a row, because names are of any length. "-" is not known, "~" is derived
 * from samples, everything else was measured.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base.h"
#include "mode_groups.h"
#include "number.h"
#include "report.h"
#include "rows.h"
#include "statistics.h"

/* ---- headline ------------------------------------------------------------------------------ */

/* One line, cut where the terminal ends. Frees @text. */
static void add_line(struct report *r, const char *indent, struct buf *text, enum style style)
{
	struct buf shown;
	unsigned width = r->width - (unsigned)strlen(indent);

	buf_init(&shown, TEXT_MAX_BUFFER);
	if (text->data)
		writer_fail(r->writer, text_add_columns(&shown, text->data, width, TEXT_CUT_END));
	writer_addstr(r->writer, indent);
	style_begin(r->writer, r->colour, style);
	writer_add(r->writer, shown.data ? shown.data : "", shown.len);
	style_end(r->writer, r->colour, style);
	writer_add(r->writer, "\n", 1);
	buf_done(&shown);
	buf_done(text);
}

#define add(r, text, ...) writer_fail((r)->writer, buf_addf(text, __VA_ARGS__))

static void add_command(struct report *r)
{
	const struct profile *p = r->profile;
	struct buf text;

	buf_init(&text, TEXT_MAX_BUFFER);
	for (size_t i = 0; i < p->nr_command; i++)
		add(r, &text, "%s%s", i > 0 ? " " : "", p->command[i]);
	if (p->nr_command == 0)
		add(r, &text, "(command not known)");
	add_line(r, "", &text, STYLE_TITLE);
}

static void add_count(struct report *r, struct buf *text, uint64_t n, const char *one,
		      const char *many)
{
	if (n > 0)
		add(r, text, "%s%llu %s", text->len > 0 ? ", " : "", (unsigned long long)n,
		    n == 1 ? one : many);
}

static void add_suite_result(struct report *r)
{
	const struct suite_result *s = &r->profile->suite;
	bool bad = s->failures + s->errors + s->errors_outside_tests > 0;
	struct buf text;

	buf_init(&text, TEXT_MAX_BUFFER);
	if (!s->seen) {
		add(r, &text, "no test suite was seen");
		add_line(r, "  ", &text, STYLE_NONE);
		return;
	}
	add_count(r, &text, s->failures, "failure", "failures");
	add_count(r, &text, s->errors, "error", "errors");
	add_count(r, &text, s->errors_outside_tests, "error outside tests", "errors outside tests");
	add_count(r, &text, s->successes, "success", "successes");
	add_count(r, &text, s->pendings, "pending", "pending");
	if (text.len == 0 && r->profile->nr_tests > 0)
		add(r, &text, "%zu tests seen in samples, how they ended is not known",
		    r->profile->nr_tests);
	else if (text.len == 0)
		add(r, &text, "no tests");
	if (s->iterations > 1)
		add(r, &text, ", in %llu iterations", (unsigned long long)s->iterations);
	add_line(r, "  ", &text, bad ? STYLE_BAD : STYLE_GOOD);
}

static void add_runtimes(struct report *r)
{
	const struct profile *p = r->profile;
	struct buf text;

	if (p->nr_runtimes == 0)
		return;
	buf_init(&text, TEXT_MAX_BUFFER);
	for (size_t i = 0; i < p->nr_runtimes; i++) {
		const struct runtime *runtime = &p->runtimes[i];
		bool luajit = runtime->kind && strcmp(runtime->kind, "luajit") == 0;

		add(r, &text, "%s%s", i > 0 ? ", " : "", runtime->version ? runtime->version : "?");
		if (luajit && runtime->jit >= 0)
			add(r, &text, runtime->jit ? " (JIT on)" : " (JIT off)");
		if (runtime->nr_processes > 1)
			add(r, &text, " in %llu processes",
			    (unsigned long long)runtime->nr_processes);
	}
	add_line(r, "  ", &text, STYLE_NONE);
}

static void add_headline(struct report *r)
{
	const struct profile *p = r->profile;
	struct buf text;

	add_command(r);
	buf_init(&text, TEXT_MAX_BUFFER);
	add(r, &text, "%s wall, %s CPU, ", number_duration(p->wall_ns).text,
	    number_duration(p->cpu_ns).text);
	if (p->exit_status < 0)
		add(r, &text, "exit status not recorded");
	else
		add(r, &text, "exit status %d", p->exit_status);
	add_line(r, "  ", &text, STYLE_NONE);
	add_suite_result(r);
	add_runtimes(r);
}

/* ---- where the time went ------------------------------------------------------------------- */

static const struct column phase_columns[] = {
	{.title = "wall", .right = true},   {.title = "CPU", .right = true},
	{.title = "share", .right = true},  {.title = "samples", .right = true},
	{.title = "", .cut = TEXT_CUT_END},
};

struct phase_row {
	enum phase phase;
	const char *label;
};

static const struct phase_row in_tests[] = {
	{PHASE_PROGRAM, "program"},
	{PHASE_TEST, "tests"},
	{PHASE_TEST_FIXTURE, "fixtures of tests"},
};

static const struct phase_row outside_tests[] = {
	{PHASE_STARTUP, "  start-up"},
	{PHASE_LOADING, "  loading spec files"},
	{PHASE_DESCRIBE, "  bodies of describes"},
	{PHASE_FIXTURE, "  setup and teardown"},
	{PHASE_BUSTED, "  busted itself"},
	{PHASE_OUTPUT, "  output handlers (within busted itself)"},
	{PHASE_SHUTDOWN, "  after the suite"},
};

static bool is_known(uint64_t n)
{
	return n > 0 && n != PROFILE_UNKNOWN;
}

static bool has_costs(const struct costs *c)
{
	return is_known(c->wall_ns) || is_known(c->cpu_ns) || c->samples > 0;
}

/* A sum with an unknown part is unknown, unless nothing was seen in that part either. */
static uint64_t sum_times(uint64_t sum, uint64_t part, uint64_t samples)
{
	if (part == PROFILE_UNKNOWN)
		return samples > 0 ? PROFILE_UNKNOWN : sum;
	return sum == PROFILE_UNKNOWN ? PROFILE_UNKNOWN : sum + part;
}

static void add_costs(struct costs *sum, const struct costs *part)
{
	sum->wall_ns = sum_times(sum->wall_ns, part->wall_ns, part->samples);
	sum->cpu_ns = sum_times(sum->cpu_ns, part->cpu_ns, part->samples);
	sum->samples += part->samples;
	for (size_t i = 0; i < NR_MODES; i++)
		sum->by_mode[i] += part->by_mode[i];
}

/* Share of the wall time of the run where that was measured, else of its samples. */
static struct number share_of_run(const struct profile *p, const struct costs *c)
{
	struct number share, marked;

	if (c->wall_ns != PROFILE_UNKNOWN && p->wall_ns != PROFILE_UNKNOWN)
		return number_share(c->wall_ns, p->wall_ns);
	share = number_share(c->samples, p->accounts.taken - p->accounts.lost);
	snprintf(marked.text, sizeof(marked.text), "~%.30s", share.text);
	return *share.text == '-' ? share : marked;
}

static uint64_t estimated_ns(const struct profile *p, uint64_t samples)
{
	return p->ns_per_sample == PROFILE_UNKNOWN ? PROFILE_UNKNOWN : samples * p->ns_per_sample;
}

/* CPU time that is only known by samples. */
static struct number cpu_time(const struct profile *p, const struct costs *c)
{
	if (c->cpu_ns == PROFILE_UNKNOWN && c->samples > 0)
		return number_estimate(estimated_ns(p, c->samples));
	return number_duration(c->cpu_ns);
}

static void add_phase(struct report *r, struct table *t, const struct costs *c, const char *label)
{
	if (!has_costs(c))
		return;
	table_add(t, number_duration(c->wall_ns).text);
	table_add(t, cpu_time(r->profile, c).text);
	table_add(t, share_of_run(r->profile, c).text);
	table_add(t, number_count(c->samples).text);
	table_add(t, label);
}

/* Output has no time of its own: its wall and CPU time are in busted's. */
static struct costs sum_outside(const struct phase_total *phases)
{
	struct costs sum = {0};

	for (size_t i = 0; i < ARRAY_SIZE(outside_tests); i++) {
		struct costs part = phases[outside_tests[i].phase].costs;

		if (outside_tests[i].phase == PHASE_OUTPUT)
			part.wall_ns = part.cpu_ns = 0;
		add_costs(&sum, &part);
	}
	return sum;
}

static void add_phases(struct report *r)
{
	const struct phase_total *phases = r->profile->phases;
	struct costs outside = sum_outside(phases);
	struct table t;

	table_init(&t, phase_columns, ARRAY_SIZE(phase_columns));
	for (size_t i = 0; i < ARRAY_SIZE(in_tests); i++)
		add_phase(r, &t, &phases[in_tests[i].phase].costs, in_tests[i].label);
	add_phase(r, &t, &outside, "outside tests");
	for (size_t i = 0; i < ARRAY_SIZE(outside_tests); i++)
		add_phase(r, &t, &phases[outside_tests[i].phase].costs, outside_tests[i].label);
	if (t.nr_cells > 0)
		report_title(r, "where the time went");
	if (t.nr_cells > 0)
		report_table(r, &t);
	else
		table_done(&t);
}

/* ---- slowest tests ------------------------------------------------------------------------- */

static const struct column test_columns[] = {
	{.title = "wall", .right = true},
	{.title = "CPU", .right = true},
	{.title = "share", .right = true, .optional = 3},
	{.title = "fixtures", .right = true, .optional = 2},
	{.title = "samples", .right = true, .optional = 1},
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
	return is_known(test->fixtures.wall_ns) && test->body.wall_ns != PROFILE_UNKNOWN &&
	       test->fixtures.wall_ns >= test->body.wall_ns / 100;
}

static void add_test(struct report *r, struct table *t, const struct test *test)
{
	bool fixtures = has_heavy_fixtures(test);
	bool repeated = r->profile->suite.iterations > 1;

	table_add(t, number_duration(test->body.wall_ns).text);
	table_add(t, cpu_time(r->profile, &test->body).text);
	table_add(t, share_of_run(r->profile, &test->body).text);
	table_add(t, fixtures ? number_duration(test->fixtures.wall_ns).text : NULL);
	table_add(t, number_count(test->body.samples).text);
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

static void add_slowest_tests(struct report *r)
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

	add_costs(&sum, &f->fixtures);
	add_costs(&sum, &f->loading);
	add_costs(&sum, &f->describes);
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

	add_costs(&loading, &f->describes);
	table_add(t, number_duration(all.wall_ns).text);
	table_add(t, cpu_time(r->profile, &all).text);
	table_add(t, share_of_run(r->profile, &all).text);
	table_add(t, number_count(all.samples).text);
	table_add(t, number_count(f->nr_tests).text);
	table_add_styled(t, failed > 0 ? number_count(failed).text : NULL, STYLE_BAD);
	table_add(t,
		  is_known(f->fixtures.wall_ns) ? number_duration(f->fixtures.wall_ns).text : NULL);
	table_add(t, is_known(loading.wall_ns) ? number_duration(loading.wall_ns).text : NULL);
	add_picture(r, t, &all);
	table_add(t, f->file && *f->file ? f->file : "(unnamed)");
}

static void add_files(struct report *r)
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

/* ---- hottest functions --------------------------------------------------------------------- */

static const struct column function_columns[] = {
	{.title = "self", .right = true},
	{.title = "time", .right = true, .optional = 2},
	{.title = "total", .right = true},
	{.title = "samples", .right = true, .optional = 1},
	{.title = "function", .cut = TEXT_CUT_MIDDLE},
	{.title = "where", .cut = TEXT_CUT_START},
};

static void print_functions(struct report *r, const struct view *v, const struct tally *tally)
{
	const struct profile *p = r->profile;
	size_t nr = tally->nr_functions < r->opts->top ? tally->nr_functions : r->opts->top;
	struct table t;

	if (nr == 0)
		return;
	table_init(&t, function_columns, ARRAY_SIZE(function_columns));
	for (size_t i = 0; i < nr; i++) {
		const struct function_tally *f = &tally->functions[i];
		bool timed = f->self > 0 && p->ns_per_sample != PROFILE_UNKNOWN;

		table_add(&t, number_share(f->self, tally->samples).text);
		table_add(&t, timed ? number_estimate(estimated_ns(p, f->self)).text : NULL);
		table_add(&t, number_share(f->total, tally->samples).text);
		table_add(&t, number_count(f->self).text);
		report_function(&t, v, f->function);
	}
	report_title(r, "hottest functions (%zu of %zu, by samples of their own)", nr,
		     tally->nr_functions);
	report_table(r, &t);
}

static void add_hottest_functions(struct report *r)
{
	struct tally tally = {0};
	struct view v;
	int error = view_init(&v, r->profile, r->opts);

	if (error == 0)
		error = tally_compute(&tally, &v);
	if (error == 0)
		print_functions(r, &v, &tally);
	writer_fail(r->writer, error);
	tally_done(&tally);
	view_done(&v);
}

/* ---- all of it ----------------------------------------------------------------------------- */

static int write_terminal(const struct profile *p, const struct output_opts *o, FILE *out)
{
	struct report report;
	struct writer w;

	writer_init(&w, out);
	report_init(&report, p, o, &w);
	add_headline(&report);
	add_phases(&report);
	report_modes(&report);
	add_slowest_tests(&report);
	add_files(&report);
	add_hottest_functions(&report);
	report_uncompiled(&report);
	report_notes(&report);
	return writer_finish(&w);
}

const struct output_ops output_terminal = {
	.name = "terminal",
	.summary = "slowest tests, hottest functions, and where the rest of the time went",
	.kind = OUTPUT_REPORT,
	.write = write_terminal,
};
