/* SPDX-License-Identifier: MIT */
/*
 * Timing tables in four styles. Labels and the look of "github" and "lines" are mega.busted's;
 * times are microseconds with two decimals as there. What is not known is "-", null in JSON,
 * nothing in CSV; a column that nothing is known for, or that only repeats another one, is left out
 * of the styles for people.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "json_writer.h"
#include "markdown.h"
#include "text.h"
#include "timing.h"

static const struct {
	const char *label, *key;
} columns[NR_TIMING_COLUMNS] = {
	[TIMING_COUNT] = {"Count", "count"},	     [TIMING_TOTAL] = {"Total-Time", "total_time"},
	[TIMING_SELF] = {"Self-Time", "self_time"},  [TIMING_MEAN] = {"Mean", "mean_time"},
	[TIMING_MEDIAN] = {"Median", "median_time"}, [TIMING_NAME] = {"Name", "name"},
	[TIMING_WHERE] = {"Where", "where"},
};

static const struct {
	const char *key, *title, *one, *count, *meaning;
} kinds[NR_TIMING_KINDS] = {
	[TIMING_TESTS] = {"tests", "Slowest tests", "test", "runs",
			  "Tests: wall time, measured; Count is how often each ran."},
	[TIMING_FUNCTIONS] = {"functions", "Slowest functions", "function", "samples",
			      "Functions: CPU time, estimated from samples, which Count is."},
};

#define SCHEMA "bprof-perf/timing/1"

/* ---- cells --------------------------------------------------------------------------------- */

static uint64_t figure(const struct timing_row *row, enum timing_column column)
{
	switch (column) {
	case TIMING_COUNT:
		return row->count;
	case TIMING_TOTAL:
		return row->total_ns;
	case TIMING_SELF:
		return row->self_ns;
	case TIMING_MEAN:
		return row->mean_ns;
	case TIMING_MEDIAN:
		return row->median_ns;
	default:
		return PROFILE_UNKNOWN;
	}
}

static bool is_text(enum timing_column column)
{
	return column == TIMING_NAME || column == TIMING_WHERE;
}

static const char *text_of(const struct timing_row *row, enum timing_column column)
{
	return column == TIMING_NAME ? row->name : row->where;
}

/* Microseconds, two decimals, rounded. */
static struct number micros(uint64_t ns)
{
	struct number number = {.text = "-"};
	uint64_t hundredths = ns / 10 + (ns % 10 >= 5);

	if (ns != PROFILE_UNKNOWN)
		snprintf(number.text, sizeof(number.text), "%" PRIu64 ".%02" PRIu64,
			 hundredths / 100, hundredths % 100);
	return number;
}

static struct number figure_text(const struct timing_row *row, enum timing_column column)
{
	uint64_t n = figure(row, column);

	return column == TIMING_COUNT ? number_count(n) : micros(n);
}

static bool is_used(const struct timing_table *t, enum timing_column column)
{
	for (size_t i = 0; i < t->nr; i++)
		if (is_text(column) ? *text_of(&t->rows[i], column)
				    : figure(&t->rows[i], column) != PROFILE_UNKNOWN)
			return true;
	return column == TIMING_NAME;
}

/* Where every test ran once, its mean and its median are its time. */
static bool repeats_total(const struct timing_table *t, enum timing_column column)
{
	if (column != TIMING_MEAN && column != TIMING_MEDIAN)
		return false;
	for (size_t i = 0; i < t->nr; i++)
		if (figure(&t->rows[i], column) != t->rows[i].total_ns)
			return false;
	return true;
}

/* ---- which ------------------------------------------------------------------------------------
 */

static struct timing_columns all_columns(void)
{
	struct timing_columns all = {.nr = 0};

	for (enum timing_column c = 0; c < NR_TIMING_COLUMNS; c++)
		all.list[all.nr++] = c;
	return all;
}

static struct timing_columns shown_columns(const struct timing *timing,
					   const struct timing_table *t)
{
	struct timing_columns shown = {.nr = 0};

	if (timing->columns.nr)
		return timing->columns;
	for (enum timing_column c = 0; c < NR_TIMING_COLUMNS; c++)
		if (is_used(t, c) && !repeats_total(t, c))
			shown.list[shown.nr++] = c;
	return shown;
}

static bool names(const char *word, size_t length, const char *column)
{
	return strlen(column) == length && strncasecmp(word, column, length) == 0;
}

