/* SPDX-License-Identifier: MIT */
#include "jit_advice.h"

#include "mode_groups.h"

/* Fewer samples than this say nothing: 50 are known to about 14 %. */
#define MIN_COMPILING	      50
#define MIN_COMPILING_PERCENT 15

/* Interpreting may take three times as long as compiled code did, and it still pays. */
#define COMPILING_PER_ON_TRACE 2

/* A function that stays on its traces: interpreting a hot loop may take ten times as long. */
#define HOT_PERCENT	  1
#define MIN_HOT		  5
#define COMPILING_PER_HOT 10

static uint64_t known(uint64_t samples)
{
	return samples == PROFILE_UNKNOWN ? 0 : samples;
}

static uint64_t sum_hot(const struct profile *p, uint64_t samples)
{
	uint64_t hot = 0;

	for (size_t i = 0; i < p->nr_functions; i++) {
		const struct function *f = &p->functions[i];
		uint64_t on_trace = known(modes_sum(p, f->by_mode, MODES_ON_TRACE));

		if (f->kind != FUNCTION_LUA && f->kind != FUNCTION_MAIN_CHUNK)
			continue;
		if (on_trace >= MIN_HOT && on_trace * 100 >= samples * HOT_PERCENT &&
		    on_trace > known(modes_sum(p, f->by_mode, MODES_COMPILING)))
			hot += on_trace;
	}
	return hot;
}

struct jit_advice jit_advise(const struct profile *p)
{
	struct jit_advice a = {
		.samples = p->accounts.taken - p->accounts.lost,
		.compiling = known(modes_sum(p, p->by_mode, MODES_COMPILING)),
		.on_trace = known(modes_sum(p, p->by_mode, MODES_ON_TRACE)),
	};

	a.hot = sum_hot(p, a.samples);
	a.switch_off = a.compiling >= MIN_COMPILING &&
		       a.compiling * 100 >= a.samples * MIN_COMPILING_PERCENT &&
		       a.compiling >= a.on_trace * COMPILING_PER_ON_TRACE &&
		       a.compiling >= a.hot * COMPILING_PER_HOT;
	return a;
}
