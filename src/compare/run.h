/* SPDX-License-Identifier: MIT */
/* One run, as a comparison needs it: read from the text of a profile.json. */
#ifndef BPROF_COMPARE_RUN_H
#define BPROF_COMPARE_RUN_H

#include <bprof/comparison.h>

#include "buf.h"

#define FIGURE_UNKNOWN UINT64_MAX

enum run_status { RUN_ABSENT, RUN_SOUND, RUN_FAILED, RUN_PENDING, RUN_CUT, RUN_DISTURBED };

/* What a test cost in one run: the body alone, and with its fixtures. */
struct figures {
	enum run_status status;
	bool vm_repeats; /* as many VM instructions in both runs of --mode=count */
	uint64_t body[NR_METRICS];
	uint64_t whole[NR_METRICS];
};

/* A test of a run; where busted repeated it, once for each repetition. */
struct run_test {
	char *id, *name, *file, *source;
	int32_t line;
	struct figures figures;
};

/* What may differ between two runs beside the code. */
enum circumstance {
	CIRCUMSTANCE_SCHEMA,
	CIRCUMSTANCE_CPU,
	CIRCUMSTANCE_ARCH,
	CIRCUMSTANCE_KERNEL,
	CIRCUMSTANCE_INTERPRETERS,
	CIRCUMSTANCE_EVENT,
	CIRCUMSTANCE_UNIT,
	CIRCUMSTANCE_BPROF,
	NR_CIRCUMSTANCES
};

struct run {
	char *circumstances[NR_CIRCUMSTANCES]; /* NULL = not told */
	char *started_at;		       /* ISO 8601, so that texts sort as times */
	bool complete;
	bool counted;	/* with --mode=count */
	char **skipped; /* spec files that were not run, as asked for */
	size_t nr_skipped;
	struct run_test *tests;
	size_t nr_tests, room;
};

/**
 * run_parse() - the text of a profile.json
 * @why: what is wrong with it, without its name
 *
 * The text is foreign: no depth, size or value of it can do harm. Keys that are not known are
 * skipped, so newer schemas are read as far as they agree with this one.
 *
 * Owns: *ret belongs to the caller, run_free().
 * Return: 0; -EBADMSG: not JSON, or not the profile of a run; -ENOMEM.
 */
int run_parse(const char *text, size_t len, struct run **ret, struct buf *why) MUST_CHECK;
void run_free(struct run *run);

#endif
