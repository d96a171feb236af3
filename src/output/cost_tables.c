/* SPDX-License-Identifier: MIT */
/*
 * The cost report for people: the same columns on the terminal and as Markdown, one table each for
 * tests, files and tags. A column that nothing is known for is left out.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base.h"
#include "costs.h"
#include "markdown.h"
#include "meters.h"
#include "report.h"
#include "rows.h"

enum cost_column {
	COLUMN_CYCLES,
	COLUMN_INSTRUCTIONS,
	COLUMN_IPC,
	COLUMN_CPU,
	COLUMN_WALL,
	COLUMN_OFF_CPU,
	COLUMN_SHARE,
	COLUMN_SPREAD,
	COLUMN_KIND,
	COLUMN_DISTURBED,
	COLUMN_NAME,
	COLUMN_WHERE,
	NR_COST_COLUMNS
};

static const struct column columns[NR_COST_COLUMNS] = {
	[COLUMN_CYCLES] = {.title = "cycles", .right = true},
	[COLUMN_INSTRUCTIONS] = {.title = "instr", .right = true, .optional = 4},
	[COLUMN_IPC] = {.title = "IPC", .right = true, .optional = 3},
	[COLUMN_CPU] = {.title = "CPU", .right = true},
	[COLUMN_WALL] = {.title = "wall", .right = true},
	[COLUMN_OFF_CPU] = {.title = "off-CPU", .right = true},
	[COLUMN_SHARE] = {.title = "share", .right = true},
	[COLUMN_SPREAD] = {.title = "spread", .right = true, .optional = 1},
	[COLUMN_KIND] = {.title = "", .right = true},
	[COLUMN_DISTURBED] = {.title = "", .right = true, .optional = 2},
	[COLUMN_NAME] = {.title = "name", .cut = TEXT_CUT_MIDDLE},
	[COLUMN_WHERE] = {.title = "where", .cut = TEXT_CUT_START, .optional = 5},
};

struct cells {
	struct number figure[COLUMN_KIND]; /* "" = leave out */
	const char *kind, *name;
	char disturbed[64], *where;
};

static void set(struct number *cell, struct number number)
{
	if (strcmp(number.text, "-") != 0)
		*cell = number;
}

/* Counts that miss a time slice are a lower bound. */
static struct number cycles_cell(const struct profile *p, const struct costs *c)
{
	uint64_t missed = meter_of(p, &c->meters, BPROF_METER_UNCOUNTED);
	uint64_t all = meters_cycles(p, &c->meters);
	struct number number = number_scaled(
		all == PROFILE_UNKNOWN ? meter_of(p, &c->meters, BPROF_METER_CYCLES_USER) : all);
	struct number marked = {0};

	if (missed == PROFILE_UNKNOWN || missed == 0)
		return number;
	snprintf(marked.text, sizeof(marked.text), ">%.30s", number.text);
	return marked;
}

static void say_disturbed(char *ret, size_t size, const struct cost_row *row)
{
	*ret = 0;
	if (!row->disturbed)
		return;
	if (row->runs > 1)
		snprintf(ret, size, "disturbed %llu/%zu", (unsigned long long)row->disturbed,
			 row->runs);
	else
		snprintf(ret, size, "disturbed");
}

static int make_cells(const struct profile *p, const struct cost_report *report,
		      const struct cost_row *row, struct cells *ret)
{
	const struct costs *c = &row->costs;
	uint64_t ipc = meters_ipc_thousandths(p, &c->meters);
	const struct test *t = row->test;
	int r = 0;

	*ret = (struct cells){.kind = cost_kind_name(row->kind)};
	set(&ret->figure[COLUMN_CYCLES], cycles_cell(p, c));
	set(&ret->figure[COLUMN_INSTRUCTIONS],
	    number_scaled(meter_of(p, &c->meters, BPROF_METER_INSTRUCTIONS_USER)));
	if (ipc != PROFILE_UNKNOWN)
		ret->figure[COLUMN_IPC] = number_thousandths(ipc);
	set(&ret->figure[COLUMN_CPU], number_duration(c->cpu_ns));
	set(&ret->figure[COLUMN_WALL], number_duration(c->wall_ns));
	set(&ret->figure[COLUMN_OFF_CPU], cost_percent(cost_share(row->off_cpu_ns, c->wall_ns)));
	set(&ret->figure[COLUMN_SHARE], cost_percent(cost_share(row->basis, report->suite.basis)));
	set(&ret->figure[COLUMN_SPREAD], cost_percent(cost_spread(row)));
	say_disturbed(ret->disturbed, sizeof(ret->disturbed), row);
	ret->name = row->name && *row->name ? row->name : "(unnamed)";
	if (t && t->line > 0)
		r = asprintf(&ret->where, "%s:%d", t->source && *t->source ? t->source : t->file,
			     t->line);
	return r < 0 ? -ENOMEM : 0;
}

