/* SPDX-License-Identifier: MIT */
/* Announcements that never arrived, arrived twice, or make no sense. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <string.h>

#include "announcement.h"
#include "story.h"

#define LUA 2

static struct story s;

static void begin(void)
{
	story_begin(&s);
	story_exec(&s, LUA);
}

static void done(void)
{
	story_done(&s);
}

TestSuite(gaps, .init = begin, .fini = done, .timeout = 5);

static void begin_suite(void)
{
	story_say(&s, LUA, "s");
	story_scope(&s, LUA, 1, "file", 0, "spec/a_spec.lua");
}

static void end_suite(void)
{
	story_say(&s, LUA, "-s");
	story_say(&s, LUA, "e");
	story_exit(&s, LUA);
	story_end(&s);
	cr_assert(eq(u64, story_phase_wall(&s), s.now - STORY_START));
	cr_assert(eq(u64, story_phase_cpu(&s), s.cpu_ns[LUA]));
}

Test(gaps, a_lost_end_marks_its_test_and_leaves_the_next_one_right)
{
	begin_suite();
	story_scope(&s, LUA, 2, "it", 1, "unlucky");
	story_say(&s, LUA, "+");
	story_work(&s, LUA, 10, 10);
	story_lose(&s, LUA, 2);
	story_test(&s, LUA, 2, 2, "next", 20, 20, 's');
	end_suite();

	cr_assert(eq(u64, s.profile.check.gaps, 2));
	cr_assert(s.profile.tests[0].incomplete);
	cr_assert(eq(int, s.profile.tests[0].status, TEST_UNKNOWN));
	cr_assert(not(s.profile.tests[1].incomplete));
	cr_assert(eq(int, s.profile.tests[1].status, TEST_SUCCESS));
	cr_assert(eq(str, (char *)s.profile.tests[1].file, "spec/a_spec.lua"));
}

Test(gaps, a_status_after_a_gap_is_not_believed)
{
	begin_suite();
	story_scope(&s, LUA, 2, "it", 1, "failed, perhaps");
	story_say(&s, LUA, "+");
	story_lose(&s, LUA, 1); /* "-f" */
	story_say(&s, LUA, "-s");
	story_test(&s, LUA, 2, 2, "next", 20, 20, 's');
	end_suite();
	cr_assert(eq(int, s.profile.tests[0].status, TEST_UNKNOWN));
	cr_assert(eq(int, s.profile.tests[1].status, TEST_SUCCESS));
}

Test(gaps, a_lost_describe_keeps_the_depth_of_what_follows)
{
	begin_suite();
	story_lose(&s, LUA, 1); /* describe */
	story_test(&s, LUA, 3, 2, "orphan", 20, 20, 's');
	story_say(&s, LUA, "-s"); /* of the describe */
	story_test(&s, LUA, 2, 5, "at home", 20, 20, 's');
	end_suite();
	cr_assert(eq(str, (char *)s.profile.tests[0].full_name, "? orphan"));
	cr_assert(eq(sz, s.profile.tests[1].nr_path, 0));
	cr_assert(not(s.profile.tests[1].incomplete));
	cr_assert(s.profile.suite.ended);
}

Test(gaps, a_lost_suite_start_opens_one_that_is_incomplete)
{
	story_lose(&s, LUA, 1);
	story_scope(&s, LUA, 1, "file", 0, "spec/a_spec.lua");
	story_test(&s, LUA, 2, 5, "works", 20, 20, 's');
	end_suite();
	cr_assert(s.profile.suite.seen);
	cr_assert(eq(sz, s.profile.nr_tests, 1));
	cr_assert(eq(u64, s.profile.check.gaps, 1));
}

Test(gaps, announcements_lost_at_the_end_are_told_by_the_exit)
{
	begin_suite();
	story_scope(&s, LUA, 2, "it", 1, "cut off");
	story_lose(&s, LUA, 5);
	story_exit(&s, LUA);
	story_end(&s);
	cr_assert(eq(u64, s.profile.check.gaps, 5));
	cr_assert(s.profile.tests[0].incomplete);
}

Test(gaps, a_record_seen_twice_changes_nothing)
{
	begin_suite();
	story_test(&s, LUA, 2, 1, "once", 10, 10, 's');
	s.epoch[LUA] -= 2;
	story_say(&s, LUA, "-s");
	story_say(&s, LUA, "-s");
	end_suite();
	cr_assert(eq(sz, s.profile.nr_tests, 1));
	cr_assert(s.profile.suite.ended);
	cr_assert(eq(u64, s.profile.check.gaps, 0));
}

