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

Test(truth_grammar, a_missing_name_is_marked)
{
	cr_assert(eq(int, judge("busy", BUSY "<anonymous> (busy.lua:14);mid (busy.lua:11) 9"),
		     VERDICT_MARKED));
	cr_assert(eq(int, judge("busy", BUSY "<anonymous> (busy.lua:11);mid (busy.lua:11) 9"),
		     VERDICT_WRONG));
	cr_assert(eq(int, judge("busy", "main chunk (busy.lua:22);lua5.4+0x2ce20 [C] 1"),
		     VERDICT_MARKED));
	cr_assert(eq(int, judge("busy", BUSY "lua5.4+0x2ce20 [C];mid (busy.lua:11) 1"),
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
	cr_assert(eq(int, judge("busy", "[process: luajit];[lua: no_state] 1"), VERDICT_MARKED));
	cr_assert(eq(int, judge("busy", "pmain [C];require [C] 1"), VERDICT_OUTSIDE));
	cr_assert(eq(int, judge("busy", "[lua: chain];pmain [C] 1"), VERDICT_OUTSIDE));
	cr_assert(eq(int, judge("busy", "[lua: bad_frame];pmain [C] 1"), VERDICT_MARKED));
	cr_assert(eq(int, judge("busy", "pmain [C];[lua: chain] 1"), VERDICT_MARKED));
}

Test(truth_grammar, sees_what_is_wrong_beside_a_mark)
{
	cr_assert(eq(int, judge("busy", BUSY "mid (busy.lua:11);[lua: no_leaf] 1"), VERDICT_WRONG));
	cr_assert(eq(int, judge("busy", BUSY "top (busy.lua:7);[lua: no_leaf] 1"), VERDICT_WRONG));
	cr_assert(eq(int, judge("busy", BUSY "mid (busy.lua:?) 1"), VERDICT_WRONG));
	cr_assert(eq(int, judge("busy", "[lua: bad_frame];top (busy.lua:14);leaf (busy.lua:7) 1"),
		     VERDICT_WRONG));
	cr_assert(
		eq(int, judge("busy", "[lua: fault];" BUSY "top (busy.lua:14) 1"), VERDICT_MARKED));
	cr_assert(
		eq(int, judge("busy", "[lua: fault];pmain [C];top (busy.lua:7) 1"), VERDICT_WRONG));
	cr_assert(eq(int, judge("busy", "[lua: fault];pmain [C];main chunk (busy.lua:21);? [C] 1"),
		     VERDICT_MARKED));
	cr_assert(eq(int, judge("busy", "[lua: bad_frame];mid (busy.lua:11);leaf (busy.lua:7) 1"),
		     VERDICT_MARKED));
}

Test(truth_grammar, a_mark_may_hide_a_part_of_a_recursion)
{
	cr_assert(eq(int,
		     judge("deep", "[lua: truncated];rec (deep.lua:15);rec (deep.lua:15);"
				   "rec (deep.lua:12);leaf (deep.lua:7) 1"),
		     VERDICT_MARKED));
	cr_assert(eq(int,
		     judge("deep", "[lua: truncated];rec (deep.lua:15);rec (deep.lua:16);"
				   "rec (deep.lua:12);leaf (deep.lua:7) 1"),
		     VERDICT_WRONG));
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

Test(truth_grammar, complains_of_everything_that_is_not_as_it_must_be)
{
	const struct truth_program *busy = truth_find("busy");
	struct truth_tally t = {0};

	truth_count(busy, BUSY "top (busy.lua:14);mid (busy.lua:11);leaf (busy.lua:7) 990", &t);
	cr_assert(zero(ptr, (void *)truth_complaint(busy, &t)));
	truth_count(busy, BUSY "[lua: no_leaf] 10", &t);
	cr_assert(zero(ptr, (void *)truth_complaint(busy, &t)));
	cr_assert(eq(sz, t.nr_reasons, 1));
	cr_assert(eq(str, t.reasons[0].text, "no_leaf"));
	cr_assert(eq(u64, t.reasons[0].samples, 10));
	truth_count(busy, BUSY "[lua: no_leaf] 15", &t);
	cr_assert(eq(str, (char *)truth_complaint(busy, &t), "less than 99 % exact"));
	truth_count(busy, "leaf (busy.lua:7) 1", &t);
	cr_assert(eq(str, (char *)truth_complaint(busy, &t), "wrong stacks"));
}

/* Legal stacks, but not where the program spends its time: a walker that stops early. */
Test(truth_grammar, misses_the_leaves)
{
	const struct truth_program *busy = truth_find("busy");
	struct truth_tally t = {0};

	truth_count(busy, "main chunk (busy.lua:21) 1000", &t);
	cr_assert(eq(str, (char *)truth_complaint(busy, &t),
		     "too few samples where the time is spent"));
}
