/* SPDX-License-Identifier: MIT */
/*
 * A comparison as Markdown, for a job summary or a comment.
 *
 * Names of tests are foreign: what Markdown or HTML could act on is escaped, and a comment cannot
 * mention people or issues by it. At most MOST_ROWS rows a table: a job summary of GitHub may have
 * 1 MiB. A comment may have 65,536 characters: rows are left out until it fits.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compare_words.h"
#include "rows.h"
#include "text.h"
#include "writer.h"

#define MOST_ROWS      500
#define MOST_NAME      300
#define COMMENT_BYTES  60000	  /* leaves room for what a caller puts around it */
#define NO_BREAK_SPACE "\xC2\xA0" /* U+00A0 */

/* GFM: any ASCII punctuation may be escaped; "@" and "#" only by an entity are no mention. A dot
 * and a colon make links. */
static int add_escaped(struct buf *b, const char *text)
{
	static const char by_backslash[] = "\\`*_{}[]|~$.:";
	int r = 0;

	for (; *text && r == 0; text++)
		if (strchr("<>&@#\"'", *text))
			r = buf_addf(b, "&#%u;", (unsigned)(unsigned char)*text);
		else if (strchr(by_backslash, *text))
			r = buf_addf(b, "\\%c", *text);
		else
			r = buf_add(b, text, 1);
	return r;
}

static void write_name(struct writer *w, const char *text)
{
	struct buf visible, escaped;
	int r;

	buf_init(&visible, TEXT_MAX_BUFFER);
	buf_init(&escaped, TEXT_MAX_BUFFER);
	r = text_add_short(&visible, text, MOST_NAME);
	if (r == 0 && visible.len > 0)
		r = add_escaped(&escaped, visible.data);
	writer_fail(w, r);
	writer_add(w, escaped.len ? escaped.data : "", escaped.len);
	buf_done(&visible);
	buf_done(&escaped);
}

static void write_place(struct writer *w, const struct compared_test *t)
{
	struct buf place;

	buf_init(&place, TEXT_MAX_BUFFER);
	writer_fail(w, compare_place(&place, t));
	if (place.len > 0)
		write_name(w, place.data);
	buf_done(&place);
}

/* ---- the table ----------------------------------------------------------------------------- */

/* Narrow columns would break a number before its unit. */
static void write_cell(struct writer *w, const char *text)
{
	writer_addstr(w, " ");
	for (; *text; text++)
		writer_add(w, *text == ' ' ? NO_BREAK_SPACE : text, *text == ' ' ? 2 : 1);
	writer_addstr(w, " |");
}

/* Name and place share a cell: a page of GitHub has room for seven columns, not for nine. */
static void write_row(struct writer *w, const struct comparison *c, const struct element *e)
{
	writer_addf(w, "| %s | ", element_fails(e) ? "**slower**" : verdict_text(e->verdict));
	write_name(w, compare_title(e));
	if (e->kind == ELEMENT_TEST) {
		writer_addstr(w, "<br>");
		write_place(w, &e->test);
	}
	writer_addstr(w, " |");
	write_cell(w, compare_value(c->metric, e->base).text);
	write_cell(w, compare_value(c->metric, e->head).text);
	write_cell(w, compare_change(e->ratio).text);
	write_cell(w, compare_interval(e->low, e->high).text);
	if (c->nr_counted > 0)
		write_cell(w, compare_counted_change(e).text);
	writer_addstr(w, "\n");
}

static void write_rows(struct writer *w, const struct comparison *c, size_t top, size_t limit)
{
	const struct element **sorted = compare_sorted(c);
	size_t most = top > limit ? limit : top, shown = 0;

	if (!sorted) {
		writer_fail(w, -ENOMEM);
		return;
	}
	writer_addf(w,
		    "\n| verdict | test | base | head | change | interval |%s\n"
		    "|---|---|--:|--:|--:|--:|%s\n",
		    c->nr_counted > 0 ? " VM instr. |" : "", c->nr_counted > 0 ? "--:|" : "");
	while (shown < c->nr_elements &&
	       (shown < most || (element_fails(sorted[shown]) && shown < limit)))
		write_row(w, c, sorted[shown++]);
	if (shown < c->nr_elements)
		writer_addf(w, "\nand %zu more.\n", c->nr_elements - shown);
	free(sorted);
}

/* ---- lists --------------------------------------------------------------------------------- */

static void begin_list(struct writer *w, const char *title, size_t nr)
{
	writer_addf(w, "\n<details><summary>%s (%zu)</summary>\n\n", title, nr);
}

static void end_list(struct writer *w, size_t nr, size_t limit)
{
	if (nr > limit)
		writer_addf(w, "\nand %zu more.\n", nr - limit);
	writer_addstr(w, "\n</details>\n");
}

static void write_item(struct writer *w, const struct compared_test *t, const char *text)
{
	writer_addstr(w, "- ");
	write_name(w, t->name);
	writer_addstr(w, " (");
	write_place(w, t);
	writer_addstr(w, ")");
	if (text) {
		writer_addstr(w, ": ");
		write_name(w, text);
	}
	writer_addstr(w, "\n");
}

