/* SPDX-License-Identifier: MIT */
/*
 * The cost report: what tests, files and tags cost, over all repeats of the suite.
 *
 * Costs are those of the functions of tests; what ran around them is in the phases. Pending tests
 * cost nothing and are left out. With repeats each figure is the median of its runs.
 */
#ifndef BPROF_OUTPUT_COSTS_H
#define BPROF_OUTPUT_COSTS_H

#include <bprof/profile.h>

#include "base.h"
#include "number.h"

/* What most of the wall time was. */
enum cost_kind {
	COST_UNTOLD,  /* too short to tell, or not measured */
	COST_BURNS,   /* on a processor */
	COST_WAITS,   /* asleep: input, output, a child, a clock */
	COST_STARVED, /* ready to run, and others had the processors */
	NR_COST_KINDS
};

struct cost_row {
	const char *name;	 /* full name of a test, a file, a tag */
	const struct test *test; /* of tests only: its first run */
	size_t nr_tests;	 /* of one run */
	size_t runs;
	uint64_t disturbed; /* runs that others disturbed */
	struct costs costs; /* medians; samples and modes are not filled in */
	uint64_t off_cpu_ns;
	uint64_t basis, min, max; /* of what rows are compared by: cycles, else CPU time */
	enum cost_kind kind;
};

struct cost_rows {
	struct cost_row *rows; /* the dearest first */
	size_t nr;
};

struct cost_report {
	bool by_cycles; /* basis of all rows: cycles in user mode, else CPU nanoseconds */
	bool repeated;	/* some row has several runs */
	struct cost_row suite;
	struct cost_rows tests, files, tags;
};

/* 0 or -ENOMEM. Owns: cost_report_done(). Borrows from @p. */
int costs_report(const struct profile *p, struct cost_report *ret) MUST_CHECK;
void cost_report_done(struct cost_report *r);

const char *cost_kind_name(enum cost_kind kind); /* "burns"; "" = untold */

/* Wall time in which nothing of it ran; threads side by side make it less. */
uint64_t cost_off_cpu_ns(const struct costs *c);

/* Was a stretch of time with these costs disturbed by others? */
bool costs_disturbed(const struct profile *p, const struct costs *c);

/* Thousandths of a percent, PROFILE_UNKNOWN where the whole is unknown or 0. */
uint64_t cost_share(uint64_t part, uint64_t whole);
uint64_t cost_spread(const struct cost_row *row); /* from the cheapest to the dearest run */

/* "12.3 %"; "-" */
struct number cost_percent(uint64_t thousandths);

#endif
