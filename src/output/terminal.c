/* SPDX-License-Identifier: MIT */
/*
 * The report after a run: where does my suite spend its time?
 *
 *	headline           what ran, how long, how it ended
 *	where time went    tests, their fixtures, and everything outside by name
 *	slowest tests      exact wall and CPU time: a test without samples is not a test without
 *time files              everything a spec file cost hottest functions  from the samples notes
 *modes, accounts of samples, losses, warnings, how to open the flame graph
 *
 * Numbers come first in a row, because names are of any length. "-" is not known, "~" is derived
 * from samples, everything else was measured.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base.h"
#include "number.h"
#include "report.h"
#include "rows.h"

/* ---- headline ------------------------------------------------------------------------------ */

static void add_command(struct report *r)
{
	const struct profile *p = r->profile;
	struct buf command, shown;
	int error = 0;

	buf_init(&command, TEXT_MAX_BUFFER);
	buf_init(&shown, TEXT_MAX_BUFFER);
	for (size_t i = 0; i < p->nr_command && error == 0; i++) {
		error = i > 0 ? buf_addstr(&command, " ") : 0;
		if (error == 0)
			error = buf_addstr(&command, p->command[i]);
	}
	if (error == 0 && command.data)
		error = text_add_columns(&shown, command.data, r->width, TEXT_CUT_END);
	writer_fail(r->writer, error);
	style_begin(r->writer, r->colour, STYLE_TITLE);
	writer_add(r->writer, shown.data ? shown.data : "", shown.len);
	style_end(r->writer, r->colour, STYLE_TITLE);
	writer_add(r->writer, "\n", 1);
	buf_done(&command);
	buf_done(&shown);
}

static void add_part(struct writer *w, const char *separator, uint64_t n, const char *one,
		     const char *many)
{
	if (n > 0)
		writer_addf(w, "%s%llu %s", separator, (unsigned long long)n, n == 1 ? one : many);
}

static void add_suite_result(struct report *r)
{
	const struct suite_result *s = &r->profile->suite;
	bool bad = s->failures + s->errors + s->errors_outside_tests > 0;

	writer_addstr(r->writer, "  ");
	style_begin(r->writer, r->colour, bad ? STYLE_BAD : STYLE_GOOD);
	writer_addf(r->writer, "%llu %s", (unsigned long long)s->successes,
		    s->successes == 1 ? "success" : "successes");
	add_part(r->writer, ", ", s->failures, "failure", "failures");
	add_part(r->writer, ", ", s->errors, "error", "errors");
	style_end(r->writer, r->colour, bad ? STYLE_BAD : STYLE_GOOD);
	add_part(r->writer, ", ", s->pendings, "pending", "pending");
	add_part(r->writer, ", ", s->errors_outside_tests, "error outside tests",
		 "errors outside tests");
	if (s->iterations > 1)
		writer_addf(r->writer, ", in %llu iterations", (unsigned long long)s->iterations);
	writer_addf(r->writer, "; exit status %d\n", r->profile->exit_status);
}

static void add_runtime(struct report *r, const struct runtime *runtime)
{
	struct buf version;

	buf_init(&version, TEXT_MAX_BUFFER);
	writer_fail(r->writer, text_add_short(&version, runtime->version ? runtime->version : "?",
					      TEXT_MAX_NAME));
	writer_addf(r->writer, ", %.100s", version.data ? version.data : "?");
	buf_done(&version);
	if (runtime->kind && strcmp(runtime->kind, "luajit") == 0 && runtime->jit >= 0)
		writer_addstr(r->writer, runtime->jit ? " (JIT on)" : " (JIT off)");
	if (runtime->nr_processes > 1)
		writer_addf(r->writer, " in %llu processes",
			    (unsigned long long)runtime->nr_processes);
}

#define SHOWN_RUNTIMES 3