static int column_parse(const char *word, size_t length, struct timing_columns *ret)
{
	enum timing_column c = 0;

	while (c < NR_TIMING_COLUMNS && !names(word, length, columns[c].key) &&
	       !names(word, length, columns[c].label))
		c++;
	for (unsigned i = 0; i < ret->nr; i++)
		if (ret->list[i] == c)
			return -EINVAL;
	if (c == NR_TIMING_COLUMNS)
		return -EINVAL;
	ret->list[ret->nr++] = c;
	return 0;
}

int timing_columns_parse(const char *list, struct timing_columns *ret)
{
	struct timing_columns parsed = {.nr = 0};
	int r = 0;

	do {
		size_t length = strcspn(list, ",");

		r = column_parse(list, length, &parsed);
		list += length;
	} while (r == 0 && *list++);
	if (r == 0)
		*ret = parsed;
	return r;
}

/* ---- github -------------------------------------------------------------------------------- */

static void write_github_row(struct writer *w, const struct timing_columns *shown,
			     const struct timing_row *row)
{
	for (unsigned i = 0; i < shown->nr; i++) {
		enum timing_column c = shown->list[i];

		writer_addstr(w, "| ");
		if (is_text(c))
			markdown_add(w, text_of(row, c));
		else
			writer_addstr(w, figure_text(row, c).text);
		writer_addstr(w, " ");
	}
	writer_addstr(w, "|\n");
}

static void write_github(struct writer *w, const struct timing_table *t,
			 const struct timing_columns *shown)
{
	for (unsigned i = 0; i < shown->nr; i++)
		writer_addf(w, "| %s ", columns[shown->list[i]].label);
	writer_addstr(w, "|\n");
	for (unsigned i = 0; i < shown->nr; i++)
		writer_addstr(w, is_text(shown->list[i]) ? "|---" : "|---:");
	writer_addstr(w, "|\n");
	for (size_t i = 0; i < t->nr; i++)
		write_github_row(w, shown, &t->rows[i]);
}

/* ---- lines --------------------------------------------------------------------------------- */

/* A cell as a terminal shows it. */
static void add_cell(struct buf *b, const struct timing_row *row, enum timing_column c,
		     struct writer *w)
{
	buf_reset(b);
	writer_fail(w, is_text(c) ? text_add_short(b, text_of(row, c), TEXT_MAX_NAME)
				  : buf_addstr(b, figure_text(row, c).text));
}

static unsigned column_width(const struct timing_table *t, enum timing_column c, struct writer *w)
{
	unsigned width = (unsigned)strlen(columns[c].label);
	struct buf b;

	buf_init(&b, TEXT_MAX_BUFFER);
	for (size_t i = 0; i < t->nr; i++) {
		add_cell(&b, &t->rows[i], c, w);
		if (b.data && text_width(b.data) > width)
			width = text_width(b.data);
	}
	buf_done(&b);
	return width;
}

static void write_rule(struct writer *w, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		writer_addstr(w, "\xE2\x94\x80"); /* U+2500 */
	writer_addstr(w, "\n");
}

static void add_padded(struct writer *w, unsigned pad, const char *text)
{
	while (pad-- > 0)
		writer_addstr(w, " ");
	writer_addstr(w, text);
}

/* Padded but for the last column. */
static void write_line(struct writer *w, const struct timing_columns *shown,
		       const struct timing_row *row, const unsigned widths[NR_TIMING_COLUMNS])
{
	unsigned pad = 0;
	struct buf b;

	buf_init(&b, TEXT_MAX_BUFFER);
	for (unsigned i = 0; i < shown->nr; i++) {
		enum timing_column c = shown->list[i];

		if (row)
			add_cell(&b, row, c, w);
		else
			buf_reset(&b);
		if (!row)
			writer_fail(w, buf_addstr(&b, columns[c].label));
		if (b.len > 0)
			add_padded(w, pad, b.data);
		pad = b.len > 0 ? widths[c] - text_width(b.data) + 2 : pad + widths[c] + 2;
	}
	writer_addstr(w, "\n");
	buf_done(&b);
}

static void write_lines(struct writer *w, const struct timing_table *t,
			const struct timing_columns *shown)
{
	unsigned widths[NR_TIMING_COLUMNS] = {0}, all = 0;

	for (unsigned i = 0; i < shown->nr; i++) {
		enum timing_column c = shown->list[i];

		widths[c] = column_width(t, c, w);
		all += (all ? 2 : 0) + widths[c];
	}
	write_rule(w, all);
	writer_addf(w, "Total-Time  %s\n", micros(t->all_ns).text);
	write_rule(w, all);
	write_line(w, shown, NULL, widths);
	write_rule(w, all);
	for (size_t i = 0; i < t->nr; i++)
		write_line(w, shown, &t->rows[i], widths);
}