static void write_tests(struct writer *w, const char *title, const struct compared_test *tests,
			size_t nr, size_t limit)
{
	if (nr == 0)
		return;
	begin_list(w, title, nr);
	for (size_t i = 0; i < nr && i < limit; i++)
		write_item(w, &tests[i], NULL);
	end_list(w, nr, limit);
}

static void write_lists(struct writer *w, const struct comparison *c, size_t limit)
{
	if (c->nr_left_out > 0) {
		begin_list(w, "Left out", c->nr_left_out);
		for (size_t i = 0; i < c->nr_left_out && i < limit; i++)
			write_item(w, &c->left_out[i].test, c->left_out[i].reason);
		end_list(w, c->nr_left_out, limit);
	}
	if (c->nr_renamed > 0) {
		begin_list(w, "Renamed, so not compared", c->nr_renamed);
		for (size_t i = 0; i < c->nr_renamed && i < limit; i++)
			write_item(w, &c->renamed[i].from, c->renamed[i].to.name);
		end_list(w, c->nr_renamed, limit);
	}
	write_tests(w, "Only in head", c->added, c->nr_added, limit);
	write_tests(w, "Only in base", c->removed, c->nr_removed, limit);
}

/* ---- all of it ----------------------------------------------------------------------------- */

static void write_sentence(struct writer *w, const char *before,
			   int (*add)(struct buf *b, const struct comparison *c),
			   const struct comparison *c)
{
	struct buf text;

	buf_init(&text, TEXT_MAX_BUFFER);
	writer_fail(w, add(&text, c));
	writer_addf(w, "%s%s.\n", before, text.len ? text.data : "");
	buf_done(&text);
}

/* A comparison that was read from a file may give any reason. */
static void write_counted_sum(struct writer *w, const struct comparison *c)
{
	if (c->metric == METRIC_VM_INSTRUCTIONS || c->nr_elements == 0)
		return;
	if (!c->why_not_counted) {
		write_sentence(w, "\nCounted: ", compare_counted_sum, c);
		return;
	}
	writer_addstr(w, "\nCounted: no instructions of the Lua VM: ");
	write_name(w, c->why_not_counted);
	writer_addstr(w, ".\n");
}

static void write_head(struct writer *w, const struct comparison *c, size_t limit)
{
	writer_addstr(w, "## Tests: ");
	write_name(w, c->names[SIDE_BASE]);
	writer_addstr(w, " → ");
	write_name(w, c->names[SIDE_HEAD]);
	writer_addstr(w, "\n\n");
	write_sentence(w, "", compare_sum, c);
	write_sentence(w, "\nCompared: ", compare_what, c);
	write_counted_sum(w, c);
	writer_addf(w, "\nSlower from %g %%, failing from %g %%, and by at least %s.\n",
		    c->warn_at * 100, c->fail_at * 100, compare_value(c->metric, c->floor).text);
	if (c->why_trend) {
		writer_addstr(w, "\n> Trend only: ");
		write_name(w, c->why_trend);
		writer_addstr(w, ".\n");
	}
	for (size_t i = 0; i < c->nr_notes && i < limit; i++) {
		writer_addstr(w, "\n> ");
		write_name(w, c->notes[i]);
		writer_addstr(w, ".\n");
	}
}

static int write_limited(const struct comparison *c, size_t top, size_t limit, FILE *out)
{
	struct writer w;

	writer_init(&w, out);
	write_head(&w, c, limit);
	write_rows(&w, c, top, limit);
	write_lists(&w, c, limit);
	return writer_finish(&w);
}

static int write_markdown(const struct comparison *c, const struct output_opts *o, FILE *out)
{
	return write_limited(c, o->top, MOST_ROWS, out);
}

/* ---- a comment ----------------------------------------------------------------------------- */

/* *ret_text is the caller's to free() even where it fails. */
static int render(const struct comparison *c, size_t top, size_t limit, char **ret_text,
		  size_t *ret_len)
{
	FILE *out = open_memstream(ret_text, ret_len);
	int r = out ? write_limited(c, top, limit, out) : -ENOMEM;

	if (out && fclose(out) == EOF && r == 0)
		r = -ENOMEM;
	return r;
}

/* Without any row it fits: sentences and two names of at most MOST_NAME characters. */
static int write_comment(const struct comparison *c, const struct output_opts *o, FILE *out)
{
	size_t limit = MOST_ROWS, len = 0;
	char *text = NULL;
	struct writer w;
	int r = render(c, o->top, limit, &text, &len);

	while (r == 0 && len > COMMENT_BYTES && limit > 0) {
		limit /= 2;
		free(text);
		text = NULL;
		r = render(c, o->top, limit, &text, &len);
	}
	writer_init(&w, out);
	writer_fail(&w, r);
	writer_add(&w, r == 0 ? text : "", r == 0 ? len : 0);
	free(text);
	return writer_finish(&w);
}

const struct comparison_ops comparison_markdown = {
	.name = "markdown",
	.summary = "for job summaries",
	.write = write_markdown,
};

const struct comparison_ops comparison_comment = {
	.name = "comment",
	.summary = "the same in at most 60,000 bytes, for a comment of GitHub",
	.write = write_comment,
};
