/* SPDX-License-Identifier: MIT */
/*
 * All runs of both sides, test by test.
 *
 * A subject is a test known by its id. Its figures stand at the index of their run.
 */
#ifndef BPROF_COMPARE_RUNS_H
#define BPROF_COMPARE_RUNS_H

#include "run.h"

struct subject {
	char *id, *name, *file, *source; /* as in the first run that had it */
	int32_t line;
	struct figures *figures[NR_SIDES];
	size_t room[NR_SIDES];
	/* of the first run of each side: every repetition; in later runs only their median counts
	 */
	struct figures *repeated[NR_SIDES];
	size_t nr_repeated[NR_SIDES];
};

struct one_run {
	char *circumstances[NR_CIRCUMSTANCES];
	char *started_at;
	bool complete;
	char **skipped; /* spec files that were not run, sorted */
	size_t nr_skipped;
	size_t nr_tests;
};

struct runs {
	struct one_run *runs[NR_SIDES];
	size_t nr[NR_SIDES], room[NR_SIDES];
	void *by_id;		   /* of tsearch(3) */
	struct subject **subjects; /* in order of first appearance */
	size_t nr_subjects, room_subjects;
};

/* Takes what it needs out of @run; the rest stays the caller's. 0 or -ENOMEM. */
int runs_add(struct runs *runs, enum side side, struct run *run) MUST_CHECK;
void runs_done(struct runs *runs);

/* The test of that id, or NULL. */
const struct subject *runs_find(const struct runs *runs, const char *id);

/* The figures of a run, or NULL where the test was not in it. */
const struct figures *runs_figures(const struct subject *s, enum side side, size_t run);

/* Whether the run left a spec file out, because it was asked to. @file NULL: any. */
bool runs_skipped(const struct runs *runs, enum side side, size_t run, const char *file);

/* Which runs belong together: run @base of base was next to run @head of head. */
struct run_pair {
	size_t runs[NR_SIDES];
};

/* The pairs, or *ret_nr 0 where the runs did not take turns. 0 or -ENOMEM. */
int runs_pair(const struct runs *runs, struct run_pair **ret, size_t *ret_nr) MUST_CHECK;

#endif
