/* SPDX-License-Identifier: MIT */
/*
 * Past releases as a table, and the newest against the one before.
 *
 * The columns are those of mega.busted's README and rez's: times in microseconds with two decimals.
 * A cell with '*' differs from the row before: the machine or the interpreter is another one, and
 * the times of the two rows do not compare. What is the same in every row is said once, below the
 * table, in the styles for people.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "json_writer.h"
#include "markdown.h"
#include "release_pages.h"
#include "table.h"
#include "text.h"

enum past_column {
	COLUMN_RELEASE,
	COLUMN_DATE,
	COLUMN_PLATFORM,
	COLUMN_CPU,
	COLUMN_NUM_CPU,
	COLUMN_INTERPRETER,
	COLUMN_TESTS,
	COLUMN_TOTAL,
	COLUMN_MEDIAN,
	COLUMN_MEAN,
	COLUMN_DEVIATION,
	COLUMN_CYCLES,
	COLUMN_STATUS,
	NR_COLUMNS
};

#define SCHEMA	      "bprof-perf/history/1"
#define DEFAULT_WIDTH 160

static const struct {
	const char *label, *key;
	bool right;
	bool often_same; /* said once where it is */
} columns[NR_COLUMNS] = {
	[COLUMN_RELEASE] = {"Release", "release", false, false},
	[COLUMN_DATE] = {"Date", "date", false, false},
	[COLUMN_PLATFORM] = {"Platform", "platform", false, true},
	[COLUMN_CPU] = {"CPU", "cpu", false, true},
	[COLUMN_NUM_CPU] = {"#CPU", "num_cpu", true, true},
	[COLUMN_INTERPRETER] = {"Interpreter", "interpreter", false, true},
	[COLUMN_TESTS] = {"Tests", "tests", true, false},
	[COLUMN_TOTAL] = {"Total", "total", true, false},
	[COLUMN_MEDIAN] = {"Median", "median", true, false},
	[COLUMN_MEAN] = {"Mean", "mean", true, false},
	[COLUMN_DEVIATION] = {"StdDev", "stddev", true, false},
	[COLUMN_CYCLES] = {"Cycles", "cycles", true, false},
	[COLUMN_STATUS] = {"Status", "status", false, true},
};

static const char *const status_names[NR_PAST_STATUS] = {
	[PAST_UNTOLD] = "", [PAST_PASSED] = "passed", [PAST_FAILED] = "failed"};

struct cells {
	char *text[NR_COLUMNS]; /* NULL = not told */
};

/* ---- cells --------------------------------------------------------------------------------- */

static struct number micros(uint64_t ns)
{
	uint64_t hundredths = ns / 10 + (ns % 10 >= 5);
	struct number number = {.text = ""};

	if (ns != PROFILE_UNKNOWN)
		snprintf(number.text, sizeof(number.text), "%" PRIu64 ".%02" PRIu64,
			 hundredths / 100, hundredths % 100);
	return number;
}

static struct number count(uint64_t n)
{
	return n == PROFILE_UNKNOWN ? (struct number){.text = ""} : number_count(n);
}

/* Nothing is no cell. */
static int set(struct cells *c, enum past_column column, const char *text, const char *mark)
{
	if (!text || !*text)
		return 0;
	return asprintf(&c->text[column], "%s%s", text, mark) < 0 ? -ENOMEM : 0;
}

static int set_interpreter(struct cells *c, const struct past_release *past)
{
	const char *mark = past->interpreter_changed ? " *" : "";

	if (!past->neovim)
		return set(c, COLUMN_INTERPRETER, past->interpreter, mark);
	return asprintf(&c->text[COLUMN_INTERPRETER], "Neovim %s%s%s%s", past->neovim,
			past->interpreter ? ", " : "", past->interpreter ? past->interpreter : "",
			mark) < 0
		       ? -ENOMEM
		       : 0;
}

static int set_date(struct cells *c, const struct history_date *d)
{
	return asprintf(&c->text[COLUMN_DATE], "%04u-%02u-%02u", d->year, d->month, d->day) < 0
		       ? -ENOMEM
		       : 0;
}

