/* SPDX-License-Identifier: MIT */
/*
 * A small interpreter with the macros of PUC Lua, compiled when it is asked for: to see what
 * compilers make of its loop. It runs two hundred instructions of its own and ends.
 */
#ifndef TESTS_SMALL_INTERPRETER_H
#define TESTS_SMALL_INTERPRETER_H

#include <stdbool.h>

#define SMALL_INTERPRETER_SAVEDPC 32 /* offset in its struct call */

struct interpreter_build {
	char compiler[16], optimize[8];
	char bits[16];	  /* -DBITS=6 or 7: of an opcode */
	char shape[16];	  /* -DGOTO, -DSWITCH */
	char link[16];	  /* -pie, -no-pie */
	char machine[24]; /* -march=...; may be empty */
};

/*
 * The program of a build in @ret_program, to be unlinked. Skips the test where its compiler is
 * missing.
 */
void interpreter_compile(const struct interpreter_build *b, char ret_program[64]);

#endif
