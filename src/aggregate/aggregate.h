/* SPDX-License-Identifier: MIT */
/*
 * Samples to counts by (place, stack).
 *
 * Stacks are kept as a tree of contexts: (parent context, frame). A context stands for a whole
 * stack from the root; most samples of a run share their rootward part, so the tree stays small.
 * Nothing here knows names: frames are addresses, places are numbers of the caller.
 */
#ifndef BPROF_AGGREGATE_H
#define BPROF_AGGREGATE_H

#include <stddef.h>
#include <stdint.h>

#include <bprof/wire.h>

/* Frames that are no frames of a walk; above the flags of the wire, object says what. */
enum aggregate_pseudo {
	AGGREGATE_PROCESS = 1 << 24, /* stands for the process */
	AGGREGATE_ADDRESS = 1 << 25, /* object: a native instruction pointer */
	AGGREGATE_KERNEL = 1 << 26,  /* in the kernel */
	AGGREGATE_STATE = 1 << 27,   /* object: what the VM itself was doing, an enum mode */
	AGGREGATE_STATUS =
		1 << 28, /* object: enum bprof_walk_status, why the stack is incomplete */
};

#define AGGREGATE_MAX_FRAMES (BPROF_MAX_FRAMES + 4)
#define AGGREGATE_ROOT	     UINT32_MAX

struct aggregate;

struct aggregate_sample {
	uint64_t time_ns;
	uint32_t pid, tid;
	uint32_t space;			  /* whose addresses the frames are */
	uint64_t place;			  /* any number of the caller */
	uint64_t weight;		  /* what it stands for */
	const struct bprof_frame *frames; /* leaf first */
	size_t nr_frames;		  /* <= AGGREGATE_MAX_FRAMES */
};

/* @max_timed: samples that keep their time, for outputs with a time axis. */
int aggregate_new(size_t max_timed, struct aggregate **ret);
void aggregate_free(struct aggregate *a);

/* 0 or -ENOMEM. */
int aggregate_add(struct aggregate *a, const struct aggregate_sample *s);

struct aggregate_frame {
	uint32_t space;
	struct bprof_frame frame;
};

struct aggregate_context {
	uint32_t parent;  /* index, smaller than its own; AGGREGATE_ROOT = outermost frame */
	uint32_t frame;	  /* index into the frames */
	uint64_t samples; /* that end in it or go through it; valid after aggregate_sum() */
};

struct aggregate_stack {
	uint32_t context; /* AGGREGATE_ROOT = no frames */
	uint64_t place;
	uint64_t samples;
	uint64_t weight; /* of them all */
};

struct aggregate_timed {
	uint64_t time_ns;
	uint32_t pid, tid;
	uint32_t stack; /* index */
};

/* Fills in the inclusive counts. */
void aggregate_sum(struct aggregate *a);

/* The tables; they belong to @a and move with the next aggregate_add(). */
const struct aggregate_frame *aggregate_frames(const struct aggregate *a, size_t *ret_nr);
const struct aggregate_context *aggregate_contexts(const struct aggregate *a, size_t *ret_nr);
const struct aggregate_stack *aggregate_stacks(const struct aggregate *a, size_t *ret_nr);

/* In the order of time. */
const struct aggregate_timed *aggregate_timed(struct aggregate *a, size_t *ret_nr);

#endif
