/* SPDX-License-Identifier: MIT */
/* Boundaries read from stacks, alone and against the hook. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <string.h>

#include "story.h"

#define LUA   2
#define CHILD 3

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

TestSuite(stack, .init = begin, .fini = done, .timeout = 5);

static const char source[] = "spec/a_spec.lua";

/* busted.safe() frames of a body, root first: file, describe, test, the test's body. */
static const struct attribute_element body[] = {
	{"file", "file", "spec/a_spec.lua", "", 0, 0x100},
	{"describe", "describe", "outer", source, 3, 0x200},
	{"it", "it", "works", source, 4, 0x300},
	{"it", "it", "works", source, 4, 0x300},
};
static const struct attribute_element fixture = {"before_each", "before_each", NULL, source, 7,
						 0x400};

static uint32_t place(const struct attribute_element *elements, size_t nr, enum phase *phase,
		      uint32_t *test)
{
	uint32_t node;

	s.now += 10;
	cr_assert(
		eq(int,
		   attribute_place_stack(s.attribute, LUA, elements, nr, s.now, &node, phase, test),
		   0));
	attribute_count(s.attribute, node, *phase, MODE_C, 1, 1 * 1000);
	return node;
}

Test(stack, a_sample_in_a_body_finds_its_test_again)
{
	enum phase phase;
	uint32_t test, first = place(body, 4, &phase, &test);

	cr_assert(eq(int, phase, PHASE_TEST));
	cr_assert(eq(u32, test, 0));
	cr_assert(eq(u32, place(body, 4, &phase, &test), first));
	cr_assert(ne(u32, place(body, 3, &phase, &test), first));
	cr_assert(eq(int, phase, PHASE_BUSTED));
	cr_assert(eq(u32, test, 0));
	story_end(&s);

	cr_assert(eq(sz, s.profile.nr_tests, 1));
	cr_assert(eq(str, (char *)s.profile.tests[0].full_name, "outer works"));
	cr_assert(eq(str, (char *)s.profile.tests[0].file, "spec/a_spec.lua"));
	cr_assert(eq(int, s.profile.tests[0].status, TEST_UNKNOWN));
	cr_assert(eq(u64, s.profile.tests[0].body.wall_ns, PROFILE_UNKNOWN));
	cr_assert(eq(u64, s.profile.tests[0].body.cpu_ns, PROFILE_UNKNOWN));
	cr_assert(eq(u64, s.profile.tests[0].body.samples, 2));
	cr_assert(not(s.profile.tests[0].incomplete));
	cr_assert(s.profile.check.stack_seen && !s.profile.check.hook_seen);
	cr_assert(eq(u64, s.profile.phases[PHASE_TEST].costs.wall_ns, PROFILE_UNKNOWN));
}

Test(stack, phases_follow_from_what_was_passed_to_busted_safe)
{
	struct attribute_element path[5];
	enum phase phase;
	uint32_t test;

	memcpy(path, body, sizeof(body));
	path[3] = fixture;
	place(path, 4, &phase, &test);
	cr_assert(eq(int, phase, PHASE_TEST_FIXTURE));
	cr_assert(eq(u32, test, 0));

	path[3] = body[3];
	path[3].passed = "test"; /* test start or end */
	place(path, 4, &phase, &test);
	cr_assert(eq(int, phase, PHASE_BUSTED));
	cr_assert(eq(u32, test, 0));

	path[3].passed = "finally";
	place(path, 4, &phase, &test);
	cr_assert(eq(int, phase, PHASE_TEST_FIXTURE));

	path[2] = body[1];
	place(path, 3, &phase, &test);
	cr_assert(eq(int, phase, PHASE_DESCRIBE));
	cr_assert(eq(u32, test, ATTRIBUTE_NONE));

	path[1] = body[0];
	place(path, 2, &phase, &test);
	cr_assert(eq(int, phase, PHASE_LOADING));
}

Test(stack, before_and_after_the_suite_is_start_up_and_shutdown)
{
	enum phase phase;
	uint32_t test;

	place(NULL, 0, &phase, &test);
	cr_assert(eq(int, phase, PHASE_STARTUP));
	place(body, 4, &phase, &test);
	place(NULL, 0, &phase, &test);
	cr_assert(eq(int, phase, PHASE_SHUTDOWN));
}

Test(stack, tests_of_one_name_are_told_apart_by_element)
{
	struct attribute_element path[4];
	enum phase phase;
	uint32_t test;

	place(body, 4, &phase, &test);
	memcpy(path, body, sizeof(body));
	path[2].address = path[3].address = 0x999;
	place(path, 4, &phase, &test);
	cr_assert(eq(u32, test, 1));
	story_end(&s);
	cr_assert(eq(u32, s.profile.tests[1].ordinal, 2));
}

Test(stack, many_elements_are_all_found_again)
{
	struct attribute_element path[4];
	enum phase phase;
	uint32_t test;

	memcpy(path, body, sizeof(body));
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 3000; i++) {
			path[2].address = path[3].address = 0x1000 + i * 16;
			place(path, 4, &phase, &test);
			cr_assert(eq(u32, test, i));
		}
	}
}

Test(stack, children_of_a_process_without_hook_follow_its_samples)
{
	enum phase phase;
	uint32_t test;

	place(body, 4, &phase, &test);
	story_fork(&s, LUA, CHILD);
	attribute_place(s.attribute, CHILD, 0, &phase, &test);
	cr_assert(eq(u32, test, 0));
	cr_assert(eq(int, phase, PHASE_TEST));
}

