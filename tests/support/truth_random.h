/* SPDX-License-Identifier: MIT */
/*
 * Random programs that carry their own truth (tests/truth/generate.lua): which function may run on
 * top of which, from which line and through which C function, and how much work each one does.
 *
 * A frame is known by its line alone: names differ between versions of Lua, lines do not.
 */
#ifndef TESTS_TRUTH_RANDOM_H
#define TESTS_TRUTH_RANDOM_H

#include "truth.h"

#define TRUTH_MAX_FUNCTIONS 64
#define TRUTH_MAX_CALLS	    256
#define TRUTH_NONE	    (-1)

struct truth_function {
	char id[16]; /* "f3"; helpers are "h7" */
	long first_line, last_line;
	double work;	  /* per round; 0 for helpers */
	uint64_t samples; /* counted: the function itself, no C function above it, was running */
};

struct truth_call {
	int caller, callee; /* indices of functions; callee TRUTH_NONE: a C function alone */
	long line;
	char via[48]; /* "table.sort", "*" for any C function, "" for none */
	bool is_tail;
};

struct truth_random {
	char file[32];
	struct truth_function functions[TRUTH_MAX_FUNCTIONS];
	size_t nr_functions;
	struct truth_call calls[TRUTH_MAX_CALLS];
	size_t nr_calls;
	uint64_t samples[NR_VERDICTS], all;
	uint64_t in_c; /* exact, a C function was running */
};

/**
 * truth_random_read() - the truth in the comments of a generated program
 * @source: the program; NUL-terminated
 * @file:   the name of its chunk, "random.lua"
 *
 * Return: false if it carries none, or not a whole one.
 */
bool truth_random_read(struct truth_random *t, const char *source, const char *file);

/* Judges one folded line and counts it. */
enum verdict truth_random_count(struct truth_random *t, const char *line);

/**
 * truth_random_distance() - how far the shares are from the work
 * @systematic: relative error a share may have without chance, such as the cost of calls
 * @ret_limit:  what the distance exceeds by chance once in ten million runs
 *
 * The chi-square statistic over the functions with work, its variances widened by @systematic.
 */
double truth_random_distance(const struct truth_random *t, double systematic, double *ret_limit);

#endif
