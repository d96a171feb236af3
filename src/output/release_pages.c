/* SPDX-License-Identifier: MIT */
/*
 * README.md of everything in the release history.
 *
 * Invariant: a page is made anew each time, wholly; what is foreign goes through text.c.
 */
#include "release_pages.h"

#include <stdio.h>
#include <string.h>

#include "markdown.h"
#include "meters.h"
#include "number.h"
#include "statistics.h"
#include "text.h"

static const char made_by[] =
	"\nThis page is made by bprof-perf at each release. Do not edit it: the next run writes it again.\n";

#define MOST_FAILED 20 /* are named */

/* "- **key**: value"; nothing where the value is not known. */
static void add_fact(struct writer *w, const char *key, const char *value)
{
	if (!value || !*value || strcmp(value, "-") == 0)
		return;
	writer_addf(w, "- **%s**: ", key);
	markdown_add(w, value);
	writer_addstr(w, "\n");
}

int release_timing(const struct timing *timing, enum table_style style, FILE *out)
{
	struct writer w;

	writer_init(&w, out);
	timing_write(&w, timing, style);
	return writer_finish(&w);
}

/* What has been added so far goes first: another writer follows on the same stream. */
static void hand_over(struct writer *w, FILE *out)
{
	int r = writer_finish(w);

	writer_init(w, out);
	writer_fail(w, r);
}

/* ---- files and how to open them ------------------------------------------------------------ */

static const struct {
	const char *name, *meaning;
} file_meanings[] = {
	{"flamegraph.json", "tests and sampled frames over time; open it in "
			    "[Perfetto](https://ui.perfetto.dev) or "
			    "[speedscope](https://www.speedscope.app)"},
	{"profile.json", "everything that was measured, for programs"},
	{"files.json", "what each spec file cost, for programs"},
	{"summary.json", "this release in a few numbers, in seconds"},
	{"timing.json", "the timing tables, for programs"},
	{"timing.md", "the timing tables as Markdown"},
	{"timing.txt", "the timing tables as text"},
	{"timing.png", "total, mean, median and spread across releases"},
	{"timing.svg", "the same, to zoom in"},
	{"slowest.dot", "the slowest tests and what they call, for graphviz: "
			"`dot -Tsvg slowest.dot -o slowest.svg`"},
	{"slowest.svg", "the same as a picture"},
	{"artifacts/", "the same files of every release"},
};

static void add_file(struct writer *w, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(file_meanings); i++)
		if (strcmp(file_meanings[i].name, name) == 0)
			writer_addf(w, "- [%s](%s): %s\n", name, name, file_meanings[i].meaning);
}

/* ---- a scope ------------------------------------------------------------------------------- */

static void add_summary(struct writer *w, const struct scope_page *page, FILE *out)
{
	if (!page->latest || !page->previous)
		return;
	writer_addstr(w, "\n## General summary\n\n");
	markdown_add(w, page->latest->folder.release.text);
	writer_addstr(w, " against ");
	markdown_add(w, page->previous->folder.release.text);
	writer_addstr(w, " (lower is better):\n\n");
	hand_over(w, out);
	writer_fail(w, history_compare_write(page->latest, page->previous, true, out));
}

static void add_pictures(struct writer *w, const struct scope_page *page)
{
	writer_addstr(w, "\n## Across releases\n\n");
	if (page->has_pictures)
		writer_addstr(w, "<p align=\"center\"><img src=\"timing.png\" alt=\"total, mean, "
				 "median and spread of the tests across releases\"></p>\n");
	else if (page->no_pictures)
		writer_addf(w, "There are no pictures: %s.\n", page->no_pictures);
	else
		writer_addf(w, "Not enough data yet: the pictures start with %u releases.\n",
			    page->minimum_samples);
	if (page->has_pictures && page->chosen->nr < page->history->nr)
		writer_addf(w,
			    "\n%zu of %zu runs are shown: one of each release, without those "
			    "that are left out by their age or as prereleases.\n",
			    page->chosen->nr, page->history->nr);
	if (page->only_prereleases)
		writer_addstr(w, "\nAll of them ran on a prerelease of their interpreter.\n");
}

static void add_past_runs(struct writer *w, const struct scope_page *page, FILE *out)
{
	bool marked = false;

	for (size_t i = 0; i < page->history->nr; i++)
		marked = marked || page->history->releases[i].cpu_changed ||
			 page->history->releases[i].interpreter_changed;
	writer_addstr(w, "\n## Past runs\n\n");
	hand_over(w, out);
	writer_fail(w, history_table_write(page->history, TABLE_GITHUB, 0, out));
	writer_addstr(w,
		      "\nTimes are microseconds of wall time. Median, Mean and StdDev are of the "
		      "bodies of tests, Total is of the whole suite or of all tests of a tag.\n");
	if (marked)
		writer_addstr(w,
			      "\n`*`: another CPU or interpreter than in the release before; the "
			      "two do not compare.\n");
}

