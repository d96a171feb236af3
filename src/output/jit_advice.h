/* SPDX-License-Identifier: MIT */
/*
 * Does the JIT compiler pay? A suite runs most of its code a few times: there compiling may cost
 * more than the compiled code ever gives back. docs/JIT.md has the rule and the measurements that
 * it comes from; a change here is a change there.
 */
#ifndef BPROF_OUTPUT_JIT_ADVICE_H
#define BPROF_OUTPUT_JIT_ADVICE_H

#include <bprof/profile.h>

/* All in samples. */
struct jit_advice {
	uint64_t samples;   /* taken and not lost */
	uint64_t compiling; /* in the compiler and on the way off traces, in the kernel as well */
	uint64_t on_trace;
	uint64_t hot;	 /* of these: in functions that were worth compiling */
	bool switch_off; /* the run may need up to compiling / samples less CPU time without it */
};

/* For a run without LuaJIT everything but samples is 0. */
struct jit_advice jit_advise(const struct profile *p);

#endif
