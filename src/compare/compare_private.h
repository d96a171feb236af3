/* SPDX-License-Identifier: MIT */
/* The parts that make a comparison. Private to the room. */
#ifndef BPROF_COMPARE_PRIVATE_H
#define BPROF_COMPARE_PRIVATE_H

#include "compare.h"
#include "runs.h"

struct compare {
	struct runs timed, counted; /* counted: with --mode=count */
	const struct runs *runs;    /* what the latest look compares: one of them */
	bool partial; /* of those runs, some left files out, and some of each side did not */
	struct comparison result;
	char **texts; /* of the result */
	size_t nr_texts, room_texts;
};

/* A sentence that lives as long as the result; NULL = out of memory. */
const char *compare_text(struct compare *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

struct compared_test compared_test(const struct subject *s);

/* In any run of the side. */
bool subject_is_in(const struct subject *s, enum side side, size_t nr_runs);

/*
 * All elements, measured: the suite, files, tests (elements.c). The tests that are left out with
 * their reasons on the way. 0 or -ENOMEM.
 */
int compare_elements(struct compare *c, const struct run_pair *pairs) MUST_CHECK;

/* A sentence for the result's notes; NULL = out of memory. 0 or -ENOMEM. */
int compare_note(struct compare *c, const char *note) MUST_CHECK;

/*
 * Runs that left files out, beside runs that did not (partial.c). Whether a run counts for the sums
 * of a file, or of the suite (NULL); whether a test fails, or is missing, only in runs that left
 * files out, so that they cannot count for it; and the notes on both, and on tests whose cost
 * depends on it.
 */
void partial_look(struct compare *c);
bool partial_is_whole(const struct compare *c, enum side side, size_t run);
bool partial_spoils(const struct compare *c, const struct subject *s);
int partial_notes(struct compare *c, const struct run_pair *pairs) MUST_CHECK;

/* The counted changes of all tests (counted.c). 0 or -ENOMEM. */
int compare_counted(struct compare *c, const struct compare_opts *opts) MUST_CHECK;

/* Added, removed and renamed tests (differences.c). */
int compare_names(struct compare *c) MUST_CHECK;

/* @note lives as long as the result; NULL = out of memory. */
int compare_add_note(struct compare *c, const char *note) MUST_CHECK;

/* Notes on what else differs, and the rung. */
int compare_circumstances(struct compare *c) MUST_CHECK;

#endif
