/* SPDX-License-Identifier: MIT */
/* Instructions of the VM for each test, to the last digit: --mode=count. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "profiled.h"

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define COUNTED	   SOURCE_DIR "/tests/fixtures/live/counted"
#define LOOP	   10000 /* rounds of the loop in "once" */
#define PER_ROUND  3	 /* instructions: MOD, ADD, FORLOOP */
#define AROUND	   400	 /* at most: what busted and the hook do around a body */
#define NR_TESTS   8

static void run_counted(const char *interpreter, struct profiled *p)
{
	skip_unless_profiling(BPROF_PERF, interpreter);
	profiled_run(BPROF_PERF, COUNTED, NULL, WORDS("--mode=count"),
		     WORDS(interpreter, "/usr/bin/busted"), p);
	cr_assert(p->run.status == 0 && p->profile, "%s: status %d: %s", interpreter, p->run.status,
		  p->run.err.data);
}

static long long count_of(const struct profiled *p, const char *name)
{
	return json_int_at(profiled_test(p->profile, name), "meters.vm_instructions");
}

/* All but the one that waits for the clock. */
static void expect_repeated(const char *interpreter, yajl_val profile)
{
	yajl_val tests = json_at(profile, "tests");

	cr_assert(json_length(tests) == NR_TESTS);
	for (size_t i = 0; i < NR_TESTS; i++) {
		yajl_val test = json_item(tests, i);
		bool waits = strcmp(json_string_at(test, "name"), "by the clock") == 0;

		cr_expect(json_bool_at(test, "vm_instructions_repeat") == !waits, "%s: %s",
			  interpreter, json_string_at(test, "name"));
	}
}

static void check_counts(const char *interpreter)
{
	long long empty, once, twice;
	struct profiled p;

	run_counted(interpreter, &p);
	empty = count_of(&p, "empty");
	once = count_of(&p, "once");
	twice = count_of(&p, "twice");
	cr_log_info("%s: empty %lld, once %lld, twice %lld", interpreter, empty, once, twice);
	cr_expect(empty > 0 && empty < AROUND);
	cr_expect(twice - once == LOOP * PER_ROUND, "%lld", twice - once);
	cr_expect(once - empty >= LOOP * PER_ROUND && once - empty < LOOP * PER_ROUND + AROUND);
	/* what coroutines do counts as much as what their test does itself */
	cr_expect(count_of(&p, "by a coroutine") - once >= 0 &&
		  count_of(&p, "by a coroutine") - once < AROUND);
	cr_expect(count_of(&p, "by a coroutine that yields") > LOOP * PER_ROUND);
	cr_expect(count_of(&p, "in C only") - empty < 20);
	expect_repeated(interpreter, p.profile);
	cr_expect(strstr(p.run.err.data, "the VM instructions of 7 tests are the same in two runs; "
					 "not deterministic: ") != NULL,
		  "%s", p.run.err.data);
	profiled_done(&p);
}

Test(counted, on_luajit)
{
	check_counts("luajit");
}

Test(counted, on_lua_5_1)
{
	check_counts("lua5.1");
}

Test(counted, on_lua_5_2)
{
	check_counts("lua5.2");
}

Test(counted, on_lua_5_3)
{
	check_counts("lua5.3");
}

Test(counted, on_lua_5_4)
{
	check_counts("lua5.4");
}

/* A test that sets a hook of its own takes the countdown away: what follows has no count. */
Test(counted, a_count_that_was_lost_is_not_a_number)
{
	struct profiled p;

	skip_unless_profiling(BPROF_PERF, "lua5.4");
	profiled_run(BPROF_PERF, SOURCE_DIR "/tests/fixtures/live/hooked", NULL,
		     WORDS("--mode=count"), WORDS("lua5.4", "/usr/bin/busted"), &p);
	cr_assert(p.run.status == 0 && p.profile, "%s", p.run.err.data);
	cr_expect(count_of(&p, "before") > 0);
	cr_expect(json_null_at(profiled_test(p.profile, "sets a hook"), "meters.vm_instructions"));
	cr_expect(json_null_at(profiled_test(p.profile, "after"), "meters.vm_instructions"));
	cr_expect(json_bool_at(profiled_test(p.profile, "before"), "vm_instructions_repeat"));
	cr_expect(json_null_at(profiled_test(p.profile, "after"), "vm_instructions_repeat"));
	profiled_done(&p);
}

Test(counted, nothing_is_counted_where_nobody_asks)
{
	struct profiled p;

	skip_unless_profiling(BPROF_PERF, "lua5.4");
	profiled_run(BPROF_PERF, COUNTED, NULL, NULL, WORDS("lua5.4", "/usr/bin/busted"), &p);
	cr_assert(p.run.status == 0 && p.profile, "%s", p.run.err.data);
	cr_expect(json_null_at(profiled_test(p.profile, "once"), "meters.vm_instructions"));
	profiled_done(&p);
}
