/* SPDX-License-Identifier: MIT */
/* Modes in profile.json. docs/PROFILE.md explains the keys. */
#ifndef BPROF_OUTPUT_JSON_MODES_H
#define BPROF_OUTPUT_JSON_MODES_H

#include <bprof/profile.h>

#include "json_writer.h"

/* "modes": beside every number of samples. */
void json_modes(struct json *j, const struct profile *p, const uint64_t by_mode[NR_MODES]);

/*
 * "compiler_states", "jit_states", "kernel_callers": what some of the modes are made of; and
 * "gc_undecided".
 */
void json_mode_states(struct json *j, const struct profile *p);

/* "jit": does compiling pay? */
void json_jit(struct json *j, const struct profile *p);

#endif