Test(gaps, an_error_that_escapes_busted_does_not_nest_the_next_test)
{
	/* pending() in before_each: the handler fails, busted.safe() does not pop. */
	begin_suite();
	story_scope(&s, LUA, 2, "it", 1, "stale");
	story_scope(&s, LUA, 3, "before_each", 9, NULL);
	story_say(&s, LUA, "-e");
	story_test(&s, LUA, 3, 2, "next", 20, 20, 's');
	end_suite();
	cr_assert(eq(int, s.profile.tests[0].status, TEST_ERROR));
	cr_assert(eq(int, s.profile.tests[1].status, TEST_SUCCESS));
	cr_assert(eq(sz, s.profile.tests[1].nr_path, 0));
	cr_assert(eq(u64, s.profile.suite.errors_outside_tests, 1));
}

Test(gaps, clocks_that_run_back_never_give_negative_time)
{
	begin_suite();
	story_work(&s, LUA, 100, 100);
	story_scope(&s, LUA, 2, "it", 1, "odd");
	s.now -= 50;
	s.cpu_ns[LUA] -= 50;
	story_say(&s, LUA, "+");
	s.now += 60;
	s.cpu_ns[LUA] += 60;
	story_say(&s, LUA, "-s");
	story_say(&s, LUA, "-s");
	end_suite();
	cr_assert(eq(u64, s.profile.tests[0].body.wall_ns, 10));
}

Test(gaps, absurd_depths_and_lines_are_bounded)
{
	begin_suite();
	story_say(&s, LUA, "n4000000000\tit\t99999999999\t3\tabc=far");
	story_say(&s, LUA, "n-7\tit\t-1\t-5\tabc=negative");
	story_say(&s, LUA, "n");
	story_say(&s, LUA, "?");
	story_say_bytes(&s, LUA, "", 0, 0);
	for (int i = 0; i < 5000; i++)
		story_say(&s, LUA, "n%d\tdescribe\t1\t0\t=deep", i + 1);
	story_say(&s, LUA, "e");
	story_exit(&s, LUA);
	story_end(&s);
	cr_assert(eq(u64, story_phase_wall(&s), s.now - STORY_START));
}

/* ---- the parser ----------------------------------------------------------------------------- */

static struct announcement parse(const char *text)
{
	struct announcement ret;

	announcement_parse(text, strlen(text), &ret);
	return ret;
}

static bool part_is(struct part part, const char *expected)
{
	return part.at && part.len == strlen(expected) && memcmp(part.at, expected, part.len) == 0;
}

Test(announcement, a_scope_has_all_its_parts)
{
	struct announcement said = parse("n3\tit\t17\t9\tspec/a.lu=adds = numbers\tright");

	cr_assert(eq(int, said.kind, ANNOUNCE_SCOPE));
	cr_assert(eq(u32, said.depth, 3));
	cr_assert(eq(int, said.line, 17));
	cr_assert(part_is(said.descriptor, "it"));
	cr_assert(part_is(said.source, "spec/a.lu"));
	cr_assert(part_is(said.name, "adds = numbers\tright"));
}

Test(announcement, no_name_and_an_empty_name_differ)
{
	cr_assert(parse("n1\tdescribe\t1\t1\ta").name.at == NULL);
	cr_assert(part_is(parse("n1\tdescribe\t1\t1\ta=").name, ""));
}

Test(announcement, every_cut_of_a_text_is_read_without_leaving_it)
{
	static const char text[] = "n3\tit\t17\t9\tspec/a.lu=name";

	for (size_t len = 0; len < sizeof(text); len++) {
		char *copy = malloc(len ? len : 1);
		struct announcement said;

		memcpy(copy, text, len);
		announcement_parse(copy, len, &said);
		cr_expect(said.source.len <= len);
		free(copy);
	}
}

Test(announcement, ends_carry_how_it_ended)
{
	cr_assert(eq(chr, parse("-f").letter, 'f'));
	cr_assert(eq(chr, parse("-").letter, 0));
	cr_assert(eq(int, parse("r").kind, ANNOUNCE_SUITE_RESET));
	cr_assert(eq(int, parse("xfile").kind, ANNOUNCE_ERROR));
	cr_assert(eq(int, parse("q").kind, ANNOUNCE_UNKNOWN));
}
