/* SPDX-License-Identifier: MIT */
/*
 * Best of consecutive N: a command is run until N runs in a row were not faster than the best.
 * So that the first, cold runs do not count, and a lucky one is found if there is one to be found.
 */
#ifndef BPROF_SERIES_H
#define BPROF_SERIES_H

#include <bprof/profile.h>

#include "base.h"

struct series {
	struct run_series runs; /* runs.tried is owned: series_done() */
	size_t max_runs;
	uint64_t max_ns, spent_ns;
	uint32_t left; /* runs that may still be no better */
	bool over;
};

/* @patience: at least 1; @max_runs: at least 1 */
void series_begin(struct series *s, uint32_t patience, enum best_by by, size_t max_runs,
		  uint64_t max_ns);
void series_done(struct series *s);

/**
 * series_add() - counts a run that has ended
 *
 * A run that failed never wins; it stands in while there is no other. Equal is not better.
 *
 * Return: 1: it is the best so far; 0: it is not; -ENOMEM.
 */
int series_add(struct series *s, const struct run_tried *run) MUST_CHECK;

/* Ends it before its time. */
void series_stop(struct series *s, enum series_end why);

/* Of the first run that failed; 0: none did. */
int series_exit_status(const struct series *s);
size_t series_nr_failed(const struct series *s);

#endif
