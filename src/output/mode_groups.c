/* SPDX-License-Identifier: MIT */
#include "mode_groups.h"

#define KERNEL_MODES (1U << MODE_KERNEL | 1U << MODE_KERNEL_GC | 1U << MODE_KERNEL_COMPILER)
#define COMPILER_MODES                                                                             \
	(1U << MODE_RECORD | 1U << MODE_OPTIMISE | 1U << MODE_ASSEMBLE | 1U << MODE_EXIT)

const struct mode_group_look mode_groups[NR_MODE_GROUPS] = {
	[GROUP_INTERPRETER] = {"interpreter", "interpreter", 'I', STYLE_NONE,
			       1U << MODE_INTERPRETER},
	[GROUP_JIT] = {"jit", "compiled traces", 'T', STYLE_GOOD, MODES_ON_TRACE},
	[GROUP_C] = {"c", "C", 'C', STYLE_C, 1U << MODE_C},
	[GROUP_GC] = {"gc", "garbage collector", 'G', STYLE_WARN, 1U << MODE_GC},
	[GROUP_COMPILER] = {"compiler", "JIT compiler", 'J', STYLE_BAD, COMPILER_MODES},
	[GROUP_NATIVE] = {"native", "native", 'N', STYLE_DIM, 1U << MODE_NATIVE},
	[GROUP_KERNEL] = {"kernel", "kernel", 'K', STYLE_KERNEL, KERNEL_MODES},
};

uint64_t modes_sum(const struct profile *p, const uint64_t by_mode[NR_MODES], uint32_t modes)
{
	uint64_t sum = 0;

	if (p->unsampled || !(p->modes_told & modes))
		return PROFILE_UNKNOWN;
	for (int i = 0; i < NR_MODES; i++)
		if (modes & 1U << i)
			sum += by_mode[i];
	return sum;
}

int modes_add_picture(struct buf *b, const struct profile *p, const uint64_t by_mode[NR_MODES],
		      unsigned columns)
{
	uint64_t all = modes_sum(p, by_mode, UINT32_MAX), passed = 0, drawn = 0;
	int r = 0;

	if (all == PROFILE_UNKNOWN || all == 0)
		return 0;
	for (int i = 0; i < NR_MODE_GROUPS; i++) {
		uint64_t samples = modes_sum(p, by_mode, mode_groups[i].modes);

		passed += samples == PROFILE_UNKNOWN ? 0 : samples;
		/* where the groups up to here end, to the nearest column */
		for (; r == 0 && drawn < (2 * passed * columns + all) / (2 * all); drawn++)
			r = buf_addf(b, "%c", mode_groups[i].letter);
	}
	return r;
}
