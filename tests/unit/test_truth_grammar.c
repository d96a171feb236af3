/* SPDX-License-Identifier: MIT */
/* The judge of the live accuracy tests must itself be right: it must see every kind of wrong stack.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>

#include "truth.h"

static enum verdict judge(const char *program, const char *line)
{
	uint64_t samples;

	return truth_judge(truth_find(program), line, &samples);
}

#define BUSY "main chunk (busy.lua:21);? [C];<anonymous> (busy.lua:18);"

Test(truth_grammar, shortens_every_kind_of_frame)
{
	char *text = truth_shorten("pmain [C];main chunk (a.lua:3);<anonymous> (a.lua:?);"
				   "f (a.lua:7)_[j];math.sin [C]_[j];[native];g (b.lua:1);[gc]",
				   "a.lua");

	cr_assert_str_eq(text, "@pmain main:3 anon:? f:j @math.sin [native] g_(b.lua:1)");
	free(text);
}

Test(truth_grammar, accepts_the_known_stacks)
{
	cr_assert(eq(int,
		     judge("busy", BUSY "top (busy.lua:14);mid (busy.lua:11);leaf (busy.lua:7) 9"),
		     VERDICT_EXACT));
	cr_assert(eq(int, judge("busy", BUSY "top (busy.lua:15) 1"), VERDICT_EXACT));
	cr_assert(eq(int, judge("busy", BUSY "coroutine.yield [C] 1"), VERDICT_EXACT));
	cr_assert(eq(int, judge("busy", "main chunk (busy.lua:22);os.clock [C] 1"), VERDICT_EXACT));
	cr_assert(
		eq(int,
		   judge("mix", "pmain [C];main chunk (mix.lua:30);run (mix.lua:26);"
				"work (mix.lua:13);table.sort [C];<anonymous> (mix.lua:8);[gc] 3"),
		   VERDICT_EXACT));
	cr_assert(eq(int,
		     judge("mix", "pmain [C];main chunk (mix.lua:30);run (mix.lua:26);"
				  "work (mix.lua:17);_UBOX*:__gc [C] 1"),
		     VERDICT_EXACT));
	cr_assert(eq(int,
		     judge("line", "main chunk (line.lua:28);? [C];<anonymous> (line.lua:23);"
				   "g (line.lua:18);f (line.lua:9)_[j] 3"),
		     VERDICT_EXACT));
}

Test(truth_grammar, sees_a_missing_level)
{
	cr_assert(eq(int, judge("busy", BUSY "mid (busy.lua:11);leaf (busy.lua:7) 9"),
		     VERDICT_WRONG));
	cr_assert(
		eq(int,
		   judge("busy", "main chunk (busy.lua:21);top (busy.lua:14);mid (busy.lua:11) 9"),
		   VERDICT_WRONG));
	cr_assert(eq(int, judge("busy", "leaf (busy.lua:7) 9"), VERDICT_WRONG));
}

Test(truth_grammar, sees_a_wrong_line_of_a_caller)
{
	cr_assert(eq(int, judge("busy", BUSY "top (busy.lua:15);mid (busy.lua:11) 9"),
		     VERDICT_WRONG));
	cr_assert(eq(int, judge("busy", BUSY "top (busy.lua:7) 9"), VERDICT_WRONG));
}

Test(truth_grammar, sees_a_wrong_name)
{
	cr_assert(eq(int, judge("busy", BUSY "mid (busy.lua:14) 9"), VERDICT_WRONG));
	cr_assert(eq(int, judge("tab", "main chunk (tab.lua:31);nx (tab.lua:15);math.log [C] 1"),
		     VERDICT_WRONG));
}

Test(truth_grammar, sees_a_recursion_that_is_too_deep)
{
	char text[4096] = "main chunk (deep.lua:22);? [C];<anonymous> (deep.lua:19)";

	for (int i = 0; i < 20; i++)
		strcat(text, ";rec (deep.lua:15)");
	strcat(text, ";rec (deep.lua:12);leaf (deep.lua:7) 1");
	cr_assert(eq(int, judge("deep", text), VERDICT_EXACT));
	strcpy(text, "main chunk (deep.lua:22);? [C];<anonymous> (deep.lua:19)");
	for (int i = 0; i < 21; i++)
		strcat(text, ";rec (deep.lua:15)");
	strcat(text, ";rec (deep.lua:12);leaf (deep.lua:7) 1");
	cr_assert(eq(int, judge("deep", text), VERDICT_WRONG));
}

Test(truth_grammar, tells_marks_from_errors)
{
	cr_assert(eq(int, judge("busy", BUSY "[lua: no_leaf] 1"), VERDICT_MARKED));
	cr_assert(eq(int, judge("busy", BUSY "top (busy.lua:?) 1"), VERDICT_MARKED));
	cr_assert(eq(
		int,
		judge("tab", "main chunk (tab.lua:31);nx (tab.lua:15);<unknown C function> [C] 1"),
		VERDICT_MARKED));
	cr_assert(eq(int, judge("busy", "[process: luajit] 1"), VERDICT_OUTSIDE));
	cr_assert(eq(int, judge("busy", "pmain [C];require [C] 1"), VERDICT_OUTSIDE));
}

Test(truth_grammar, rejects_what_is_not_folded)
{
	cr_assert(eq(int, judge("busy", "main chunk (busy.lua:21)"), VERDICT_BAD));
	cr_assert(eq(int, judge("busy", "main chunk (busy.lua:21) 0"), VERDICT_BAD));
	cr_assert(eq(int, judge("busy", " 7"), VERDICT_BAD));
	cr_assert(eq(int, judge("busy", ""), VERDICT_BAD));
}

Test(truth_grammar, counts_samples)
{
	uint64_t samples = 0;

	truth_judge(truth_find("busy"), "main chunk (busy.lua:21) 123", &samples);
	cr_assert(eq(u64, samples, 123));
}
