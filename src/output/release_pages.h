/* SPDX-License-Identifier: MIT */
/*
 * The files of the release history: pages for people, tables, pictures. Pure functions like every
 * output; where they go is release/'s matter.
 */
#ifndef BPROF_OUTPUT_RELEASE_PAGES_H
#define BPROF_OUTPUT_RELEASE_PAGES_H

#include <bprof/history.h>
#include <bprof/output.h>

#include "base.h"
#include "timing.h"

/* Ended well: exit status 0, no failures, and the suite came to its end. */
bool release_passed(const struct profile *p);

/* summary.json */
int release_summary(const struct profile *p, const struct output_opts *o, FILE *out) MUST_CHECK;

/* files.json */
int release_files(const struct profile *p, FILE *out) MUST_CHECK;

/* timing.json, timing.md, timing.txt, ... */
int release_timing(const struct timing *timing, enum table_style style, FILE *out) MUST_CHECK;

/* What the page of a scope (all tests, those of a tag, a program) is made from. */
struct scope_page {
	const char *what;	       /* "all tests", "tests with the tag fast"; foreign */
	const struct history *history; /* all past releases */
	const struct history *chosen;  /* those in the graphs */
	const struct past_release *latest, *previous; /* stable ones; NULL = there is none */
	const struct timing *timing;		      /* of the latest; NULL = not known */
	bool no_flamegraph, no_graph, no_files;	      /* the release at the top has no such file */
	bool has_graph_picture;			      /* slowest.svg */
	bool has_pictures;
	const char *no_pictures; /* why, if not for want of releases; NULL */
	bool only_prereleases;	 /* interpreter prereleases are all there is */
	unsigned minimum_samples;
	const char *const (*links)[2]; /* name and text of what else is there; ends with NULL */
};

/* all/README.md and the like */
int scope_page_write(const struct scope_page *page, FILE *out) MUST_CHECK;

/* README.md of a release in artifacts/. @siblings: its files, NULL at the end. */
int release_page_write(const struct profile *p, const struct timing *timing,
		       const char *const *siblings, FILE *out) MUST_CHECK;

/* README.md of a test in by_release/: @p is its part. */
int test_page_write(const struct profile *p, const struct timing *timing, FILE *out) MUST_CHECK;

/* README.md of a spec file in by_file/: @p is its part. */
int file_page_write(const struct profile *p, const struct timing *timing, FILE *out) MUST_CHECK;

/* A list of folders as a page: by_release/, by_file/, tags/. */
struct index_row {
	const char *folder; /* safe by its making */
	const char *name;   /* foreign */
	uint64_t wall_ns;
};
int index_page_write(const char *title, const char *purpose, const struct index_row *rows,
		     size_t nr, FILE *out) MUST_CHECK;

/* The past releases as a table, for the terminal (TABLE_LINES), a page, or programs. */
int history_table_write(const struct history *h, enum table_style style, unsigned width,
			FILE *out) MUST_CHECK;

/* "total is 3.2 % slower" and so on, against @before; nothing where nothing is known. */
int history_compare_write(const struct past_release *now, const struct past_release *before,
			  bool markdown, FILE *out) MUST_CHECK;

/* Why there can be no pictures here; NULL = there can. */
const char *history_chart_unavailable(void);

/* timing.png or timing.svg: one point for each release of @h. */
int history_chart_write(const struct history *h, bool svg, FILE *out) MUST_CHECK;

#endif
