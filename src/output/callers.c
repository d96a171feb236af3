/* SPDX-License-Identifier: MIT */
/*
 * The callers view: for each hot function who called it.
 *
 *	 self  samples  function    called by   where
 *	41.2 %      662  string.gsub             [C]
 *	            500              trim        src/text.lua:12
 *
 * As the two-level histogram of pianohacker/bucket's profiler.lua: leaf function, then its three
 * commonest callers. Functions below --min-percent are left out and counted.
 */
#include "base.h"
#include "number.h"
#include "report.h"
#include "rows.h"

#define SHOWN_CALLERS 3

static const struct column columns[] = {
	{.title = "self", .right = true},
	{.title = "samples", .right = true},
	{.title = "function", .cut = TEXT_CUT_MIDDLE},
	{.title = "called by", .cut = TEXT_CUT_MIDDLE},
	{.title = "where", .cut = TEXT_CUT_START},
};

static void add_caller(struct table *table, const struct view *v, const struct caller_tally *c)
{
	table_add(table, NULL);
	table_add(table, number_count(c->samples).text);
	table_add(table, NULL);
	if (c->caller == TALLY_NO_CALLER) {
		table_add_styled(table, "(top of the stack)", STYLE_DIM);
		table_add(table, NULL);
	} else {
		report_function(table, v, c->caller);
	}
}

static void add_function(struct table *table, const struct view *v, const struct tally *tally,
			 const struct function_tally *f)
{
	struct buf name, location;
	unsigned shown = 0;
	size_t i = 0;
	int r;

	buf_init(&name, TEXT_MAX_BUFFER);
	buf_init(&location, TEXT_MAX_BUFFER);
	r = view_add_name(v, f->function, &name);
	if (r == 0)
		r = view_add_location(v, f->function, &location);
	if (r < 0)
		table->error = r;
	table_add(table, number_share(f->self, tally->samples).text);
	table_add(table, number_count(f->self).text);
	table_add(table, name.data);
	table_add(table, NULL);
	table_add_styled(table, location.data, STYLE_DIM);
	buf_done(&name);
	buf_done(&location);

	while (i < tally->nr_callers && tally->callers[i].function != f->function)
		i++;
	while (i < tally->nr_callers && tally->callers[i].function == f->function &&
	       shown++ < SHOWN_CALLERS)
		add_caller(table, v, &tally->callers[i++]);
}

static bool is_shown(const struct function_tally *f, const struct tally *tally, double min_percent)
{
	return f->self > 0 && (double)f->self * 100 >= min_percent * (double)tally->samples;
}

static void print_callers(struct report *report, const struct view *v, const struct tally *tally)
{
	const struct output_opts *o = report->opts;
	struct table table;
	size_t shown = 0, leaves = 0;

	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < tally->nr_functions; i++) {
		const struct function_tally *f = &tally->functions[i];

		leaves += f->self > 0;
		if (shown < o->top && is_shown(f, tally, o->min_percent)) {
			add_function(&table, v, tally, f);
			shown++;
		}
	}
	report_title(report, "hottest functions and their callers (%zu of %zu, %llu samples)",
		     shown, leaves, (unsigned long long)tally->samples);
	report_table(report, &table);
}

static int write_callers(const struct profile *p, const struct output_opts *o, FILE *out)
{
	struct report report;
	struct tally tally = {0};
	struct writer w;
	struct view v;
	int r = view_init(&v, p, o);

	if (r == 0)
		r = tally_compute(&tally, &v);
	if (r < 0) {
		view_done(&v);
		return r;
	}
	writer_init(&w, out);
	report_init(&report, p, o, &w);
	print_callers(&report, &v, &tally);
	tally_done(&tally);
	view_done(&v);
	return writer_finish(&w);
}

const struct output_ops output_callers = {
	.name = "callers",
	.summary = "hottest functions and who called them",
	.kind = OUTPUT_REPORT,
	.write = write_callers,
};
