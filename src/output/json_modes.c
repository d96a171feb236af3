/* SPDX-License-Identifier: MIT */
#include "json_modes.h"

#include "base.h"
#include "jit_advice.h"
#include "meters.h"
#include "mode_groups.h"

void json_modes(struct json *j, const struct profile *p, const uint64_t by_mode[NR_MODES])
{
	struct json_count counts[NR_MODE_GROUPS];

	for (int i = 0; i < NR_MODE_GROUPS; i++)
		counts[i] = (struct json_count){
			.key = mode_groups[i].key,
			.value = modes_sum(p, by_mode, mode_groups[i].modes),
		};
	json_counts(j, "modes", counts, ARRAY_SIZE(counts));
}

static uint64_t samples_of(const struct profile *p, enum mode mode)
{
	return modes_sum(p, p->by_mode, 1U << mode);
}

void json_mode_states(struct json *j, const struct profile *p)
{
	const struct json_count compiler[] = {
		{"record", samples_of(p, MODE_RECORD)},
		{"optimise", samples_of(p, MODE_OPTIMISE)},
		{"assemble", samples_of(p, MODE_ASSEMBLE)},
		{"exit", samples_of(p, MODE_EXIT)},
	};
	const struct json_count jit[] = {
		{"machine_code", samples_of(p, MODE_JIT)},
		{"c", samples_of(p, MODE_C_ON_TRACE)},
	};
	const struct json_count kernel[] = {
		{"gc", samples_of(p, MODE_KERNEL_GC)},
		{"compiler", samples_of(p, MODE_KERNEL_COMPILER)},
		{"other", samples_of(p, MODE_KERNEL)},
	};

	json_counts(j, "compiler_states", compiler, ARRAY_SIZE(compiler));
	json_counts(j, "jit_states", jit, ARRAY_SIZE(jit));
	json_counts(j, "kernel_callers", kernel, ARRAY_SIZE(kernel));
	json_uint(j, "gc_undecided", samples_counted(p, p->gc_undecided));
}

void json_jit(struct json *j, const struct profile *p)
{
	struct jit_advice jit = jit_advise(p);

	if (modes_sum(p, p->by_mode, MODES_COMPILING) == PROFILE_UNKNOWN) {
		json_null(j, "jit");
		return;
	}
	json_open_map(j, "jit");
	json_uint(j, "compiling", jit.compiling);
	json_uint(j, "on_trace", jit.on_trace);
	json_uint(j, "hot", jit.hot);
	if (jit.switch_off) /* in tenths */
		json_number(j, "off_saves_up_to_percent",
			    number_thousandths(jit.compiling * 1000 / jit.samples * 100));
	else
		json_null(j, "off_saves_up_to_percent");
	json_close_map(j);
}
