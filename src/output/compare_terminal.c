/* SPDX-License-Identifier: MIT */
/* A comparison for people: the verdict first, then what it rests on. */
#include <errno.h>

#include "base.h"
#include "compare_words.h"
#include "report.h"
#include "rows.h"

static const struct column columns[] = {
	{.title = "verdict", .cut = TEXT_CUT_END},
	{.title = "base", .right = true, .optional = 4},
	{.title = "head", .right = true},
	{.title = "change", .right = true},
	{.title = "interval", .right = true, .optional = 2},
	{.title = "p", .right = true, .optional = 3},
	{.title = "VM instr.", .right = true, .optional = 1},
	{.title = "test", .cut = TEXT_CUT_MIDDLE},
	{.title = "where", .cut = TEXT_CUT_START},
};

static enum style style_of(const struct element *e)
{
	static const enum style styles[NR_VERDICTS] = {
		[VERDICT_SLOWER] = STYLE_WARN, [VERDICT_NOISY] = STYLE_DIM,
		[VERDICT_FASTER] = STYLE_GOOD, [VERDICT_SAME] = STYLE_NONE,
		[VERDICT_TREND] = STYLE_DIM,
	};

	return element_fails(e) ? STYLE_BAD : styles[e->verdict];
}

static const char *verdict_cell(const struct element *e)
{
	if (element_fails(e))
		return "SLOWER";
	return e->verdict == VERDICT_NOISY ? "too noisy" : verdict_text(e->verdict);
}

static void add_row(struct table *t, const struct comparison *c, const struct element *e)
{
	struct buf place;

	buf_init(&place, TEXT_MAX_BUFFER);
	if (t->error == 0 && e->kind == ELEMENT_TEST)
		t->error = compare_place(&place, &e->test);
	table_add_styled(t, verdict_cell(e), style_of(e));
	table_add(t, compare_value(c->metric, e->base).text);
	table_add(t, compare_value(c->metric, e->head).text);
	table_add(t, compare_change(e->ratio).text);
	table_add(t, isnan(e->low) ? NULL : compare_interval(e->low, e->high).text);
	table_add(t, isnan(e->low) ? NULL : compare_chance(compare_p(e)).text);
	table_add(t, e->counted.known ? compare_counted_change(e).text : NULL);
	table_add(t, compare_title(e));
	table_add_styled(t, place.data, STYLE_DIM);
	buf_done(&place);
}

/* Everything that was called something else than the same, and @top rows in any case. */
static void write_rows(struct report *r, const struct comparison *c)
{
	const struct element **sorted = compare_sorted(c);
	struct table t;
	size_t shown = 0;

	if (!sorted) {
		writer_fail(r->writer, -ENOMEM);
		return;
	}
	table_init(&t, columns, ARRAY_SIZE(columns));
	while (shown < c->nr_elements && (shown < r->opts->top || element_fails(sorted[shown])))
		add_row(&t, c, sorted[shown++]);
	writer_addstr(r->writer, "\n");
	report_table(r, &t);
	if (shown < c->nr_elements)
		writer_addf(r->writer, "  and %zu more (--top)\n", c->nr_elements - shown);
	free(sorted);
}

/* ---- lists --------------------------------------------------------------------------------- */

static const struct column list_columns[] = {
	{.title = "test", .cut = TEXT_CUT_MIDDLE},
	{.title = "", .cut = TEXT_CUT_END},
	{.title = "where", .cut = TEXT_CUT_START},
};

/* @text: a reason, a new name; may be NULL. */
static void add_test(struct table *t, const struct compared_test *test, const char *text)
{
	struct buf place;

	buf_init(&place, TEXT_MAX_BUFFER);
	if (t->error == 0)
		t->error = compare_place(&place, test);
	table_add(t, test->name);
	table_add(t, text);
	table_add_styled(t, place.data, STYLE_DIM);
	buf_done(&place);
}

