/* SPDX-License-Identifier: MIT */
/* The judge of random programs must see every kind of impossible stack, and shares that are wrong.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "truth_random.h"

/* main calls f1 (line 40); f1 makes and calls h1 (10 to 12), sorts with f2, and calls f2. */
static const char program[] = "--@ call f1 11 @table.sort f2\n"
			      "--@ call f1 13 h1\n"
			      "--@ tail h1 15 f2\n"
			      "--@ call f1 20 @setmetatable\n"
			      "--@ call f1 22 @* f2\n"
			      "--@ function f2 1 5 300\n"
			      "--@ function h1 14 16 0\n"
			      "--@ function f1 8 25 100\n"
			      "--@ call main 40 f1\n"
			      "--@ function main 1 50 0\n";

static struct truth_random truth;

static void setup(void)
{
	cr_assert(truth_random_read(&truth, program, "r.lua"));
}

TestSuite(truth_random, .init = setup);

static enum verdict judge(const char *line)
{
	return truth_random_count(&truth, line);
}

#define MAIN	 "pmain [C];main chunk (r.lua:40);"
#define F1(line) "x (r.lua:" #line ")"

Test(truth_random, accepts_what_can_be)
{
	cr_expect(eq(int, judge("main chunk (r.lua:30) 1"), VERDICT_EXACT));
	cr_expect(eq(int, judge(MAIN F1(9) " 1"), VERDICT_EXACT));
	cr_expect(eq(int, judge(MAIN F1(11) ";table.sort [C] 1"), VERDICT_EXACT));
	cr_expect(eq(int, judge(MAIN F1(11) ";table.sort [C];f2 (r.lua:3) 1"), VERDICT_EXACT));
	cr_expect(eq(int, judge(MAIN F1(20) ";setmetatable [C] 1"), VERDICT_EXACT));
	cr_expect(eq(int, judge(MAIN F1(22) ";any [C];f2 (r.lua:3)_[j];[gc] 1"), VERDICT_EXACT));
}

Test(truth_random, a_tail_call_takes_the_place_of_its_caller)
{
	cr_expect(eq(int, judge(MAIN F1(13) ";h1 (r.lua:15) 1"), VERDICT_EXACT));
	cr_expect(eq(int, judge(MAIN F1(13) ";? (r.lua:3) 1"), VERDICT_EXACT));
	cr_expect(eq(int, judge(MAIN F1(11) ";h1 (r.lua:15) 1"), VERDICT_WRONG));
}

Test(truth_random, the_maker_of_a_helper_is_at_its_lines_too)
{
	cr_expect(eq(int, judge(MAIN F1(14) " 1"), VERDICT_EXACT));
	cr_expect(eq(int, judge(MAIN F1(16) " 1"), VERDICT_EXACT));
	cr_expect(eq(int, judge(MAIN F1(15) " 1"), VERDICT_WRONG));
}

Test(truth_random, sees_what_cannot_be)
{
	cr_expect(eq(int, judge(F1(9) " 1"), VERDICT_WRONG));		 /* no main */
	cr_expect(eq(int, judge(MAIN "f2 (r.lua:3) 1"), VERDICT_WRONG)); /* a level is missing */
	cr_expect(eq(int, judge(MAIN F1(13) ";f1 (r.lua:9) 1"), VERDICT_WRONG)); /* twice */
	cr_expect(eq(int, judge(MAIN F1(12) ";f2 (r.lua:3) 1"), VERDICT_WRONG)); /* wrong line */
	cr_expect(eq(int, judge(MAIN F1(11) ";f2 (r.lua:3) 1"), VERDICT_WRONG)); /* no C between */
	cr_expect(eq(int, judge(MAIN F1(11) ";pcall [C];f2 (r.lua:3) 1"), VERDICT_WRONG));
	cr_expect(eq(int, judge(MAIN F1(9) ";table.sort [C] 1"), VERDICT_WRONG));
	cr_expect(eq(int, judge(MAIN "x (r.lua:99) 1"), VERDICT_WRONG));
	cr_expect(eq(int, judge("nonsense"), VERDICT_BAD));
}

Test(truth_random, a_mark_hides_only_what_is_next_to_it)
{
	cr_expect(eq(int, judge("[lua: bad_frame];" F1(11) ";table.sort [C] 1"), VERDICT_MARKED));
	cr_expect(eq(int, judge(MAIN F1(11) ";[lua: no_leaf] 1"), VERDICT_MARKED));
	cr_expect(eq(int, judge(MAIN F1(11) ";<unknown C function> [C];f2 (r.lua:3) 1"),
		     VERDICT_MARKED));
	cr_expect(eq(int, judge("[lua: bad_frame];" F1(9) ";table.sort [C] 1"), VERDICT_WRONG));
	cr_expect(eq(int, judge("f2 (r.lua:3);[lua: no_leaf] 1"), VERDICT_WRONG));
}

Test(truth_random, shares_of_the_work_are_near_and_others_are_far)
{
	double limit;

	judge(MAIN F1(9) " 260");
	judge(MAIN F1(13) ";? (r.lua:3) 740");
	cr_expect(lt(dbl, truth_random_distance(&truth, 0, &limit), limit));
	judge(MAIN F1(9) " 260");
	cr_expect(gt(dbl, truth_random_distance(&truth, 0.03, &limit), limit));
}

/* The table for 11 degrees of freedom at 1e-7 says 54.4; the approximation is on the safe side. */
Test(truth_random, the_limit_is_that_of_the_distribution)
{
	struct truth_random twelve = {.nr_functions = 12};
	double limit;

	for (int i = 0; i < 12; i++)
		twelve.functions[i] = (struct truth_function){.work = 1, .samples = 100};
	truth_random_distance(&twelve, 0, &limit);
	cr_expect(gt(dbl, limit, 53));
	cr_expect(lt(dbl, limit, 57));
}

Test(truth_random, a_program_without_a_whole_truth_is_refused)
{
	struct truth_random t;

	cr_expect(not(truth_random_read(&t, "return 1\n", "r.lua")));
	cr_expect(not(
		truth_random_read(&t, "--@ function f1 1 5 3\n--@ function f2 6 9 3\n", "r.lua")));
	cr_expect(not(truth_random_read(&t,
					"--@ function f1 1 5 3\n--@ function f2 6 9 3\n"
					"--@ call f1 3 f7\n",
					"r.lua")));
}
