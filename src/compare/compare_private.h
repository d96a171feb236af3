/* SPDX-License-Identifier: MIT */
/* The parts that make a comparison. Private to the room. */
#ifndef BPROF_COMPARE_PRIVATE_H
#define BPROF_COMPARE_PRIVATE_H

#include "compare.h"
#include "runs.h"

struct compare {
	struct runs runs;
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

/* Added, removed and renamed tests (differences.c). */
int compare_names(struct compare *c) MUST_CHECK;

/* Notes on what else differs, and the rung. */
int compare_circumstances(struct compare *c) MUST_CHECK;

#endif
