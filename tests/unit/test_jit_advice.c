/* SPDX-License-Identifier: MIT */
/* docs/JIT.md as examples: runs that would be faster without the JIT, and runs that would not. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "jit_advice.h"
#include "sample_mode.h"

#define EVERY_MODE ((1U << NR_MODES) - 1)

/* A run of @samples; what is no mode of the compiler or of traces was interpreted. */
struct given {
	uint64_t samples, record, assemble, exit, kernel, machine_code, c_on_trace;
	uint64_t hottest; /* samples on trace in one function */
};

static struct jit_advice advise(const struct given *g, uint32_t told)
{
	struct function hot = {.kind = FUNCTION_LUA, .by_mode = {[MODE_JIT] = g->hottest}};
	struct profile p = {
		.accounts = {.taken = g->samples},
		.modes_told = told,
		.functions = &hot,
		.nr_functions = 1,
	};

	p.by_mode[MODE_RECORD] = g->record;
	p.by_mode[MODE_ASSEMBLE] = g->assemble;
	p.by_mode[MODE_EXIT] = g->exit;
	p.by_mode[MODE_KERNEL_COMPILER] = g->kernel;
	p.by_mode[MODE_JIT] = g->machine_code;
	p.by_mode[MODE_C_ON_TRACE] = g->c_on_trace;
	p.by_mode[MODE_INTERPRETER] = g->samples - g->record - g->assemble - g->exit - g->kernel -
				      g->machine_code - g->c_on_trace;
	return jit_advise(&p);
}

Test(jit_advice, a_suite_that_is_compiled_more_than_it_runs_may_do_without)
{
	static const struct given classic = {1000, 200, 100, 20, 130, 90, 30, 9};
	struct jit_advice a = advise(&classic, EVERY_MODE);

	cr_assert(eq(u64, a.compiling, 450));
	cr_assert(eq(u64, a.on_trace, 120));
	cr_assert(eq(u64, a.hot, 0));
	cr_assert(eq(int, a.switch_off, 1));
}

Test(jit_advice, is_silent_where_compiled_code_pays)
{
	static const struct given numeric = {1000, 10, 5, 1, 4, 900, 20, 880};
	static const struct given half_and_half = {1000, 200, 100, 0, 0, 160, 0, 9};
	static const struct given one_hot_loop = {1000, 200, 100, 0, 0, 60, 0, 31};

	cr_assert(eq(int, advise(&numeric, EVERY_MODE).switch_off, 0));
	cr_assert(eq(int, advise(&half_and_half, EVERY_MODE).switch_off, 0));
	cr_assert(eq(int, advise(&one_hot_loop, EVERY_MODE).switch_off, 0));
	cr_assert(eq(u64, advise(&one_hot_loop, EVERY_MODE).hot, 31));
}

Test(jit_advice, is_silent_where_there_is_little_to_gain_or_little_known)
{
	static const struct given little = {1000, 149, 0, 0, 0, 10, 0, 1};
	static const struct given enough = {1000, 150, 0, 0, 0, 10, 0, 1};
	static const struct given few = {100, 49, 0, 0, 0, 0, 0, 0};

	cr_assert(eq(int, advise(&little, EVERY_MODE).switch_off, 0));
	cr_assert(eq(int, advise(&enough, EVERY_MODE).switch_off, 1));
	cr_assert(eq(int, advise(&few, EVERY_MODE).switch_off, 0));
}

Test(jit_advice, is_about_luajit_alone)
{
	static const struct given puc = {1000, 0, 0, 0, 0, 0, 0, 0};
	struct jit_advice a = advise(&puc, MODES_TOLD_ALWAYS);

	cr_assert(eq(u64, a.compiling, 0));
	cr_assert(eq(u64, a.on_trace, 0));
	cr_assert(eq(int, a.switch_off, 0));
}

Test(jit_advice, an_empty_run_says_nothing)
{
	struct profile p = {.modes_told = EVERY_MODE};

	cr_assert(eq(int, jit_advise(&p).switch_off, 0));
}
