/* SPDX-License-Identifier: MIT */
/*
 * What a format or a report is: a pure function from a profile to bytes. No globals, no clock, no
 * locale.
 */
#ifndef BPROF_OUTPUT_H
#define BPROF_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include <bprof/comparison.h>
#include <bprof/profile.h>

enum output_kind {
	OUTPUT_FILE,   /* written below --output */
	OUTPUT_REPORT, /* for people, to the terminal */
};

struct timing_columns;

struct output_opts {
	unsigned top;		/* rows of tables; 20 by default */
	bool lines;		/* --lines: current line in frame names */
	bool include_framework; /* --include-framework: do not collapse busted's frames */
	const char **only;	/* --only GLOB, NULL-terminated, may be NULL */
	const char **ignore;	/* --ignore GLOB */
	bool colour;		/* reports only */
	unsigned width;		/* reports only: columns, 0 = 100 */
	double min_percent;	/* callers view: smallest share shown */
	const char *output_dir; /* reports only: in the hint how to open the flame graph; NULL = no
				   hint */
	const struct timing_columns *columns; /* of timing tables, see history.h; may be NULL */
	uint64_t max_events;		      /* trace: spans drawn at most, 0 = the default */
	bool *ret_cut; /* trace: set where spans were left out for size; may be NULL */
};

/**
 * struct output_ops - one row of outputs[]
 * @name:      as typed by the user: "folded"
 * @summary:   one line for --help, no full stop
 * @file_name: "tracing.folded"; NULL for reports
 * @write:     0, or -errno of the first failed write; never touches @p
 */
struct output_ops {
	const char *name;
	const char *summary;
	enum output_kind kind;
	const char *file_name;
	int (*write)(const struct profile *p, const struct output_opts *o, FILE *out);
};

/**
 * struct comparison_ops - one row of comparison_outputs[]
 * @name:  as typed by the user: "markdown"
 * @write: 0, or -errno of the first failed write; of @o: top, colour and width
 */
struct comparison_ops {
	const char *name;
	const char *summary;
	int (*write)(const struct comparison *c, const struct output_opts *o, FILE *out);
};

#endif