static void cells_done(struct cells *c)
{
	for (size_t i = 0; i < NR_COLUMNS; i++)
		free(c->text[i]);
}

/* A failed allocation leaves its pointer undefined in asprintf(3): then nothing of it is used. */
static int cells_make(const struct past_release *p, struct cells *ret)
{
	const struct {
		enum past_column column;
		struct number number;
	} numbers[] = {
		{COLUMN_NUM_CPU, count(p->num_cpu)},
		{COLUMN_TESTS, count(p->tests)},
		{COLUMN_TOTAL, micros(p->total_ns)},
		{COLUMN_MEDIAN, micros(p->median_ns)},
		{COLUMN_MEAN, micros(p->mean_ns)},
		{COLUMN_DEVIATION, micros(p->deviation_ns)},
		{COLUMN_CYCLES,
		 p->cycles == PROFILE_UNKNOWN ? count(p->cycles) : number_scaled(p->cycles)},
	};
	int r;

	*ret = (struct cells){0};
	r = set(ret, COLUMN_RELEASE, p->folder.release.text, "");
	if (r == 0)
		r = set_date(ret, &p->folder.date);
	if (r == 0)
		r = set(ret, COLUMN_PLATFORM, p->platform, "");
	if (r == 0)
		r = set(ret, COLUMN_CPU, p->cpu, p->cpu_changed ? " *" : "");
	if (r == 0)
		r = set_interpreter(ret, p);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(numbers); i++)
		r = set(ret, numbers[i].column, numbers[i].number.text, "");
	return r < 0 ? r : set(ret, COLUMN_STATUS, status_names[p->status], "");
}

/* ---- styles -------------------------------------------------------------------------------- */

struct rows {
	struct cells *rows;
	size_t nr;
	bool used[NR_COLUMNS], same[NR_COLUMNS];
};

static void rows_done(struct rows *r)
{
	for (size_t i = 0; i < r->nr; i++)
		cells_done(&r->rows[i]);
	free(r->rows);
}

static bool is_same(const struct rows *rows, size_t column)
{
	const char *first = rows->nr > 1 ? rows->rows[0].text[column] : NULL;

	if (!first || !columns[column].often_same)
		return false;
	for (size_t i = 1; i < rows->nr; i++) {
		const char *text = rows->rows[i].text[column];

		if (!text || strcmp(text, first) != 0)
			return false;
	}
	return true;
}

/* The newest first, as a reader looks for them. */
static int rows_make(const struct history *h, struct rows *ret)
{
	int r = 0;

	*ret = (struct rows){.rows = calloc(h->nr + 1, sizeof(*ret->rows))};
	if (!ret->rows)
		return -ENOMEM;
	for (size_t i = h->nr; r == 0 && i > 0; i--) {
		struct cells *c = &ret->rows[ret->nr];

		r = cells_make(&h->releases[i - 1], c);
		ret->nr += r == 0;
		for (size_t k = 0; k < NR_COLUMNS && r == 0; k++)
			ret->used[k] = ret->used[k] || c->text[k];
	}
	for (size_t k = 0; k < NR_COLUMNS && r == 0; k++)
		ret->same[k] = is_same(ret, k);
	return r;
}

static bool is_shown(const struct rows *rows, size_t column)
{
	return rows->used[column] && !rows->same[column];
}

/* "All runs: Platform Linux, CPU Example CPU." */
static void write_same(struct writer *w, const struct rows *rows, bool markdown)
{
	const char *before = markdown ? "\nAll runs: " : "\n  All runs: ";

	for (size_t k = 0; k < NR_COLUMNS; k++) {
		struct buf visible;

		if (!rows->same[k])
			continue;
		writer_addf(w, "%s%s ", before, columns[k].label);
		before = ", ";
		buf_init(&visible, TEXT_MAX_BUFFER);
		if (markdown)
			markdown_add(w, rows->rows[0].text[k]);
		else
			writer_fail(w,
				    text_add_short(&visible, rows->rows[0].text[k], TEXT_MAX_NAME));
		writer_addstr(w, visible.len ? visible.data : "");
		buf_done(&visible);
	}
	if (*before == ',')
		writer_addstr(w, ".\n");
}