static void add_files(struct writer *w, const struct scope_page *page)
{
	const struct {
		const char *name;
		bool is_there;
	} files[] = {
		{"flamegraph.json", page->timing && !page->no_flamegraph},
		{"profile.json", page->timing},
		{"files.json", page->timing && !page->no_files},
		{"timing.json", page->timing},
		{"timing.md", page->timing},
		{"timing.txt", page->timing},
		{"slowest.dot", page->timing && !page->no_graph},
		{"slowest.svg", page->has_graph_picture},
		{"timing.png", page->has_pictures},
		{"timing.svg", page->has_pictures},
		{"artifacts/", true},
	};

	writer_addstr(w, "\n## Files\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (files[i].is_there)
			add_file(w, files[i].name);
	for (size_t i = 0; page->links && page->links[i][0]; i++)
		writer_addf(w, "- [%s](%s): %s\n", page->links[i][0], page->links[i][0],
			    page->links[i][1]);
}

int scope_page_write(const struct scope_page *page, FILE *out)
{
	struct writer w;

	writer_init(&w, out);
	writer_addstr(&w, "# Benchmarking results: ");
	markdown_add(&w, page->what);
	writer_addstr(&w, "\n");
	writer_addstr(&w, made_by);
	writer_addstr(&w, "\nLower is better. Wall times are measured at the boundaries of tests, "
			  "functions are sampled.\n");
	add_summary(&w, page, out);
	add_pictures(&w, page);
	if (page->timing) {
		writer_addstr(&w, "\n## Most recent timing: ");
		markdown_add(&w, page->latest ? page->latest->folder.name : "");
		writer_addstr(&w, "\n\n");
		timing_write(&w, page->timing, TABLE_GITHUB);
	} else if (!page->latest) {
		writer_addstr(&w, "\n## Most recent timing\n\nThere is none yet: no stable release "
				  "has passed its tests.\n");
	}
	add_past_runs(&w, page, out);
	add_files(&w, page);
	return writer_finish(&w);
}

/* ---- a release ----------------------------------------------------------------------------- */

static void add_run_facts(struct writer *w, const struct profile *p)
{
	add_fact(w, "Status", release_passed(p) ? "passed" : "failed");
	add_fact(w, "Started", number_time(p->started_at_ns).text);
	add_fact(w, "Interpreter", profile_interpreter(p));
	add_fact(w, "CPU", p->cpu_model);
	add_fact(w, "Platform", p->platform);
	add_fact(w, "Sampled event", p->unsampled ? "none" : p->event_name);
	if (p->part)
		return;
	add_fact(w, "Wall time of the command", number_duration(p->wall_ns).text);
	add_fact(w, "CPU time of the command", number_duration(p->cpu_ns).text);
}

static bool has_failed(const struct test *t)
{
	return t->status == TEST_FAILURE || t->status == TEST_ERROR;
}

/* Whoever fills a history looks here for why a release is not shown. */
static void add_failed_tests(struct writer *w, const struct profile *p)
{
	size_t nr = 0;

	for (size_t i = 0; i < p->nr_tests; i++) {
		const struct test *t = &p->tests[i];

		if (!has_failed(t) || nr++ >= MOST_FAILED)
			continue;
		writer_addstr(w, nr == 1 ? "\n### Tests that failed\n\n- " : "- ");
		markdown_add(w, *t->full_name ? t->full_name : "(unnamed)");
		writer_addf(w, ": %s, ", test_status_name(t->status));
		markdown_add(w, t->source && *t->source ? t->source : t->file);
		writer_addf(w, t->line > 0 ? ":%d\n" : "\n", t->line);
	}
	if (nr > MOST_FAILED)
		writer_addf(w, "- and %zu more\n", nr - MOST_FAILED);
}

int release_page_write(const struct profile *p, const struct timing *timing,
		       const char *const *siblings, FILE *out)
{
	struct writer w;

	writer_init(&w, out);
	writer_addstr(&w, "# Release ");
	markdown_add(&w, p->release ? p->release : "(without a tag)");
	writer_addstr(&w, "\n\n");
	if (p->part)
		add_fact(&w, "Part", p->part);
	add_run_facts(&w, p);
	add_failed_tests(&w, p);
	writer_addstr(&w, "\n");
	timing_write(&w, timing, TABLE_GITHUB);
	writer_addstr(&w, "\n## Files\n\n");
	for (size_t i = 0; siblings[i]; i++)
		add_file(&w, siblings[i]);
	return writer_finish(&w);
}

/* ---- a test -------------------------------------------------------------------------------- */

static void add_test_facts(struct writer *w, const struct profile *p, const struct test *t)
{
	struct buf b;

	buf_init(&b, TEXT_MAX_BUFFER);
	add_fact(w, "Full name", t->full_name);
	add_fact(w, "Id", t->id);
	writer_fail(w, buf_addf(&b, t->line > 0 ? "%s:%d" : "%s",
				t->source && *t->source ? t->source : t->file, t->line));
	add_fact(w, "Defined at", b.data);
	buf_reset(&b);
	for (size_t i = 0; i < t->nr_tags; i++)
		writer_fail(w, buf_addf(&b, "%s%s", i ? ", " : "", t->tags[i]));
	add_fact(w, "Tags", b.data);
	add_fact(w, "Status", test_status_name(t->status));
	add_fact(w, "Wall time", number_duration(t->body.wall_ns).text);
	add_fact(w, "CPU time", number_duration(t->body.cpu_ns).text);
	if (t->fixtures.wall_ns)
		add_fact(w, "Fixtures, wall time", number_duration(t->fixtures.wall_ns).text);
	add_fact(w, "Samples", number_count(samples_counted(p, p->accounts.taken)).text);
	buf_done(&b);
}

int test_page_write(const struct profile *p, const struct timing *timing, FILE *out)
{
	struct timing functions = *timing;
	struct writer w;

	writer_init(&w, out);
	writer_addstr(&w, "# Test: ");
	markdown_add(&w, *p->tests[0].name ? p->tests[0].name : "(unnamed)");
	writer_addstr(&w, "\n\nWhat this one test cost in ");
	markdown_add(&w, p->release ? p->release : "the last run");
	writer_addstr(&w, ", its fixtures included, and the functions that took the time, the "
			  "slowest first.\n\n");
	add_test_facts(&w, p, &p->tests[0]);
	writer_addstr(&w, "\n");
	functions.tables[TIMING_TESTS] = (struct timing_table){0};
	timing_write(&w, &functions, TABLE_GITHUB);
	writer_addstr(&w, "\n## Files\n\n");
	add_file(&w, "flamegraph.json");
	add_file(&w, "profile.json");
	return writer_finish(&w);
}

/* ---- a spec file --------------------------------------------------------------------------- */

static void add_file_facts(struct writer *w, const struct file_total *f)
{
	const struct {
		const char *key;
		const struct costs *costs;
	} parts[] = {{"Its tests", &f->tests},
		     {"Their fixtures", &f->fixtures},
		     {"Loading it", &f->loading},
		     {"Bodies of describes", &f->describes}};

	add_fact(w, "Tests", number_count(f->nr_tests).text);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const struct costs *c = parts[i].costs;

		if (c->wall_ns && c->wall_ns != PROFILE_UNKNOWN)
			writer_addf(w, "- **%s**: %s wall, %s CPU\n", parts[i].key,
				    number_duration(c->wall_ns).text,
				    number_duration(c->cpu_ns).text);
	}
}