/* ---- what is said about all rows ----------------------------------------------------------- */

/* NULL = nothing to say. */
static const char *missing_counters(const struct profile *p)
{
	return p->hardware_missing && *p->hardware_missing ? p->hardware_missing : NULL;
}

static void say_basis(const struct cost_report *report, char *ret, size_t size)
{
	snprintf(
		ret, size,
		"of the functions of tests, threads and child processes included; %s; share: of the %s "
		"of all tests%s",
		report->repeated ? "each figure is the median of its runs" : "one run",
		report->by_cycles ? "cycles in user mode" : "CPU time",
		report->repeated ? "; spread: from the cheapest to the dearest run" : "");
}

static const char kinds_say[] =
	"burns: most of the wall time on a processor; waits: most of it asleep; starved: most of it "
	"ready to run while others had the processors";

static bool any_kind(const struct cost_rows *rows)
{
	for (size_t i = 0; i < rows->nr; i++)
		if (rows->rows[i].kind != COST_UNTOLD)
			return true;
	return false;
}

static bool any_disturbed(const struct cost_rows *rows)
{
	for (size_t i = 0; i < rows->nr; i++)
		if (rows->rows[i].disturbed)
			return true;
	return false;
}

static const char disturbed_says[] =
	"disturbed: others took 5 % or more: time stolen by the hypervisor, or waited for a processor";

/* ---- the terminal -------------------------------------------------------------------------- */

static void print_table(struct report *r, const struct cost_report *report,
			const struct cost_rows *rows, const char *of)
{
	size_t nr = rows->nr < r->opts->top ? rows->nr : r->opts->top;
	struct table t;

	if (!nr)
		return;
	table_init(&t, columns, NR_COST_COLUMNS);
	for (size_t i = 0; i < nr; i++) {
		struct cells cells;

		writer_fail(r->writer, make_cells(r->profile, report, &rows->rows[i], &cells));
		for (size_t k = 0; k < COLUMN_KIND; k++)
			table_add(&t, *cells.figure[k].text ? cells.figure[k].text : NULL);
		table_add_styled(&t, *cells.kind ? cells.kind : NULL,
				 rows->rows[i].kind == COST_BURNS ? STYLE_NONE : STYLE_DIM);
		table_add_styled(&t, *cells.disturbed ? cells.disturbed : NULL, STYLE_WARN);
		table_add(&t, cells.name);
		table_add_styled(&t, cells.where, STYLE_DIM);
		free(cells.where);
	}
	report_title(r, "what %s cost (%zu of %zu)", of, nr, rows->nr);
	report_table(r, &t);
}

static int write_costs(const struct profile *p, const struct output_opts *o, FILE *out)
{
	struct cost_report costs;
	struct report report;
	char basis[256];
	struct writer w;
	int r = costs_report(p, &costs);

	if (r < 0)
		return r;
	writer_init(&w, out);
	report_init(&report, p, o, &w);
	print_table(&report, &costs, &costs.tests, "the tests");
	print_table(&report, &costs, &costs.files, "the tests of each file");
	print_table(&report, &costs, &costs.tags, "the tests of each tag");
	writer_add(&w, "\n", 1);
	say_basis(&costs, basis, sizeof(basis));
	report_note(&report, "costs", STYLE_NONE, costs.tests.nr ? basis : "no test ran");
	if (any_kind(&costs.tests))
		report_note(&report, "", STYLE_NONE, kinds_say);
	if (any_disturbed(&costs.tests))
		report_note(&report, "", STYLE_WARN, disturbed_says);
	if (missing_counters(p))
		report_note(&report, "cycles", STYLE_WARN, missing_counters(p));
	cost_report_done(&costs);
	return writer_finish(&w);
}

const struct output_ops output_costs = {
	.name = "costs",
	.summary = "what tests, files and tags cost, and which of them wait",
	.kind = OUTPUT_REPORT,
	.write = write_costs,
};

/* ---- Markdown ------------------------------------------------------------------------------ */

