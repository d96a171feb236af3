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
#include "meters.h"
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

/* What the others took: a failed run says nothing of that. */
static struct number cost_text(const struct run_series *runs, uint64_t cost)
{
	return best_by_is_time(runs->best_by) ? number_duration(cost) : number_scaled(cost);
}

static void add_runs(struct report *r)
{
	const struct run_series *runs = &r->profile->runs;
	uint64_t *values = calloc(runs->nr_tried + 1, sizeof(*values));
	struct statistics s;
	struct buf text;
	size_t nr = 0;

	if (!values) {
		writer_fail(r->writer, -ENOMEM);
		return;
	}
	for (size_t i = 0; i < runs->nr_tried; i++) {
		const struct run_tried *run = &runs->tried[i];

		if (run->exit_status == 0)
			values[nr++] = best_by_cost(runs->best_by, run);
	}
	statistics_compute(&s, values, nr);
	free(values);
	if (runs->nr_tried == 0)
		return;
	buf_init(&text, TEXT_MAX_BUFFER);
	add(r, &text, "%s %zu, the best by %s of %zu%s", runs->warm ? "round" : "run",
	    runs->best + 1, best_by_text(runs->best_by), runs->nr_tried,
	    runs->warm ? " in one process" : "");
	if (nr > 0)
		add(r, &text, " (least %s, median %s, most %s)", cost_text(runs, s.min).text,
		    cost_text(runs, s.median).text, cost_text(runs, s.max).text);
	if (nr < runs->nr_tried)
		add(r, &text, "; %zu failed", runs->nr_tried - nr);
	add_line(r, "  ", &text, nr < runs->nr_tried ? STYLE_BAD : STYLE_NONE);
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
	add_runs(r);
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

static bool has_costs(const struct costs *c)
{
	return report_is_known(c->wall_ns) || report_is_known(c->cpu_ns) || c->samples > 0;
}

static void add_phase(struct report *r, struct table *t, const struct costs *c, const char *label)
{
	if (!has_costs(c))
		return;
	table_add(t, number_duration(c->wall_ns).text);
	table_add(t, report_cpu_time(r->profile, c).text);
	table_add(t, report_share(r->profile, c).text);
	table_add(t, number_count(samples_counted(r->profile, c->samples)).text);
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
		report_add_costs(&sum, &part);
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

/* ---- hottest functions --------------------------------------------------------------------- */

static const struct column function_columns[] = {
	{.title = "self", .right = true},
	{.title = "time", .right = true, .optional = 2},
	{.title = "total", .right = true},
	{.title = "samples", .right = true, .optional = 1},
	{.title = "function", .cut = TEXT_CUT_MIDDLE},
	{.title = "where", .cut = TEXT_CUT_START},
};

/* What was spent in it: time where the event is a clock, else what was counted. */
static struct number spent_in(const struct profile *p, uint64_t samples, uint64_t weight)
{
	struct number counted = number_scaled(weight), marked = {0};

	if (!samples)
		return marked;
	if (!p->weighted)
		return p->ns_per_sample == PROFILE_UNKNOWN
			       ? marked
			       : number_estimate(report_estimated_ns(p, samples));
	snprintf(marked.text, sizeof(marked.text), "~%.30s", counted.text);
	return marked;
}

static void add_function(struct report *r, struct table *t, const struct view *v,
			 const struct tally *tally, const struct function_tally *f)
{
	const struct profile *p = r->profile;
	struct number spent = spent_in(p, f->self, f->self_weight);

	table_add(t, p->weighted ? number_share(f->self_weight, tally->weight).text
				 : number_share(f->self, tally->samples).text);
	table_add(t, *spent.text ? spent.text : NULL);
	table_add(t, p->weighted ? number_share(f->total_weight, tally->weight).text
				 : number_share(f->total, tally->samples).text);
	table_add(t, number_count(f->self).text);
	report_function(t, v, f->function);
}

static void print_functions(struct report *r, const struct view *v, const struct tally *tally)
{
	const struct profile *p = r->profile;
	size_t nr = tally->nr_functions < r->opts->top ? tally->nr_functions : r->opts->top;
	struct column columns[ARRAY_SIZE(function_columns)];
	struct table t;

	if (nr == 0)
		return;
	memcpy(columns, function_columns, sizeof(columns));
	if (p->weighted)
		columns[1].title = p->event_unit;
	table_init(&t, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < nr; i++)
		add_function(r, &t, v, tally, &tally->functions[i]);
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
	report_tests(&report);
	report_files(&report);
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