Test(stack, elements_that_could_not_be_read_place_a_sample_as_far_as_they_go)
{
	struct attribute_element path[4];
	enum phase phase;
	uint32_t test;

	memcpy(path, body, sizeof(body));
	path[2].descriptor = NULL;
	place(path, 4, &phase, &test);
	cr_assert(eq(int, phase, PHASE_BUSTED));
	cr_assert(eq(u32, test, ATTRIBUTE_NONE));
}

/* ---- against the hook ----------------------------------------------------------------------- */

static void hook_opens_test(void)
{
	story_say(&s, LUA, "s");
	story_scope(&s, LUA, 1, "file", 0, "spec/a_spec.lua");
	story_scope(&s, LUA, 2, "describe", 3, "outer");
	story_scope(&s, LUA, 3, "it", 4, "works");
}

static void check(const struct attribute_element *elements, size_t nr)
{
	enum phase phase;
	uint32_t node = attribute_place(s.attribute, LUA, s.epoch[LUA], &phase, NULL);

	attribute_check_stack(s.attribute, LUA, node, elements, nr);
}

static void expect(uint64_t agree, uint64_t transit, uint64_t disagree)
{
	story_end(&s);
	cr_assert(eq(u64, s.profile.check.agree, agree));
	cr_assert(eq(u64, s.profile.check.transit, transit));
	cr_assert(eq(u64, s.profile.check.disagree, disagree));
	cr_assert(eq(u64, s.profile.check.announcements, s.epoch[LUA]));
}

Test(stack, both_sources_agree_in_a_body)
{
	hook_opens_test();
	check(body, 3);
	story_say(&s, LUA, "+");
	check(body, 4);
	expect(2, 0, 0);
}

Test(stack, an_event_of_a_file_is_not_a_disagreement)
{
	struct attribute_element path[2] = {body[0], body[0]};

	story_say(&s, LUA, "s");
	story_scope(&s, LUA, 1, "file", 0, "spec/a_spec.lua");
	check(path, 2);
	expect(1, 0, 0);
}

Test(stack, the_hook_takes_over_from_a_sample_that_came_first)
{
	static const struct attribute_element suite = {"suite", "suite", NULL, NULL, 0, 0x50};
	enum phase phase;
	uint32_t test;

	place(&suite, 1, &phase, &test);
	cr_assert(eq(int, phase, PHASE_BUSTED));
	hook_opens_test();
	story_end(&s);
	cr_assert(eq(u64, s.profile.phases[PHASE_STARTUP].costs.wall_ns, 10));
	cr_assert(eq(u64, s.profile.suite.iterations, 1));
}

Test(stack, one_boundary_apart_is_transit)
{
	hook_opens_test();
	check(body, 4);
	story_say(&s, LUA, "+");
	check(body, 3);
	expect(0, 2, 0);
}

Test(stack, another_test_is_a_disagreement)
{
	struct attribute_element path[4];

	memcpy(path, body, sizeof(body));
	path[2].name = path[3].name = "another";
	hook_opens_test();
	story_say(&s, LUA, "+");
	check(path, 4);
	expect(0, 0, 1);
}

Test(stack, a_line_that_could_not_be_read_is_not_a_disagreement_and_another_line_is)
{
	struct attribute_element path[4];

	memcpy(path, body, sizeof(body));
	path[2].line = path[3].line = 0;
	hook_opens_test();
	story_say(&s, LUA, "+");
	check(path, 4);
	path[2].line = path[3].line = body[2].line + 1;
	check(path, 4);
	expect(1, 0, 1);
}

Test(stack, a_busted_inside_the_body_is_not_a_disagreement)
{
	struct attribute_element path[6];

	memcpy(path, body, sizeof(body));
	path[4] = path[5] = (struct attribute_element){"file", "file", "inner", "", 0, 0x900};
	hook_opens_test();
	story_say(&s, LUA, "+");
	check(path, 6);
	expect(1, 0, 0);
}

Test(stack, a_stack_that_says_nothing_is_not_compared_before_it_ever_spoke)
{
	struct attribute_element path[4];

	memcpy(path, body, sizeof(body));
	path[2].descriptor = path[3].descriptor = NULL;
	hook_opens_test();
	check(NULL, 0);
	check(path, 4);
	story_say(&s, LUA, "+");
	check(body, 4);
	check(path, 4);
	check(NULL, 0); /* a test runs, and the stack knows of none */
	expect(1, 0, 1);
}

Test(stack, an_empty_name_and_no_name_look_the_same_on_a_stack)
{
	struct attribute_element path[4];

	memcpy(path, body, sizeof(body));
	path[2].name = path[3].name = NULL;
	story_say(&s, LUA, "s");
	story_scope(&s, LUA, 1, "file", 0, "spec/a_spec.lua");
	story_scope(&s, LUA, 2, "describe", 3, "outer");
	story_scope(&s, LUA, 3, "it", 4, "");
	story_say(&s, LUA, "+");
	check(path, 4);
	expect(1, 0, 0);
}

Test(stack, children_inside_a_test_are_not_compared)
{
	enum phase phase;
	uint32_t node;

	hook_opens_test();
	story_say(&s, LUA, "+");
	story_fork(&s, LUA, CHILD);
	node = attribute_place(s.attribute, CHILD, 0, &phase, NULL);
	attribute_check_stack(s.attribute, CHILD, node, body, 4);
	expect(0, 0, 0);
}
