/* SPDX-License-Identifier: MIT */
/*
 * The programs of known truth (tests/truth/) and which of their stacks are legal.
 *
 * A line of tracing.folded (made with --lines and --boundaries=none) is judged against a grammar:
 * the functions, their names, their lines, the C functions between them and the order of the
 * coroutines. The grammar knows which stacks are possible, not which one was there at that instant;
 * where most of the time must be is known too (hot).
 *
 * A pattern is a stack from the root, frames separated by spaces:
 *
 *	main:21			a Lua function of the program's file: its name and its line
 *	anon:17-19,23		a function without a name; any of these lines
 *	sorter|anon:30		versions of Lua that name it differently
 *	@string.gsub		a C function ("_G." before a name is not looked at)
 *	@*			any C function
 *	rec:15{0,20}  @next?	repeated; perhaps
 *
 * A caller is at the line of its call; a leaf may be at any line of its function that has code.
 */
#ifndef TESTS_TRUTH_H
#define TESTS_TRUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRUTH_MAX_REASONS 12

enum verdict {
	VERDICT_EXACT,	 /* a stack this program has */
	VERDICT_MARKED,	 /* says itself what is not known; what it does say is true */
	VERDICT_OUTSIDE, /* no frame of the program: start-up and shutdown of the interpreter */
	VERDICT_WRONG,	 /* not a stack of this program, marked or not */
	VERDICT_BAD,	 /* not a line of the folded format */
	NR_VERDICTS
};

/* What an interpreter must have to run a program. */
enum truth_kind {
	TRUTH_PUC,    /* any Lua */
	TRUTH_LUAJIT, /* LuaJIT, its compiler on or off */
	TRUTH_JIT,    /* LuaJIT with its compiler on */
};

struct truth_program {
	const char *name;  /* "busy": the file is tests/truth/busy.lua */
	const char *state; /* the state of the VM it is there to show */
	enum truth_kind needs;
	const char *const *stacks; /* patterns, any may match */
	const char *const *hot;	   /* patterns that hot_percent of the samples have; may be NULL */
	unsigned hot_percent;
	/* Every stack is deeper than a sample holds: marked, and the marked ones are what counts.
	 */
	bool truncated;
	unsigned marked_percent; /* known to be marked at most; 0 = 1 */
};

extern const struct truth_program truth_programs[]; /* ends with name == NULL */

const struct truth_program *truth_find(const char *name);

/* "puc", "luajit", "jit": as tests/truth/kind.lua says it. Return: -1 if it is none of them. */
int truth_kind_of(const char *text);

struct truth_tally {
	uint64_t all;
	uint64_t samples[NR_VERDICTS];
	uint64_t hot;
	struct {
		char text[48];
		uint64_t samples;
	} reasons[TRUTH_MAX_REASONS]; /* why samples are marked */
	size_t nr_reasons;
};

/* The judgement of one folded line, and its number of samples. */
enum verdict truth_judge(const struct truth_program *p, const char *line, uint64_t *ret_samples);

/* The same, added to @tally. */
enum verdict truth_count(const struct truth_program *p, const char *line,
			 struct truth_tally *tally);

/*
 * BPROF_EMULATED is set: the processor is emulated. Ticks are missed there, and starting a program
 * takes as long as its work, so only the stacks are judged.
 */
bool truth_is_emulated(void);

/* What a tally must be; the first rule it breaks as text, or NULL. The text is static. */
const char *truth_complaint(const struct truth_program *p, const struct truth_tally *tally);

const char *verdict_name(enum verdict v);

#endif
