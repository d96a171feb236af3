/* SPDX-License-Identifier: MIT */
/*
 * The frames of a stack as the user asked to see them: without those that --ignore and --only leave
 * out, and with busted's own collapsed. Every output that shows stacks looks through this.
 */
#ifndef BPROF_OUTPUT_VIEW_H
#define BPROF_OUTPUT_VIEW_H

#include <bprof/output.h>

#include "buf.h"

/* A frame as shown. Two frames with the same view_key() are the same for the user. */
struct view_frame {
	uint32_t function; /* index, or profile.nr_functions for "[busted]" */
	int32_t line;	   /* current line under --lines, else 0 */
	bool on_trace;
};

struct view_stack {
	const struct view_frame *frames; /* root first; borrowed from the view until the next one */
	size_t nr;
};

struct view {
	const struct profile *profile;
	const struct output_opts *opts;
	uint8_t *treatment; /* per function: shown, left out, or collapsed */
	struct view_frame *frames;
	size_t room;
};

enum view_text {
	VIEW_PLAIN,  /* for viewers and people */
	VIEW_FOLDED, /* with folded's own rules */
};

int view_init(struct view *v, const struct profile *p, const struct output_opts *o) MUST_CHECK;
void view_done(struct view *v);

/* Is it shown under its own name? Not left out, and not part of "[busted]". */
bool view_shows(const struct view *v, uint32_t function);

/* @stack as shown; may come out empty. 0 or -ENOMEM. */
int view_stack(struct view *v, const struct profile_stack *stack,
	       struct view_stack *ret) MUST_CHECK;

uint64_t view_key(const struct view_frame *frame);

/* "name (file:line)", "string.gsub [C]", ...: always ends in ')' or ']'. */
int view_add_text(const struct view *v, const struct view_frame *frame, enum view_text how,
		  struct buf *b) MUST_CHECK;

/* The name alone, and where it is defined ("" if that says nothing), for tables. */
int view_add_name(const struct view *v, uint32_t function, struct buf *b) MUST_CHECK;
int view_add_location(const struct view *v, uint32_t function, struct buf *b) MUST_CHECK;

#endif