int file_page_write(const struct profile *p, const struct timing *timing, FILE *out)
{
	struct writer w;

	writer_init(&w, out);
	writer_addstr(&w, "# Spec file: ");
	markdown_add(&w, p->tests[0].file);
	writer_addstr(&w, "\n\nWhat the tests of this file cost in ");
	markdown_add(&w, p->release ? p->release : "the last run");
	writer_addstr(&w, ", and the functions that took the time, the slowest first.\n\n");
	for (size_t i = 0; i < p->nr_files; i++)
		if (strcmp(p->files[i].file, p->tests[0].file) == 0)
			add_file_facts(&w, &p->files[i]);
	writer_addstr(&w, "\n");
	timing_write(&w, timing, TABLE_GITHUB);
	writer_addstr(&w, "\n## Files\n\n");
	add_file(&w, "profile.json");
	return writer_finish(&w);
}

/* ---- indexes ------------------------------------------------------------------------------- */

int index_page_write(const char *title, const char *purpose, const struct index_row *rows,
		     size_t nr, FILE *out)
{
	struct writer w;

	writer_init(&w, out);
	writer_addf(&w, "# %s\n%s\n%s\n\n| Name | Wall time |\n|---|---:|\n", title, made_by,
		    purpose);
	for (size_t i = 0; i < nr; i++) {
		writer_addstr(&w, "| [");
		markdown_add(&w, *rows[i].name ? rows[i].name : "(unnamed)");
		writer_addf(&w, "](%s/) | %s |\n", rows[i].folder,
			    number_duration(rows[i].wall_ns).text);
	}
	return writer_finish(&w);
}