static void add_headline(struct report *r)
{
	const struct profile *p = r->profile;

	add_command(r);
	writer_addf(r->writer, "  %s wall, %s CPU", number_duration(p->wall_ns).text,
		    number_duration(p->cpu_ns).text);
	for (size_t i = 0; i < p->nr_runtimes && i < SHOWN_RUNTIMES; i++)
		add_runtime(r, &p->runtimes[i]);
	if (p->nr_runtimes > SHOWN_RUNTIMES)
		writer_addf(r->writer, ", and %zu more", p->nr_runtimes - SHOWN_RUNTIMES);
	writer_add(r->writer, "\n", 1);
	if (p->suite.seen)
		add_suite_result(r);
	else
		writer_addf(r->writer, "  no test suite was seen; exit status %d\n",
			    p->exit_status);
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
	{PHASE_OUTPUT, "  busted's output"},
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

/* Share of the wall time of the run where that was measured, else of its samples. */
static struct number share_of_run(const struct profile *p, const struct costs *c)
{
	if (c->wall_ns != PROFILE_UNKNOWN && p->wall_ns != PROFILE_UNKNOWN)
		return number_share(c->wall_ns, p->wall_ns);
	return number_share(c->samples, p->accounts.taken - p->accounts.lost);
}

/* CPU time that is only known by samples. */
static struct number cpu_time(const struct profile *p, const struct costs *c)
{
	if (c->cpu_ns == PROFILE_UNKNOWN && p->ns_per_sample != PROFILE_UNKNOWN && c->samples > 0)
		return number_estimate(c->samples * p->ns_per_sample);
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

static void add_phases(struct report *r)
{
	const struct phase_total *phases = r->profile->phases;
	struct costs outside = {PROFILE_UNKNOWN, PROFILE_UNKNOWN, 0};
	struct table t;

	table_init(&t, phase_columns, ARRAY_SIZE(phase_columns));
	for (size_t i = 0; i < ARRAY_SIZE(in_tests); i++)
		add_phase(r, &t, &phases[in_tests[i].phase].costs, in_tests[i].label);
	for (size_t i = 0; i < ARRAY_SIZE(outside_tests); i++) {
		const struct costs *c = &phases[outside_tests[i].phase].costs;

		outside.wall_ns = number_sum(outside.wall_ns, c->wall_ns);
		outside.cpu_ns = number_sum(outside.cpu_ns, c->cpu_ns);
		outside.samples += c->samples;
	}
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
	{.title = "wall", .right = true},	   {.title = "CPU", .right = true},
	{.title = "share", .right = true},	   {.title = "fixtures", .right = true},
	{.title = "samples", .right = true},	   {.title = "run", .right = true},
	{.title = "status", .right = true},	   {.title = "test", .cut = TEXT_CUT_MIDDLE},
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
		[TEST_SUCCESS] = {"ok", STYLE_NONE},	 [TEST_FAILURE] = {"FAILED", STYLE_BAD},
		[TEST_ERROR] = {"ERROR", STYLE_BAD},	 [TEST_PENDING] = {"pending", STYLE_WARN},
		[TEST_UNKNOWN] = {"unknown", STYLE_DIM},
	};

	if (test->incomplete)
		table_add_styled(t, "cut off", STYLE_BAD);
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

static void add_test(struct report *r, struct table *t, const struct test *test)
{
	bool fixtures = has_costs(&test->fixtures);
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

static void add_slowest_tests(struct report *r)
{
	const struct profile *p = r->profile;
	size_t nr = p->nr_tests < r->opts->top ? p->nr_tests : r->opts->top;
	const struct test **sorted;
	struct table t;

	if (nr == 0)
		return;
	sorted = reallocarray(NULL, p->nr_tests, sizeof(*sorted));
	if (!sorted) {
		writer_fail(r->writer, -ENOMEM);
		return;
	}
	for (size_t i = 0; i < p->nr_tests; i++)
		sorted[i] = &p->tests[i];
	qsort(sorted, p->nr_tests, sizeof(*sorted), compare_tests);
	table_init(&t, test_columns, ARRAY_SIZE(test_columns));
	for (size_t i = 0; i < nr; i++)
		add_test(r, &t, sorted[i]);
	report_title(r, "slowest tests (%zu of %zu, the middle one takes %s)", nr, p->nr_tests,
		     number_duration(sorted[p->nr_tests / 2]->body.wall_ns).text);
	report_table(r, &t);
	free(sorted);
}

/* ---- files --------------------------------------------------------------------------------- */

static const struct column file_columns[] = {
	{.title = "wall", .right = true},	  {.title = "CPU", .right = true},
	{.title = "share", .right = true},	  {.title = "samples", .right = true},
	{.title = "tests", .right = true},	  {.title = "failed", .right = true},
	{.title = "fixtures", .right = true},	  {.title = "loading", .right = true},
	{.title = "file", .cut = TEXT_CUT_START},
};

static struct costs sum_costs(const struct file_total *f)
{
	const struct costs *parts[] = {&f->tests, &f->fixtures, &f->loading, &f->describes};
	struct costs sum = {PROFILE_UNKNOWN, PROFILE_UNKNOWN, 0};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		sum.wall_ns = number_sum(sum.wall_ns, parts[i]->wall_ns);
		sum.cpu_ns = number_sum(sum.cpu_ns, parts[i]->cpu_ns);
		sum.samples += parts[i]->samples;
	}
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

static void add_file(struct report *r, struct table *t, const struct file_total *f)
{
	uint64_t failed = f->nr_by_status[TEST_FAILURE] + f->nr_by_status[TEST_ERROR];
	struct costs all = sum_costs(f);
	struct costs loading = {
		number_sum(f->loading.wall_ns, f->describes.wall_ns),
		number_sum(f->loading.cpu_ns, f->describes.cpu_ns),
		f->loading.samples + f->describes.samples,
	};

	table_add(t, number_duration(all.wall_ns).text);
	table_add(t, cpu_time(r->profile, &all).text);
	table_add(t, share_of_run(r->profile, &all).text);
	table_add(t, number_count(all.samples).text);
	table_add(t, number_count(f->nr_tests).text);
	table_add_styled(t, failed > 0 ? number_count(failed).text : NULL, STYLE_BAD);
	table_add(t, has_costs(&f->fixtures) ? number_duration(f->fixtures.wall_ns).text : NULL);
	table_add(t, has_costs(&loading) ? number_duration(loading.wall_ns).text : NULL);
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
	sorted = reallocarray(NULL, p->nr_files, sizeof(*sorted));
	if (!sorted) {
		writer_fail(r->writer, -ENOMEM);
		return;
	}
	for (size_t i = 0; i < p->nr_files; i++)
		sorted[i] = &p->files[i];
	qsort(sorted, p->nr_files, sizeof(*sorted), compare_files);
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
	{.title = "time", .right = true},
	{.title = "total", .right = true},
	{.title = "samples", .right = true},
	{.title = "function", .cut = TEXT_CUT_MIDDLE},
	{.title = "where", .cut = TEXT_CUT_START},
};

static void print_functions(struct report *r, const struct view *v, const struct tally *tally)
{
	const struct profile *p = r->profile;
	size_t nr = tally->nr_functions < r->opts->top ? tally->nr_functions : r->opts->top;
	bool timed = p->ns_per_sample != PROFILE_UNKNOWN;
	struct table t;

	if (nr == 0)
		return;
	table_init(&t, function_columns, ARRAY_SIZE(function_columns));
	for (size_t i = 0; i < nr; i++) {
		const struct function_tally *f = &tally->functions[i];

		table_add(&t, number_share(f->self, tally->samples).text);
		table_add(&t, timed ? number_estimate(f->self * p->ns_per_sample).text : NULL);
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
	add_slowest_tests(&report);
	add_files(&report);
	add_hottest_functions(&report);
	report_notes(&report);
	return writer_finish(&w);
}

const struct output_ops output_terminal = {
	.name = "terminal",
	.summary = "slowest tests, hottest functions, and where the rest of the time went",
	.kind = OUTPUT_REPORT,
	.write = write_terminal,
};