static void end_list(struct report *r, struct table *t, const char *title, size_t nr, size_t shown)
{
	report_title(r, "%s (%zu)", title, nr);
	report_table(r, t);
	if (shown < nr)
		writer_addf(r->writer, "  and %zu more (--top)\n", nr - shown);
}

static size_t rows_of(const struct report *r, size_t nr)
{
	return nr < r->opts->top ? nr : r->opts->top;
}

static void write_tests(struct report *r, const char *title, const struct compared_test *tests,
			size_t nr)
{
	struct table t;

	if (nr == 0)
		return;
	table_init(&t, list_columns, ARRAY_SIZE(list_columns));
	for (size_t i = 0; i < rows_of(r, nr); i++)
		add_test(&t, &tests[i], NULL);
	end_list(r, &t, title, nr, rows_of(r, nr));
}

static void write_renamed(struct report *r, const struct comparison *c)
{
	struct table t;

	if (c->nr_renamed == 0)
		return;
	table_init(&t, list_columns, ARRAY_SIZE(list_columns));
	for (size_t i = 0; i < rows_of(r, c->nr_renamed); i++)
		add_test(&t, &c->renamed[i].from, c->renamed[i].to.name);
	end_list(r, &t, "Renamed, so not compared", c->nr_renamed, rows_of(r, c->nr_renamed));
}

static void write_left_out(struct report *r, const struct comparison *c)
{
	struct table t;

	if (c->nr_left_out == 0)
		return;
	table_init(&t, list_columns, ARRAY_SIZE(list_columns));
	for (size_t i = 0; i < rows_of(r, c->nr_left_out); i++)
		add_test(&t, &c->left_out[i].test, c->left_out[i].reason);
	end_list(r, &t, "Left out", c->nr_left_out, rows_of(r, c->nr_left_out));
}

/* ---- all of it ----------------------------------------------------------------------------- */

static void write_note(struct report *r, const char *key, enum style style,
		       int (*add)(struct buf *b, const struct comparison *c),
		       const struct comparison *c)
{
	struct buf text;

	buf_init(&text, TEXT_MAX_BUFFER);
	writer_fail(r->writer, add(&text, c));
	if (text.len > 0)
		report_note(r, key, style, text.data);
	buf_done(&text);
}

static int add_thresholds(struct buf *b, const struct comparison *c)
{
	return buf_addf(b, "slower from %g %%, failing from %g %%, and by at least %s",
			c->warn_at * 100, c->fail_at * 100,
			compare_value(c->metric, c->floor).text);
}

static int write_terminal(const struct comparison *c, const struct output_opts *o, FILE *out)
{
	struct report r;
	struct writer w;

	writer_init(&w, out);
	report_init(&r, NULL, o, &w);
	report_note(&r, "base", STYLE_NONE, c->names[SIDE_BASE]);
	report_note(&r, "head", STYLE_NONE, c->names[SIDE_HEAD]);
	write_note(&r, "compared", STYLE_NONE, compare_what, c);
	write_note(&r, "rule", STYLE_NONE, add_thresholds, c);
	write_note(&r, "verdict", c->gate_fails ? STYLE_BAD : STYLE_NONE, compare_sum, c);
	write_note(&r, "counted", STYLE_NONE, compare_counted_sum, c);
	if (c->why_trend)
		report_note(&r, "trend only", STYLE_WARN, c->why_trend);
	for (size_t i = 0; i < c->nr_notes; i++)
		report_note(&r, "note", STYLE_WARN, c->notes[i]);
	write_rows(&r, c);
	write_left_out(&r, c);
	write_renamed(&r, c);
	write_tests(&r, "Only in head", c->added, c->nr_added);
	write_tests(&r, "Only in base", c->removed, c->nr_removed);
	return writer_finish(&w);
}

const struct comparison_ops comparison_terminal = {
	.name = "terminal",
	.summary = "tables for people",
	.write = write_terminal,
};
