/* SPDX-License-Identifier: MIT */
/*
 * What came of comparing two sets of runs: all that outputs may see. Made by compare/, const
 * afterwards.
 *
 * Values are in the unit of the metric: nanoseconds, cycles, instructions. Ratios are head / base,
 * so 1.10 is "10 % slower". What is not known is NAN, never 0.
 * Strings are bytes of unknown encoding: each output escapes for its own format.
 */
#ifndef BPROF_COMPARISON_H
#define BPROF_COMPARISON_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum side { SIDE_BASE, SIDE_HEAD, NR_SIDES };

/* What can be compared, best first. */
enum metric {
	METRIC_CYCLES,
	METRIC_INSTRUCTIONS,
	METRIC_VM_INSTRUCTIONS, /* of --mode=count */
	METRIC_CPU,
	METRIC_WALL,
	NR_METRICS
};

/* How far a number can be trusted: every comparison says on which rung it stands. */
enum rung {
	RUNG_COUNTED,	    /* by a counter of the processor */
	RUNG_DETERMINISTIC, /* the same in every run of the same code, on any processor */
	RUNG_PAIRED_TIMING, /* time, of runs that took turns on one machine */
	RUNG_TREND,	    /* anything else: shown, and never a reason to fail */
	NR_RUNGS
};

enum verdict {
	VERDICT_SLOWER,
	VERDICT_NOISY, /* too noisy to call */
	VERDICT_FASTER,
	VERDICT_SAME,
	VERDICT_TREND, /* too few runs: nothing is called */
	NR_VERDICTS
};

enum element_kind { ELEMENT_SUITE, ELEMENT_FILE, ELEMENT_TEST, NR_ELEMENT_KINDS };

/* A test as the outputs name it. */
struct compared_test {
	const char *id, *name; /* name: busted's full one */
	const char *file;      /* the spec file */
	const char *source;    /* file the definition is in */
	int32_t line;	       /* of the definition, 0 = not known */
};

/**
 * struct counted_change - the same test on a rung of its own: instructions of the Lua VM, each side
 * counted by runs with --mode=count
 * @known: both sides were counted and are deterministic; else @why_not says in a sentence why not,
 *         NULL where nothing was counted at all
 * @verdict: by the thresholds of the comparison, never too noisy: the numbers are exact
 * @fails:   slower by the threshold of failure, and time does not deny it: it is too noisy, a
 * trend, or says so without being sure enough to fail by itself
 */
struct counted_change {
	bool known, fails;
	const char *why_not;
	double base, head, ratio;
	enum verdict verdict;
};

/**
 * struct element - a test, a spec file or the whole suite
 * @test:  ELEMENT_FILE: only its file; ELEMENT_SUITE: empty strings
 * @base, @head: medians of the runs. Of a test: its body. Of a file or the suite: bodies and
 *         fixtures of those of its tests that are sound in every run
 * @ratio: paired: median of the ratios of the pairs; else ratio of the medians
 * @low, @high: interval of the ratio; NAN below COMPARE_LEAST_RUNS
 * @confidence: of the interval: at least this; 0.95 where so few runs allow it
 * @reach: the largest ratio that these values could show, however they had fallen to the sides
 * @p_slower, @p_faster: of one-sided rank tests, corrected for the number of elements whose reach
 * is beyond the threshold of a warning; of the others, which cannot be called, uncorrected
 * @fails: slower by the threshold of failure, sure enough for it
 * @disturbed: every run was, so the values are what they are, and nothing is called by them
 * @undecided: more runs could help: too noisy, or beyond the threshold of failure and not sure
 * enough
 */
struct element {
	enum element_kind kind;
	struct compared_test test;
	enum verdict verdict;
	bool fails, disturbed, undecided;
	size_t nr_base, nr_head; /* values that took part */
	double base, head, ratio, low, high, confidence, reach, p_slower, p_faster;
	struct counted_change counted; /* ELEMENT_TEST only */
};

static inline bool element_fails(const struct element *e)
{
	return e->fails || e->counted.fails;
}

/* Below this number of runs a side, nothing is called. */
#define COMPARE_LEAST_RUNS 5

struct renamed_test {
	struct compared_test from, to;
};

struct left_out_test {
	struct compared_test test;
	const char *reason; /* "failed in head (3 of 10 runs)" */
};

struct comparison {
	const char *names[NR_SIDES]; /* as the user gave them */
	size_t nr_runs[NR_SIDES];
	size_t nr_pairs;       /* 0: the runs did not take turns */
	size_t nr_whole_pairs; /* of them of the whole suite; others left decided files out */
	enum metric metric;
	enum rung rung;
	const char *why_trend;	 /* RUNG_TREND: one sentence; else NULL */
	double warn_at, fail_at; /* 0.05, 0.10 */
	double floor;		 /* smaller differences are none; unit of the metric */

	/* the suite, then files, then tests, both in the order they ran */
	struct element *elements;
	size_t nr_elements;
	size_t nr_by_verdict[NR_ELEMENT_KINDS][NR_VERDICTS];
	size_t nr_failing;
	size_t nr_counted;	     /* tests with instructions of the VM beside their time */
	const char *why_not_counted; /* why there are none: one sentence; NULL = there are, or
				      * instructions are the metric */
	double floor_vm;
	size_t nr_undecided; /* elements that more runs could help to call */
	bool gate_fails;     /* something fails, on a rung that may say so */

	struct compared_test *added, *removed;
	size_t nr_added, nr_removed;
	struct renamed_test *renamed;
	size_t nr_renamed;
	struct left_out_test *left_out;
	size_t nr_left_out;
	const char **notes; /* sentences: what differs between the sides beside the code */
	size_t nr_notes;
};

/* A stack with its samples in all runs of each side. */
struct compared_stack {
	const char *frames; /* "frame;frame", root first; @len bytes, no terminator */
	size_t len;
	uint64_t samples[NR_SIDES];
};

/* All stacks of two sides, each once, in the order of their bytes. */
struct compared_stacks {
	const struct compared_stack *stacks;
	size_t nr;
	size_t nr_runs[NR_SIDES];
};

const char *metric_name(enum metric metric); /* "cpu", as --metric takes it */
const char *metric_text(enum metric metric); /* "CPU time" */
const char *metric_unit(enum metric metric); /* "nanoseconds" */
bool metric_is_time(enum metric metric);
const char *rung_name(enum rung rung);		/* "paired timing" */
const char *verdict_name(enum verdict verdict); /* "noisy" */
const char *verdict_text(enum verdict verdict); /* "too noisy to call" */
const char *element_kind_name(enum element_kind kind);

#endif