/* ---- csv ----------------------------------------------------------------------------------- */

static void add_quoted(struct writer *w, const char *text)
{
	struct buf b;

	buf_init(&b, TEXT_MAX_BUFFER);
	writer_fail(w, text_add_csv(&b, text));
	writer_addstr(w, b.data ? b.data : "");
	buf_done(&b);
}

static void write_csv(struct writer *w, const struct timing *timing)
{
	const struct timing_columns shown = timing->columns.nr ? timing->columns : all_columns();

	writer_addstr(w, "kind");
	for (unsigned c = 0; c < shown.nr; c++)
		writer_addf(w, ",%s", columns[shown.list[c]].key);
	writer_addstr(w, "\r\n");
	for (size_t k = 0; k < NR_TIMING_KINDS; k++)
		for (size_t i = 0; i < timing->tables[k].nr; i++) {
			const struct timing_row *row = &timing->tables[k].rows[i];

			writer_addstr(w, kinds[k].one);
			for (unsigned n = 0; n < shown.nr; n++) {
				enum timing_column c = shown.list[n];

				writer_addstr(w, ",");
				if (is_text(c))
					add_quoted(w, text_of(row, c));
				else if (figure(row, c) != PROFILE_UNKNOWN)
					writer_addstr(w, figure_text(row, c).text);
			}
			writer_addstr(w, "\r\n");
		}
}

/* ---- json ---------------------------------------------------------------------------------- */

static void write_micros(struct json *j, const char *key, uint64_t ns)
{
	if (ns == PROFILE_UNKNOWN)
		json_null(j, key);
	else
		json_number(j, key, number_thousandths(ns));
}

static void write_json_table(struct json *j, const struct timing_table *t, const char *key,
			     const char *count)
{
	json_open_map(j, key);
	json_text(j, "count_kind", count);
	json_uint(j, "all", t->nr_all);
	json_uint(j, "all_count", t->all_count);
	write_micros(j, "all_time", t->all_ns);
	json_open_array(j, "rows");
	for (size_t i = 0; i < t->nr; i++) {
		json_open_map(j, NULL);
		for (enum timing_column c = 0; c < NR_TIMING_COLUMNS; c++) {
			if (is_text(c))
				json_text(j, columns[c].key, text_of(&t->rows[i], c));
			else if (c == TIMING_COUNT)
				json_uint(j, columns[c].key, figure(&t->rows[i], c));
			else
				write_micros(j, columns[c].key, figure(&t->rows[i], c));
		}
		json_close_map(j);
	}
	json_close_array(j);
	json_close_map(j);
}

static void write_json(struct writer *w, const struct timing *timing)
{
	struct json j;

	json_init(&j, w, JSON_INDENTED);
	json_open_map(&j, NULL);
	json_text(&j, "schema", SCHEMA);
	json_text(&j, "unit", "microseconds");
	for (size_t k = 0; k < NR_TIMING_KINDS; k++)
		write_json_table(&j, &timing->tables[k], kinds[k].key, kinds[k].count);
	json_close_map(&j);
	json_done(&j);
}

/* ---- all of it ----------------------------------------------------------------------------- */

static void write_tables(struct writer *w, const struct timing *timing, enum table_style style)
{
	bool any = false;

	for (size_t k = 0; k < NR_TIMING_KINDS; k++) {
		const struct timing_table *t = &timing->tables[k];
		const struct timing_columns shown = shown_columns(timing, t);

		if (t->nr == 0)
			continue;
		writer_addf(w, "%s%s%s (%zu of %zu)\n\n", any ? "\n" : "",
			    style == TABLE_GITHUB ? "### " : "", kinds[k].title, t->nr, t->nr_all);
		if (style == TABLE_GITHUB)
			write_github(w, t, &shown);
		else
			write_lines(w, t, &shown);
		any = true;
	}
	if (!any) {
		writer_addstr(w, "Nothing was sampled.\n");
		return;
	}
	writer_addstr(w, "\nTimes are microseconds.");
	for (size_t k = 0; k < NR_TIMING_KINDS; k++)
		if (timing->tables[k].nr > 0)
			writer_addf(w, " %s", kinds[k].meaning);
	writer_addstr(w, "\n");
}

void timing_write(struct writer *w, const struct timing *timing, enum table_style style)
{
	switch (style) {
	case TABLE_CSV:
		write_csv(w, timing);
		break;
	case TABLE_JSON:
		write_json(w, timing);
		break;
	default:
		write_tables(w, timing, style);
	}
}
