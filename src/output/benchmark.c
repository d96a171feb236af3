/* SPDX-License-Identifier: MIT */
/*
 * benchmark.json: "customSmallerIsBetter" of github-action-benchmark, for dashboards that are there
 * already: an array of {name, unit, value, extra}. A series is found again by its name, so each is
 * written once: of a test that busted repeated the first time.
 * Source: github.com/benchmark-action/github-action-benchmark, README.md, src/extract.ts.
 */
#include <errno.h>
#include <string.h>

#include "json_writer.h"
#include "rows.h"
#include "text.h"

#define MOST_NAME 300
#define UNIT	  "us" /* of CPU time */

static void write_entry(struct json *j, const char *name, uint64_t cpu_ns, const char *extra)
{
	json_open_map(j, NULL);
	json_text(j, "name", name);
	json_text(j, "unit", UNIT);
	json_number(j, "value", number_thousandths(cpu_ns));
	if (*extra)
		json_text(j, "extra", extra);
	json_close_map(j);
}

/* "spec/a_spec.lua: outer burns cpu", and "#2" behind the second of that name. */
static int add_name(struct buf *b, const struct test *t)
{
	int r = text_add_short(b, t->file, MOST_NAME);

	if (r == 0)
		r = buf_addstr(b, ": ");
	if (r == 0)
		r = text_add_short(b, t->full_name, MOST_NAME);
	if (r == 0 && t->ordinal > 1)
		r = buf_addf(b, " #%u", t->ordinal);
	return r;
}

static int add_extra(struct buf *b, const struct test *t)
{
	int r = text_add_short(b, *t->source ? t->source : t->file, MOST_NAME);

	if (r == 0 && t->line > 0)
		r = buf_addf(b, ":%d", t->line);
	if (r == 0 && t->body.wall_ns != PROFILE_UNKNOWN)
		r = buf_addf(b, ", wall time %s", number_duration(t->body.wall_ns).text);
	return r;
}

/* What a test cost that failed says nothing about its speed. */
static bool is_sound(const struct test *t)
{
	return t->status == TEST_SUCCESS && !t->incomplete && t->iteration <= 1 &&
	       t->body.cpu_ns != PROFILE_UNKNOWN;
}

static void write_test(struct json *j, const struct test *t)
{
	struct buf name, extra;

	buf_init(&name, TEXT_MAX_BUFFER);
	buf_init(&extra, TEXT_MAX_BUFFER);
	writer_fail(j->writer, add_name(&name, t));
	writer_fail(j->writer, add_extra(&extra, t));
	if (name.len > 0)
		write_entry(j, name.data, t->body.cpu_ns, extra.len ? extra.data : "");
	buf_done(&name);
	buf_done(&extra);
}

static int write_benchmark(const struct profile *p, const struct output_opts *o, FILE *out)
{
	struct writer w;
	struct json j;

	(void)o;
	writer_init(&w, out);
	json_init(&j, &w, JSON_INDENTED);
	json_open_array(&j, NULL);
	if (p->nr_tests == 0 && p->cpu_ns != PROFILE_UNKNOWN)
		write_entry(&j, "whole run", p->cpu_ns, "");
	for (size_t i = 0; i < p->nr_tests; i++)
		if (is_sound(&p->tests[i]))
			write_test(&j, &p->tests[i]);
	json_close_array(&j);
	json_done(&j);
	return writer_finish(&w);
}

const struct output_ops output_benchmark = {
	.name = "benchmark",
	.summary = "CPU time of each test, as customSmallerIsBetter of github-action-benchmark",
	.kind = OUTPUT_FILE,
	.file_name = "benchmark.json",
	.write = write_benchmark,
};