/* The cells of all rows, and which columns have any. */
static struct cells *all_cells(const struct profile *p, const struct cost_report *report,
			       const struct cost_rows *rows, bool used[NR_COST_COLUMNS])
{
	struct cells *all = calloc(rows->nr + 1, sizeof(*all));
	int r = all ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < rows->nr; i++) {
		r = make_cells(p, report, &rows->rows[i], &all[i]);
		for (size_t k = 0; k < COLUMN_KIND; k++)
			used[k] = used[k] || *all[i].figure[k].text;
		used[COLUMN_KIND] = used[COLUMN_KIND] || *all[i].kind;
		used[COLUMN_DISTURBED] = used[COLUMN_DISTURBED] || *all[i].disturbed;
		used[COLUMN_WHERE] = used[COLUMN_WHERE] || all[i].where;
	}
	used[COLUMN_NAME] = true;
	if (r == 0)
		return all;
	for (size_t i = 0; all && i < rows->nr; i++)
		free(all[i].where);
	free(all);
	return NULL;
}

/* The terminal has no room for two of the titles. */
static const char *title_of(size_t column, const char *of)
{
	switch (column) {
	case COLUMN_KIND:
		return "state";
	case COLUMN_DISTURBED:
		return "note";
	case COLUMN_NAME:
		return of;
	default:
		return columns[column].title;
	}
}

static void write_head(struct writer *w, const bool used[NR_COST_COLUMNS], const char *of)
{
	for (size_t k = 0; k < NR_COST_COLUMNS; k++)
		if (used[k])
			writer_addf(w, "| %s ", title_of(k, of));
	writer_addstr(w, "|\n");
	for (size_t k = 0; k < NR_COST_COLUMNS; k++)
		if (used[k])
			writer_addstr(w, columns[k].right ? "|---:" : "|---");
	writer_addstr(w, "|\n");
}

static const char *cell_text(const struct cells *c, size_t column)
{
	switch (column) {
	case COLUMN_KIND:
		return c->kind;
	case COLUMN_DISTURBED:
		return c->disturbed;
	case COLUMN_NAME:
		return c->name;
	case COLUMN_WHERE:
		return c->where ? c->where : "";
	default:
		return c->figure[column].text;
	}
}

static void write_markdown_table(struct writer *w, const struct profile *p,
				 const struct cost_report *report, const struct cost_rows *rows,
				 const char *of)
{
	bool used[NR_COST_COLUMNS] = {false};
	struct cells *all;

	if (!rows->nr)
		return;
	all = all_cells(p, report, rows, used);
	if (!all) {
		writer_fail(w, -ENOMEM);
		return;
	}
	writer_addstr(w, "\n");
	write_head(w, used, of);
	for (size_t i = 0; i < rows->nr; i++) {
		for (size_t k = 0; k < NR_COST_COLUMNS; k++) {
			if (!used[k])
				continue;
			writer_addstr(w, "| ");
			markdown_add(w, cell_text(&all[i], k));
			writer_addstr(w, " ");
		}
		writer_addstr(w, "|\n");
		free(all[i].where);
	}
	free(all);
}

static void write_paragraph(struct writer *w, const char *text)
{
	char first[2] = {(char)toupper((unsigned char)*text), 0};

	writer_addstr(w, "\n");
	markdown_add(w, first);
	markdown_add(w, text + 1);
	writer_addstr(w, ".\n");
}

static int write_markdown(const struct profile *p, const struct output_opts *o, FILE *out)
{
	struct cost_report costs;
	char basis[256];
	struct writer w;
	int r = costs_report(p, &costs);

	(void)o; /* all rows: a file is searched, not read from the top */
	if (r < 0)
		return r;
	writer_init(&w, out);
	writer_addstr(&w, "# What the tests cost\n");
	say_basis(&costs, basis, sizeof(basis));
	write_paragraph(&w, costs.tests.nr ? basis : "No test ran");
	if (missing_counters(p))
		write_paragraph(&w, missing_counters(p));
	write_markdown_table(&w, p, &costs, &costs.tests, "test");
	write_markdown_table(&w, p, &costs, &costs.files, "file");
	write_markdown_table(&w, p, &costs, &costs.tags, "tag");
	if (any_kind(&costs.tests))
		write_paragraph(&w, kinds_say);
	if (any_disturbed(&costs.tests))
		write_paragraph(&w, disturbed_says);
	cost_report_done(&costs);
	return writer_finish(&w);
}

const struct output_ops output_markdown = {
	.name = "markdown",
	.summary = "what tests, files and tags cost, as tables for a pull request",
	.kind = OUTPUT_FILE,
	.file_name = "costs.md",
	.write = write_markdown,
};
