/* SPDX-License-Identifier: MIT */
#ifndef BPROF_OUTPUT_STATISTICS_H
#define BPROF_OUTPUT_STATISTICS_H

#include <bprof/profile.h>

#include "base.h"

/* Of a set of measurements in one unit. Rounded to whole units. */
struct statistics {
	size_t nr; /* of values; with 0 the rest means nothing */
	uint64_t mean, median, min, max, percentile_95;
	uint64_t deviation;	   /* population */
	uint64_t sample_deviation; /* PROFILE_UNKNOWN for fewer than two values */
};

/* Sorts @values. */
void statistics_compute(struct statistics *ret, uint64_t *values, size_t nr);

/* Of the wall times of test bodies, in nanoseconds. A pending test did not run and does not count.
 * 0 or -ENOMEM. */
int statistics_of_tests(const struct profile *p, struct statistics *ret) MUST_CHECK;

/* From the start of the first suite to the end of the last; of a part, the sum of its tests.
 * PROFILE_UNKNOWN: there was no suite. */
uint64_t statistics_total(const struct profile *p);

/* Version of the VM that the suite ran on, else of the first one; NULL = there was none. */
const char *profile_interpreter(const struct profile *p);

#endif
