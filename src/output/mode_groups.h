/* SPDX-License-Identifier: MIT */
/*
 * Modes as outputs show them: seven groups, for which JSON has a key, and the terminal a letter, a
 * name and a colour.
 */
#ifndef BPROF_OUTPUT_MODE_GROUPS_H
#define BPROF_OUTPUT_MODE_GROUPS_H

#include <bprof/profile.h>

#include "base.h"
#include "buf.h"
#include "table.h"

enum mode_group {
	GROUP_INTERPRETER,
	GROUP_JIT,
	GROUP_C,
	GROUP_GC,
	GROUP_COMPILER,
	GROUP_NATIVE,
	GROUP_KERNEL,
	NR_MODE_GROUPS
};

struct mode_group_look {
	const char *key;  /* in profile.json: "jit" */
	const char *name; /* for people: "compiled traces" */
	char letter;	  /* in pictures: 'T' */
	enum style style;
	uint32_t modes; /* bits 1 << enum mode */
};

extern const struct mode_group_look mode_groups[NR_MODE_GROUPS];

/* What modes add up to that cost CPU time together. */
#define MODES_ON_TRACE (1U << MODE_JIT | 1U << MODE_C_ON_TRACE)
#define MODES_COMPILING                                                                            \
	(1U << MODE_RECORD | 1U << MODE_OPTIMISE | 1U << MODE_ASSEMBLE | 1U << MODE_EXIT |         \
	 1U << MODE_KERNEL_COMPILER)

/* The sum over the bits of @modes; PROFILE_UNKNOWN where no VM of the run tells any of them. */
uint64_t modes_sum(const struct profile *p, const uint64_t by_mode[NR_MODES], uint32_t modes);

/*
 * A picture of @columns letters, "IIIITTTCCG": each group has its share of them, rounded so that
 * all together fill it. Without samples it stays empty.
 */
int modes_add_picture(struct buf *b, const struct profile *p, const uint64_t by_mode[NR_MODES],
		      unsigned columns) MUST_CHECK;

#endif
