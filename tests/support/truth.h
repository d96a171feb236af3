/* SPDX-License-Identifier: MIT */
/*
 * The programs of known truth (tests/truth/) and which of their stacks are legal.
 *
 * A line of tracing.folded (made with --lines and --boundaries=none) is judged against a grammar:
 * the functions, their names, their lines, the C functions between them and the order of the
 * coroutines. The grammar knows which stacks are possible, not which one was there at that instant.
 */
#ifndef TESTS_TRUTH_H
#define TESTS_TRUTH_H

#include <stdint.h>

enum verdict {
	VERDICT_EXACT,	 /* a stack this program has */
	VERDICT_MARKED,	 /* says itself that something is not known */
	VERDICT_OUTSIDE, /* no frame of the program: start-up and shutdown of the interpreter */
	VERDICT_WRONG,	 /* a stack this program never has, and no mark */
	VERDICT_BAD,	 /* not a line of the folded format */
	NR_VERDICTS
};

struct truth_program {
	const char *name; /* "busy": the file is tests/truth/busy.lua */
	const char *const
		*stacks; /* POSIX extended expressions over truth_shorten(), any may match */
};

extern const struct truth_program truth_programs[]; /* ends with name == NULL */

const struct truth_program *truth_find(const char *name);

/**
 * truth_shorten() - a folded stack as the grammar sees it
 * @stack: "main chunk (busy.lua:21);x [C];top (busy.lua:14)"
 *
 * Frames are separated by spaces, root first: "main:21 @x top:14". "<anonymous>" is "anon". The
 * line of a frame on a JIT trace is "j", a line that is not known "?". States of the VM at the leaf
 * ("[gc]") are left out. Return: to be freed.
 */
char *truth_shorten(const char *stack, const char *file);

/* The judgement of one line, and its number of samples. */
enum verdict truth_judge(const struct truth_program *p, const char *line, uint64_t *ret_samples);

const char *verdict_name(enum verdict v);

#endif