static void write_github(struct writer *w, const struct rows *rows)
{
	for (size_t k = 0; k < NR_COLUMNS; k++)
		if (is_shown(rows, k))
			writer_addf(w, "| %s ", columns[k].label);
	writer_addstr(w, "|\n");
	for (size_t k = 0; k < NR_COLUMNS; k++)
		if (is_shown(rows, k))
			writer_addstr(w, columns[k].right ? "|---:" : "|---");
	writer_addstr(w, "|\n");
	for (size_t i = 0; i < rows->nr; i++) {
		for (size_t k = 0; k < NR_COLUMNS; k++) {
			if (!is_shown(rows, k))
				continue;
			writer_addstr(w, "| ");
			markdown_add(w, rows->rows[i].text[k] ? rows->rows[i].text[k] : "-");
			writer_addstr(w, " ");
		}
		writer_addstr(w, "|\n");
	}
	write_same(w, rows, true);
}

static void write_lines(struct writer *w, const struct rows *rows, unsigned width)
{
	struct column shown[NR_COLUMNS];
	struct table t;

	for (size_t k = 0; k < NR_COLUMNS; k++)
		shown[k] = (struct column){.title = columns[k].label,
					   .right = columns[k].right,
					   .cut = TEXT_CUT_MIDDLE};
	table_init(&t, shown, NR_COLUMNS);
	for (size_t i = 0; i < rows->nr; i++)
		for (size_t k = 0; k < NR_COLUMNS; k++)
			table_add(&t, is_shown(rows, k) ? rows->rows[i].text[k] : NULL);
	writer_fail(w, t.error);
	table_print(&t, w, width, false);
	table_done(&t);
	write_same(w, rows, false);
}

/* RFC 4180. What a spreadsheet would take for a formula gets a quote in front. */
static void write_csv(struct writer *w, const struct rows *rows)
{
	struct buf b;

	for (size_t k = 0; k < NR_COLUMNS; k++)
		writer_addf(w, "%s%s", k > 0 ? "," : "", columns[k].key);
	writer_addstr(w, "\r\n");
	buf_init(&b, TEXT_MAX_BUFFER);
	for (size_t i = 0; i < rows->nr; i++) {
		for (size_t k = 0; k < NR_COLUMNS; k++) {
			const char *text = rows->rows[i].text[k];

			buf_reset(&b);
			writer_fail(w, text_add_csv(&b, text ? text : ""));
			writer_addstr(w, k > 0 ? "," : "");
			writer_addstr(w, b.data ? b.data : "");
		}
		writer_addstr(w, "\r\n");
	}
	buf_done(&b);
}

static void json_micros(struct json *j, const char *key, uint64_t ns)
{
	if (ns == PROFILE_UNKNOWN)
		json_null(j, key);
	else
		json_number(j, key, number_thousandths(ns));
}

static void write_json_row(struct json *j, const struct past_release *p)
{
	const char *status = status_names[p->status];

	json_open_map(j, NULL);
	json_text(j, "folder", p->folder.name);
	json_text(j, "release", p->folder.release.nr_parts ? p->folder.release.text : NULL);
	json_text(j, "platform", p->platform);
	json_text(j, "cpu", p->cpu);
	json_bool(j, "cpu_changed", p->cpu_changed);
	json_uint(j, "num_cpu", p->num_cpu);
	json_text(j, "interpreter", p->interpreter);
	json_text(j, "neovim", p->neovim);
	json_bool(j, "interpreter_changed", p->interpreter_changed);
	json_uint(j, "tests", p->tests);
	json_micros(j, "total", p->total_ns);
	json_micros(j, "median", p->median_ns);
	json_micros(j, "mean", p->mean_ns);
	json_micros(j, "standard_deviation", p->deviation_ns);
	json_uint(j, "cycles", p->cycles);
	json_text(j, "status", *status ? status : NULL);
	json_close_map(j);
}

