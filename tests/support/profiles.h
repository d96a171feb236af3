/* SPDX-License-Identifier: MIT */
/* Profiles made by hand, for everything that reads a struct profile. Constant, and the same on
 * every machine. */
#ifndef BPROF_TEST_PROFILES_H
#define BPROF_TEST_PROFILES_H

#include <bprof/profile.h>

struct profile_case {
	const char *name;
	const char *what; /* what it is there to show */
	const struct profile *(*make)(void);
};

/* Terminated by a row without a name. */
extern const struct profile_case profile_cases[];

const struct profile *profile_ordinary(void);  /* a suite on LuaJIT, with all kinds of time */
const struct profile *profile_sampled(void);   /* the same, tests known by samples alone */
const struct profile *profile_unsampled(void); /* the same without samples */
const struct profile *profile_hostile(void);   /* names that want to break every format */
const struct profile *profile_empty(void);     /* nothing was measured */
const struct profile *profile_program(void);   /* no suite; native and kernel frames; cycles */
const struct profile *profile_repeated(void);  /* three runs of a suite; hardware counters */

/* The names of profile_hostile(), for tests of single functions. */
extern const char *const hostile_names[];
extern const size_t nr_hostile_names;

#endif
