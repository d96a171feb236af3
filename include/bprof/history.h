/* SPDX-License-Identifier: MIT */
/*
 * Past releases of a project, as their folders and files tell them: what charts, tables and pages
 * of the release history are made from.
 *
 * Units: times in nanoseconds. What a file does not say is PROFILE_UNKNOWN, NULL or "", never 0.
 * Texts come from files of others and are escaped by the outputs.
 */
#ifndef BPROF_HISTORY_H
#define BPROF_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RELEASE_MAX_PARTS 4
#define RELEASE_MAX_TEXT  128 /* bytes of a tag, with its end */
#define FOLDER_MAX_TEXT	  200 /* bytes of a folder's name, with its end */

/* "v1.2.3.4-beta.1". All-zero is no release. */
struct release {
	uint64_t parts[RELEASE_MAX_PARTS]; /* a fourth that is not there is 0 */
	unsigned nr_parts;		   /* 3 or 4; 0 = no release */
	unsigned prerelease;		   /* where in @text "beta.1" begins; 0 = stable */
	char text[RELEASE_MAX_TEXT];	   /* the tag as it was given */
};

/* UTC. A date alone is that day at midnight. */
struct history_date {
	uint16_t year;
	uint8_t month, day, hour, minute, second;
	bool has_time;
};

/* What the name of a folder in artifacts/ says. */
struct history_folder {
	char name[FOLDER_MAX_TEXT];
	struct release release; /* nr_parts 0: only a date */
	struct history_date date;
};

enum past_status { PAST_UNTOLD, PAST_PASSED, PAST_FAILED, NR_PAST_STATUS };

/* One release that was profiled. Owned by struct history. */
struct past_release {
	struct history_folder folder;
	char *cpu, *platform, *interpreter, *event; /* NULL = not told */
	char *neovim;				    /* "0.10.4"; NULL = none, or not told */
	uint64_t num_cpu, tests;
	uint64_t total_ns, mean_ns, median_ns, deviation_ns, min_ns, max_ns;
	uint64_t cycles;
	bool interpreter_prerelease; /* "0.11.0-dev", "nightly" */
	enum past_status status;
	/* against the release before it in the history */
	bool cpu_changed, interpreter_changed;
};

/* In the order of releases, the oldest first. */
struct history {
	struct past_release *releases;
	size_t nr, room;
};

/* ---- timing tables ------------------------------------------------------------------------- */

enum timing_kind { TIMING_TESTS, TIMING_FUNCTIONS, NR_TIMING_KINDS };

/* A test over all repeats of the suite, or a function over all its samples. */
struct timing_row {
	char *name, *where; /* where: "spec/a_spec.lua:4", or "" */
	uint64_t count;	    /* tests: runs; functions: samples */
	uint64_t total_ns, self_ns, mean_ns, median_ns;
};

/* The slowest, the slowest first. Owns its rows. */
struct timing_table {
	struct timing_row *rows;
	size_t nr, nr_all;  /* shown, and there are */
	uint64_t all_ns;    /* tests: of all together; functions: what was sampled in all */
	uint64_t all_count; /* runs of tests, samples */
};

enum timing_column {
	TIMING_COUNT,
	TIMING_TOTAL,
	TIMING_SELF,
	TIMING_MEAN,
	TIMING_MEDIAN,
	TIMING_NAME,
	TIMING_WHERE,
	NR_TIMING_COLUMNS
};

/* In order, each once. None: all of which something is known. */
struct timing_columns {
	enum timing_column list[NR_TIMING_COLUMNS];
	unsigned nr;
};

struct timing {
	struct timing_table tables[NR_TIMING_KINDS];
	struct timing_columns columns; /* shown in all styles but JSON, which has all */
};

void timing_done(struct timing *timing); /* history/timing_read.c */

#endif
