/* SPDX-License-Identifier: MIT */
/* Samples per function as the user asked to see frames: the filters move samples between functions,
 * so the profile's own counts do not do. */
#ifndef BPROF_OUTPUT_TALLY_H
#define BPROF_OUTPUT_TALLY_H

#include "id_map.h"
#include "view.h"

#define TALLY_NO_CALLER UINT32_MAX

struct function_tally {
	uint32_t function;		    /* index, or profile.nr_functions for "[busted]" */
	uint64_t self;			    /* samples with it innermost */
	uint64_t total;			    /* samples with it anywhere, once per sample */
	uint64_t self_weight, total_weight; /* the same in units of the event */
	uint64_t last_stack;
};

struct caller_tally {
	uint32_t function; /* the innermost */
	uint32_t caller;   /* TALLY_NO_CALLER: nothing called it as far as shown */
	uint64_t samples;
};

struct tally {
	struct function_tally *functions; /* by self, then total; those with samples */
	size_t nr_functions;
	struct caller_tally *callers; /* by function, then samples */
	size_t nr_callers;
	uint64_t samples; /* of all stacks */
	uint64_t weight;  /* ditto */
	uint64_t empty;	  /* of those of which no frame is shown */
};

int tally_compute(struct tally *ret, struct view *v) MUST_CHECK;
void tally_done(struct tally *t);

#endif