static void write_json(struct writer *w, const struct history *h)
{
	struct json j;

	json_init(&j, w, JSON_INDENTED);
	json_open_map(&j, NULL);
	json_text(&j, "schema", SCHEMA);
	json_text(&j, "unit", "microseconds");
	json_open_array(&j, "releases");
	for (size_t i = h->nr; i > 0; i--)
		write_json_row(&j, &h->releases[i - 1]);
	json_close_array(&j);
	json_close_map(&j);
	json_done(&j);
}

int history_table_write(const struct history *h, enum table_style style, unsigned width, FILE *out)
{
	struct writer w;
	struct rows rows;

	writer_init(&w, out);
	writer_fail(&w, rows_make(h, &rows));
	if (w.error == 0 && style == TABLE_GITHUB)
		write_github(&w, &rows);
	else if (w.error == 0 && style == TABLE_CSV)
		write_csv(&w, &rows);
	else if (w.error == 0 && style == TABLE_JSON)
		write_json(&w, h);
	else if (w.error == 0)
		write_lines(&w, &rows, width ? width : DEFAULT_WIDTH);
	rows_done(&rows);
	return writer_finish(&w);
}

/* ---- the newest against the one before ----------------------------------------------------- */

/* Change from @before to @now in thousandths of a percent, rounded. */
static bool change(uint64_t now, uint64_t before, int64_t *ret)
{
	if (now == PROFILE_UNKNOWN || before == PROFILE_UNKNOWN || before == 0)
		return false;
	*ret = (int64_t)(((__int128)now - (__int128)before) * 100000 / (__int128)before);
	return true;
}

static void write_change(struct writer *w, const char *what, const char *const words[2],
			 uint64_t now, uint64_t before, bool markdown)
{
	int64_t thousandths;
	uint64_t size;

	if (!change(now, before, &thousandths))
		return;
	size = thousandths < 0 ? (uint64_t)-thousandths : (uint64_t)thousandths;
	writer_addf(w, "%s%s: %s, was %s: ", markdown ? "- " : "  ", what,
		    number_duration(now).text, number_duration(before).text);
	if (size < 50)
		writer_addstr(w, "unchanged\n");
	else
		writer_addf(w, "%" PRIu64 ".%" PRIu64 " %% %s\n", (size + 50) / 1000,
			    (size + 50) % 1000 / 100, words[thousandths > 0]);
}

static bool differs(const char *a, const char *b)
{
	return a && b && strcmp(a, b) != 0;
}

/* Times of two machines say nothing about the code. */
static void write_warning(struct writer *w, const struct past_release *now,
			  const struct past_release *before, bool markdown)
{
	bool cpu = differs(now->cpu, before->cpu);
	bool interpreter = differs(now->interpreter, before->interpreter) ||
			   differs(now->neovim, before->neovim);

	if (cpu || interpreter)
		writer_addf(w, "%s%s%s %s changed in between: the difference may be theirs.\n",
			    markdown ? "\n" : "  note: ", cpu ? "The CPU" : "The interpreter",
			    cpu && interpreter ? " and the interpreter" : "",
			    cpu && interpreter ? "have" : "has");
}

int history_compare_write(const struct past_release *now, const struct past_release *before,
			  bool markdown, FILE *out)
{
	static const char *const of_time[] = {"faster", "slower"};
	static const char *const of_spread[] = {"smaller", "larger"};
	struct writer w;

	writer_init(&w, out);
	write_change(&w, "total time", of_time, now->total_ns, before->total_ns, markdown);
	write_change(&w, "median time", of_time, now->median_ns, before->median_ns, markdown);
	write_change(&w, "mean time", of_time, now->mean_ns, before->mean_ns, markdown);
	write_change(&w, "standard deviation", of_spread, now->deviation_ns, before->deviation_ns,
		     markdown);
	write_warning(&w, now, before, markdown);
	return writer_finish(&w);
}
