/* SPDX-License-Identifier: MIT */
/*
 * The last step of the pipeline: counts, names and places become a struct profile.
 */
#ifndef BPROF_PROFILE_BUILD_H
#define BPROF_PROFILE_BUILD_H

#include <bprof/profile.h>
#include <bprof/wire.h>

#include "aggregate/aggregate.h"

struct attribute;
struct profile_build;
struct symbols;

int profile_build_new(struct profile_build **ret); /* 0 or -ENOMEM */
void profile_build_free(struct profile_build *b);  /* and all the profile points to */

/* ---- while reading ------------------------------------------------------------------------- */

/* The frames of a sample with those that stand for its state; leaf first. Returns how many. */
size_t profile_build_frames(const struct bprof_sample *s, const struct bprof_frame *frames,
			    struct bprof_frame ret[AGGREGATE_MAX_FRAMES]);

/* Node, phase and mode as the number of a place: samples of one stack differ in their mode. */
uint64_t profile_build_place(uint32_t node, enum phase phase, enum mode mode);

/* ---- at the end ---------------------------------------------------------------------------- */

/**
 * profile_build_fill() - names, places, sums
 * @p: stacks, functions, and what attribute_fill() fills
 *
 * Borrows @s, @g and @a until profile_build_free(). Return: 0 or -ENOMEM.
 */
int profile_build_fill(struct profile_build *b, struct symbols *s, struct aggregate *g,
		       struct attribute *a, const struct bprof_file_header *header,
		       struct profile *p);

#endif
