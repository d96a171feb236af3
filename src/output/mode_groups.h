/* SPDX-License-Identifier: MIT */
/*
 * Modes as outputs show them: seven groups, for which JSON has a key, the terminal a letter, a name
 * and a colour, and viewers of trace events a category.
 */
#ifndef BPROF_OUTPUT_MODE_GROUPS_H
#define BPROF_OUTPUT_MODE_GROUPS_H

#include <bprof/profile.h>

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

enum mode_group mode_group_of(enum mode mode);
const char *mode_group_key(enum mode_group group);  /* in profile.json: "jit" */
const char *mode_group_name(enum mode_group group); /* for people: "compiled traces" */

/* Samples of one mode, or of a group; PROFILE_UNKNOWN where no VM of the run tells it. */
uint64_t mode_samples(const struct profile *p, const uint64_t by_mode[NR_MODES], enum mode mode);
uint64_t mode_group_samples(const struct profile *p, const uint64_t by_mode[NR_MODES],
			    enum mode_group group);

/* Where machine code runs or what it has called: a function that compiled. */
uint64_t mode_on_trace(const struct profile *p, const uint64_t by_mode[NR_MODES]);

#endif
