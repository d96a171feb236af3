/* SPDX-License-Identifier: MIT */
/*
 * Annotations of GitHub Actions: a line of the log that is shown at the test's own line.
 *
 * About ten of a kind are shown for each step, so the worst ten are written and the rest is
 * counted. In the text of a command '%', CR and LF are written by their codes, in its properties
 * ':' and ',' as well.
 * Source: docs.github.com, "Workflow commands"; actions/toolkit packages/core/src/command.ts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compare_words.h"
#include "rows.h"
#include "text.h"
#include "writer.h"

#define MOST_ANNOTATIONS 10
#define MOST_NAME	 300

static int add_escaped(struct buf *b, const char *text, const char *special)
{
	int r = 0;

	for (; *text && r == 0; text++)
		if (strchr(special, *text))
			r = buf_addf(b, "%%%02X", (unsigned)(unsigned char)*text);
		else
			r = buf_add(b, text, 1);
	return r;
}

/* @text is foreign: first visible, then escaped. */
static void write_text(struct writer *w, const char *text, const char *special)
{
	struct buf visible, escaped;
	int r;

	buf_init(&visible, TEXT_MAX_BUFFER);
	buf_init(&escaped, TEXT_MAX_BUFFER);
	r = text_add_short(&visible, text, MOST_NAME);
	if (r == 0 && visible.len > 0)
		r = add_escaped(&escaped, visible.data, special);
	writer_fail(w, r);
	writer_add(w, escaped.len ? escaped.data : "", escaped.len);
	buf_done(&visible);
	buf_done(&escaped);
}

static void write_data(struct writer *w, const char *text)
{
	write_text(w, text, "%\r\n");
}

static void write_property(struct writer *w, const char *text)
{
	write_text(w, text, "%\r\n:,");
}

static void write_place(struct writer *w, const struct element *e)
{
	const struct compared_test *t = &e->test;
	const char *file = *t->source ? t->source : t->file;

	if (!*file)
		return;
	writer_addstr(w, "file=");
	write_property(w, file);
	if (t->line > 0)
		writer_addf(w, ",line=%d", t->line);
	writer_addstr(w, ",");
}

static void write_measured(struct writer *w, const struct comparison *c, const struct element *e)
{
	write_data(w, compare_value(c->metric, e->base).text);
	write_data(w, " -> ");
	write_data(w, compare_value(c->metric, e->head).text);
	writer_addf(w, " %s, interval ", metric_text(c->metric));
	write_data(w, compare_interval(e->low, e->high).text);
	writer_addf(w, ", %s\n", rung_name(c->rung));
}

static void write_counted(struct writer *w, const struct element *e)
{
	write_data(w, compare_value(METRIC_VM_INSTRUCTIONS, e->counted.base).text);
	write_data(w, " -> ");
	write_data(w, compare_value(METRIC_VM_INSTRUCTIONS, e->counted.head).text);
	writer_addf(w, " %s, %s\n", metric_text(METRIC_VM_INSTRUCTIONS),
		    rung_name(RUNG_DETERMINISTIC));
}

static void write_annotation(struct writer *w, const struct comparison *c, const struct element *e)
{
	bool counted = e->verdict != VERDICT_SLOWER; /* time cannot tell */

	writer_addf(w, "::%s ", element_fails(e) && c->gate_fails ? "error" : "warning");
	write_place(w, e);
	writer_addstr(w, "title=");
	write_property(w, "slower by ");
	write_property(w, /* without its sign */
		       compare_change(counted ? e->counted.ratio : e->ratio).text + 1);
	writer_addstr(w, "::");
	write_data(w, compare_title(e));
	write_data(w, ": ");
	if (counted)
		write_counted(w, e);
	else
		write_measured(w, c, e);
}

/* The suite and files say it when no test of theirs does. */
static bool is_worth_it(const struct comparison *c, const struct element *e)
{
	if (e->counted.fails)
		return true;
	if (e->verdict != VERDICT_SLOWER)
		return false;
	return e->kind == ELEMENT_TEST || c->nr_by_verdict[ELEMENT_TEST][VERDICT_SLOWER] == 0;
}

static void write_sum(struct writer *w, const struct comparison *c, size_t left)
{
	struct buf sum;
	int r;

	buf_init(&sum, TEXT_MAX_BUFFER);
	r = compare_sum(&sum, c);
	if (r == 0)
		r = buf_addstr(&sum, "; ");
	if (r == 0)
		r = compare_what(&sum, c);
	if (r == 0 && left > 0)
		r = buf_addf(&sum, "; and %zu more that are slower", left);
	writer_fail(w, r);
	writer_addstr(w, "::notice title=bprof-perf compare::");
	if (r == 0)
		write_data(w, sum.data);
	writer_addstr(w, "\n");
	buf_done(&sum);
}

static int write_github(const struct comparison *c, const struct output_opts *o, FILE *out)
{
	const struct element **sorted = compare_sorted(c);
	size_t written = 0, left = 0;
	struct writer w;

	(void)o;
	writer_init(&w, out);
	if (!sorted)
		writer_fail(&w, -ENOMEM);
	for (size_t i = 0; sorted && i < c->nr_elements; i++) {
		if (!is_worth_it(c, sorted[i]))
			continue;
		if (written < MOST_ANNOTATIONS) {
			write_annotation(&w, c, sorted[i]);
			written++;
		} else {
			left++;
		}
	}
	write_sum(&w, c, left);
	free(sorted);
	return writer_finish(&w);
}

const struct comparison_ops comparison_github = {
	.name = "github",
	.summary = "annotations for GitHub Actions",
	.write = write_github,
};
