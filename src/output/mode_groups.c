/* SPDX-License-Identifier: MIT */
#include "mode_groups.h"

static const struct {
	const char *key, *name;
	uint32_t modes; /* bits 1 << enum mode */
} groups[NR_MODE_GROUPS] = {
	[GROUP_INTERPRETER] = {"interpreter", "interpreter", 1U << MODE_INTERPRETER},
	[GROUP_JIT] = {"jit", "compiled traces", 1U << MODE_JIT},
	[GROUP_C] = {"c", "C", 1U << MODE_C | 1U << MODE_C_ON_TRACE},
	[GROUP_GC] = {"gc", "garbage collector", 1U << MODE_GC},
	[GROUP_COMPILER] = {"compiler", "JIT compiler",
			    1U << MODE_RECORD | 1U << MODE_OPTIMISE | 1U << MODE_ASSEMBLE |
				    1U << MODE_EXIT},
	[GROUP_NATIVE] = {"native", "native", 1U << MODE_NATIVE},
	[GROUP_KERNEL] = {"kernel", "kernel", 1U << MODE_KERNEL},
};

enum mode_group mode_group_of(enum mode mode)
{
	enum mode_group group = GROUP_INTERPRETER;

	while (group < GROUP_KERNEL && !(groups[group].modes & 1U << mode))
		group++;
	return group;
}

const char *mode_group_key(enum mode_group group)
{
	return groups[group].key;
}

const char *mode_group_name(enum mode_group group)
{
	return groups[group].name;
}

/* The sum of those that are told; unknown if none is. */
static uint64_t sum_modes(const struct profile *p, const uint64_t by_mode[NR_MODES], uint32_t modes)
{
	uint64_t sum = 0;

	if (!(p->modes_told & modes))
		return PROFILE_UNKNOWN;
	for (int i = 0; i < NR_MODES; i++)
		if (modes & 1U << i)
			sum += by_mode[i];
	return sum;
}

uint64_t mode_samples(const struct profile *p, const uint64_t by_mode[NR_MODES], enum mode mode)
{
	return sum_modes(p, by_mode, 1U << mode);
}

uint64_t mode_group_samples(const struct profile *p, const uint64_t by_mode[NR_MODES],
			    enum mode_group group)
{
	return sum_modes(p, by_mode, groups[group].modes);
}

uint64_t mode_on_trace(const struct profile *p, const uint64_t by_mode[NR_MODES])
{
	return sum_modes(p, by_mode, 1U << MODE_JIT | 1U << MODE_C_ON_TRACE);
}
