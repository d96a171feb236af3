/* SPDX-License-Identifier: MIT */
/* What the outputs of a comparison share: numbers, names, sentences and the order of rows. */
#ifndef BPROF_OUTPUT_COMPARE_WORDS_H
#define BPROF_OUTPUT_COMPARE_WORDS_H

#include <bprof/comparison.h>

#include "buf.h"
#include "number.h"

struct number compare_value(enum metric metric, double value); /* "12.3 ms", "1.23 M" */
struct number compare_change(double ratio);		       /* "+15.3 %"; "-" for NAN */
struct number compare_interval(double low, double high);       /* "+14.1 .. +16.9 %" */
struct number compare_chance(double p);			       /* "0.012", "<0.001" */

/* The p value of the direction in which the element changed. */
double compare_p(const struct element *e);

/* "whole suite", the file, or the test's full name; borrowed from @e. */
const char *compare_title(const struct element *e);

/* "source:line", or the file; the suite has none. */
int compare_place(struct buf *b, const struct compared_test *t) MUST_CHECK;

/* "CPU time, 20 pairs of runs: paired timing" */
int compare_what(struct buf *b, const struct comparison *c) MUST_CHECK;

/* "27 of 30 tests, deterministic: 1 slower, 0 faster, 26 the same", or why nothing was counted;
 * empty where instructions are the metric. */
int compare_counted_sum(struct buf *b, const struct comparison *c) MUST_CHECK;

/* "+12.0 %" of a test that was counted on both sides, else "-". */
struct number compare_counted_change(const struct element *e);

/* "2 tests slower (1 fails), 1 faster, 28 the same, 3 too noisy to call" */
int compare_sum(struct buf *b, const struct comparison *c) MUST_CHECK;

/*
 * The elements in the order readers want them: the suite; what fails, what is slower, too noisy,
 * faster; the largest change first. free() it. NULL = out of memory.
 */
const struct element **compare_sorted(const struct comparison *c) MUST_CHECK;

#endif
