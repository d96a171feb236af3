/* SPDX-License-Identifier: MIT */
/* Who started whom: children, wrappers, suites in suites, reused pids, ends in the middle. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <string.h>

#include "story.h"

#define SHELL  1
#define LUA    2
#define CHILD  3
#define SECOND 4

static struct story s;

static void begin(void)
{
	story_begin(&s);
}

static void done(void)
{
	story_done(&s);
}

TestSuite(processes, .init = begin, .fini = done, .timeout = 5);

static void begin_suite(uint32_t pid)
{
	story_exec(&s, pid);
	story_work(&s, pid, 100, 80);
	story_say(&s, pid, "s");
	story_scope(&s, pid, 1, "file", 0, "spec/a_spec.lua");
}

static void end_suite(uint32_t pid)
{
	story_say(&s, pid, "-s");
	story_say(&s, pid, "e");
	story_exit(&s, pid);
}

static void open_test(uint32_t pid, int line, const char *name)
{
	story_scope(&s, pid, 2, "it", line, name);
	story_say(&s, pid, "+");
}

static void close_test(uint32_t pid)
{
	story_say(&s, pid, "-s");
	story_say(&s, pid, "-s");
}

static uint32_t test_at(uint32_t pid)
{
	enum phase phase;
	uint32_t test;

	attribute_place(s.attribute, pid, s.epoch[pid], &phase, &test);
	return test;
}

static enum phase phase_at(uint32_t pid)
{
	enum phase phase;

	attribute_place(s.attribute, pid, s.epoch[pid], &phase, NULL);
	return phase;
}

Test(processes, a_child_costs_the_test_that_started_it_even_when_it_outlives_it)
{
	begin_suite(LUA);
	open_test(LUA, 1, "first");
	story_fork(&s, LUA, CHILD);
	story_fork(&s, CHILD, SECOND);
	story_work(&s, LUA, 10, 5);
	close_test(LUA);
	open_test(LUA, 2, "second");
	cr_assert(eq(u32, test_at(CHILD), 0));
	cr_assert(eq(u32, test_at(SECOND), 0));
	cr_assert(eq(int, phase_at(CHILD), PHASE_TEST));
	cr_assert(eq(u32, test_at(LUA), 1));
	story_work(&s, CHILD, 300, 200);
	story_work(&s, SECOND, 0, 70);
	story_exit(&s, SECOND);
	story_exit(&s, CHILD);
	close_test(LUA);
	end_suite(LUA);
	story_end(&s);

	cr_assert(eq(u64, s.profile.tests[0].body.cpu_ns, 275));
	cr_assert(eq(u64, s.profile.tests[0].body.wall_ns, 10));
	cr_assert(eq(u64, s.profile.tests[1].body.cpu_ns, 0));
	cr_assert(eq(u64, s.profile.tests[1].body.wall_ns, 300));
	cr_assert(eq(u64, s.profile.tests[0].children, 2));
	cr_assert(eq(u64, story_phase_cpu(&s), 80 + 5 + 200 + 70));
	cr_assert(eq(u64, story_phase_wall(&s), s.now - STORY_START));
}

Test(processes, a_fork_carries_the_epoch_it_happened_in_although_the_parent_went_on)
{
	struct bprof_fork late = {.pid = CHILD, .parent_pid = LUA};

	begin_suite(LUA);
	open_test(LUA, 1, "first");
	late.parent_epoch = s.epoch[LUA];
	close_test(LUA);
	open_test(LUA, 2, "second");
	cr_assert(eq(int, attribute_fork(s.attribute, &late), 0));
	cr_assert(eq(u32, test_at(CHILD), 0));
}

Test(processes, samples_of_a_slightly_older_epoch_go_to_their_own_place)
{
	enum phase phase;
	uint32_t test;

	begin_suite(LUA);
	open_test(LUA, 1, "first");
	close_test(LUA);
	attribute_place(s.attribute, LUA, s.epoch[LUA] - 2, &phase, &test);
	cr_assert(eq(u32, test, 0));
	cr_assert(eq(int, phase, PHASE_TEST));
	attribute_place(s.attribute, LUA, s.epoch[LUA] + 9, &phase, &test);
	cr_assert(eq(u32, test, ATTRIBUTE_NONE));
	cr_assert(eq(int, phase, PHASE_BUSTED));
}

Test(processes, a_wrapper_is_start_up_and_its_suite_is_the_suite)
{
	story_exec(&s, SHELL);
	story_work(&s, SHELL, 20, 15);
	story_fork(&s, SHELL, LUA);
	begin_suite(LUA);
	story_test(&s, LUA, 2, 4, "works", 10, 9, 's');
	end_suite(LUA);
	story_work(&s, SHELL, 5, 4);
	story_exit(&s, SHELL);
	story_end(&s);

	cr_assert(eq(sz, s.profile.nr_tests, 1));
	cr_assert(eq(u64, s.profile.phases[PHASE_STARTUP].costs.wall_ns, 120));
	cr_assert(eq(u64, s.profile.phases[PHASE_STARTUP].costs.cpu_ns, 80 + 15 + 4));
	cr_assert(eq(u64, s.profile.phases[PHASE_SHUTDOWN].costs.wall_ns, 5));
	cr_assert(eq(u64, story_phase_wall(&s), s.now - STORY_START));
	cr_assert(eq(u64, s.profile.tests[0].children, 0));
}

Test(processes, a_suite_started_by_a_test_belongs_to_that_test)
{
	begin_suite(LUA);
	open_test(LUA, 1, "starts one");
	story_fork(&s, LUA, CHILD);
	begin_suite(CHILD);
	story_test(&s, CHILD, 2, 4, "inner", 50, 40, 's');
	end_suite(CHILD);
	close_test(LUA);
	open_test(LUA, 2, "has one in its own process");
	story_say(&s, LUA, "S");
	close_test(LUA);
	end_suite(LUA);
	story_end(&s);

	cr_assert(eq(sz, s.profile.nr_tests, 2));
	cr_assert(eq(u64, s.profile.suite.nested, 2));
	cr_assert(eq(u64, s.profile.tests[0].body.cpu_ns, 120));
	cr_assert(eq(u64, s.profile.tests[0].children, 1));
	cr_assert(eq(u64, story_phase_wall(&s), s.now - STORY_START));
}

Test(processes, suites_after_each_other_and_side_by_side_are_all_listed)
{
	story_exec(&s, SHELL);
	story_fork(&s, SHELL, LUA);
	begin_suite(LUA);
	story_test(&s, LUA, 2, 4, "in one", 10, 9, 's');
	end_suite(LUA);
	story_work(&s, SHELL, 7, 1);
	story_fork(&s, SHELL, CHILD);
	story_fork(&s, SHELL, SECOND);
	begin_suite(CHILD);
	begin_suite(SECOND);
	story_test(&s, CHILD, 2, 4, "in two", 10, 9, 's');
	story_test(&s, SECOND, 2, 4, "in three", 10, 9, 'f');
	end_suite(SECOND);
	end_suite(CHILD);
	story_exit(&s, SHELL);
	story_end(&s);

	cr_assert(eq(sz, s.profile.nr_tests, 3));
	cr_assert(eq(sz, s.profile.nr_files, 1));
	cr_assert(eq(u64, s.profile.suite.iterations, 1));
	cr_assert(s.profile.suite.ended);
	cr_assert(eq(u64, story_phase_cpu(&s), 3 * 89 + 1));
}

Test(processes, a_busted_relaunched_by_exec_starts_afresh_in_the_same_process)
{
	begin_suite(LUA);
	story_work(&s, LUA, 10, 10);
	story_exec(&s, LUA);
	story_work(&s, LUA, 30, 20);
	cr_assert(eq(int, phase_at(LUA), PHASE_STARTUP));
	story_say(&s, LUA, "s");
	story_scope(&s, LUA, 1, "file", 0, "spec/b_spec.lua");
	story_test(&s, LUA, 2, 4, "works", 10, 9, 's');
	end_suite(LUA);
	story_end(&s);

	cr_assert(eq(sz, s.profile.nr_tests, 1));
	cr_assert(eq(str, (char *)s.profile.tests[0].file, "spec/b_spec.lua"));
	cr_assert(eq(u64, s.profile.suite.iterations, 1));
	cr_assert(not(s.profile.suite.ended)); /* the first one never said so */
	cr_assert(eq(u64, story_phase_cpu(&s), s.cpu_ns[LUA]));
}

Test(processes, an_exit_inside_a_test_leaves_it_unknown_and_incomplete)
{
	begin_suite(LUA);
	story_test(&s, LUA, 2, 1, "before", 10, 10, 's');
	open_test(LUA, 2, "exits");
	story_work(&s, LUA, 40, 30);
	story_exit(&s, LUA);
	story_end(&s);

	cr_assert(eq(sz, s.profile.nr_tests, 2));
	cr_assert(eq(int, s.profile.tests[0].status, TEST_SUCCESS));
	cr_assert(not(s.profile.tests[0].incomplete));
	cr_assert(eq(int, s.profile.tests[1].status, TEST_UNKNOWN));
	cr_assert(s.profile.tests[1].incomplete);
	cr_assert(eq(u64, s.profile.tests[1].body.wall_ns, 40));
	cr_assert(eq(u64, s.profile.tests[1].body.cpu_ns, 30));
	cr_assert(s.profile.suite.seen && !s.profile.suite.ended);
}

Test(processes, a_run_cut_off_in_the_middle_keeps_what_is_known)
{
	begin_suite(LUA);
	open_test(LUA, 2, "runs");
	story_work(&s, LUA, 40, 30);
	story_end(&s);
	cr_assert(s.profile.tests[0].incomplete);
	cr_assert(eq(u64, s.profile.tests[0].body.wall_ns, 40));
	cr_assert(eq(u64, story_phase_wall(&s), s.now - STORY_START));
}

Test(processes, a_reused_pid_is_another_process)
{
	begin_suite(LUA);
	open_test(LUA, 1, "first");
	story_fork(&s, LUA, CHILD);
	story_work(&s, CHILD, 0, 10);
	story_exit(&s, CHILD);
	close_test(LUA);
	open_test(LUA, 2, "second");
	story_fork(&s, LUA, CHILD);
	story_work(&s, CHILD, 0, 7);
	cr_assert(eq(u32, test_at(CHILD), 1));
	story_exit(&s, CHILD);
	close_test(LUA);
	end_suite(LUA);
	story_end(&s);
	cr_assert(eq(u64, s.profile.tests[0].body.cpu_ns, 10));
	cr_assert(eq(u64, s.profile.tests[1].body.cpu_ns, 7));
}

Test(processes, a_child_whose_fork_was_lost_is_placed_by_its_exit)
{
	struct bprof_exit orphan = {.pid = CHILD, .parent_pid = LUA, .cpu_ns = 33};

	begin_suite(LUA);
	open_test(LUA, 1, "first");
	orphan.parent_epoch = s.epoch[LUA];
	cr_assert(eq(int, attribute_exit(s.attribute, &orphan, NULL), 0));
	close_test(LUA);
	end_suite(LUA);
	story_end(&s);
	cr_assert(eq(u64, s.profile.tests[0].body.cpu_ns, 33));
}

Test(processes, a_child_forked_between_tests_goes_on_with_the_suite_it_inherited)
{
	begin_suite(LUA);
	story_scope(&s, LUA, 2, "describe", 2, "forked");
	story_fork(&s, LUA, CHILD);
	story_test(&s, CHILD, 3, 4, "in the child", 10, 9, 's');
	story_exit(&s, CHILD);
	story_test(&s, LUA, 3, 5, "in the parent", 10, 9, 's');
	story_say(&s, LUA, "-s");
	end_suite(LUA);
	story_end(&s);

	cr_assert(eq(sz, s.profile.nr_tests, 2));
	cr_assert(eq(str, (char *)s.profile.tests[0].full_name, "forked in the child"));
	cr_assert(eq(str, (char *)s.profile.tests[0].file, "spec/a_spec.lua"));
	cr_assert(eq(str, (char *)s.profile.tests[1].full_name, "forked in the parent"));
	cr_assert(not(s.profile.tests[1].incomplete));
}

Test(processes, unknown_pids_belong_to_the_run)
{
	enum phase phase;
	uint32_t test;

	cr_assert(eq(u32, attribute_place(s.attribute, 12345, 7, &phase, &test), 0));
	cr_assert(eq(int, phase, PHASE_STARTUP));
	cr_assert(eq(u32, test, ATTRIBUTE_NONE));
}

Test(processes, samples_are_counted_where_they_were_placed)
{
	enum phase phase;
	uint32_t node;

	begin_suite(LUA);
	open_test(LUA, 1, "sampled");
	node = attribute_place(s.attribute, LUA, s.epoch[LUA], &phase, NULL);
	attribute_count(s.attribute, node, phase, MODE_GC, 5, 5 * 1000);
	close_test(LUA);
	node = attribute_place(s.attribute, LUA, s.epoch[LUA], &phase, NULL);
	attribute_count(s.attribute, node, phase, MODE_GC, 2, 2 * 1000);
	attribute_count(s.attribute, node, PHASE_OUTPUT, MODE_C, 3, 3 * 1000);
	attribute_count(s.attribute, 99999, phase, MODE_GC, 3, 3 * 1000);
	end_suite(LUA);
	story_end(&s);
	cr_assert(eq(u64, s.profile.tests[0].body.samples, 5));
	cr_assert(eq(u64, s.profile.phases[PHASE_TEST].costs.samples, 5));
	cr_assert(eq(u64, s.profile.phases[PHASE_BUSTED].costs.samples, 2));
	cr_assert(eq(u64, s.profile.phases[PHASE_OUTPUT].costs.samples, 3));
	cr_assert(eq(u64, s.profile.files[0].tests.samples, 5));
	cr_assert(eq(u64, s.profile.tests[0].body.by_mode[MODE_GC], 5));
	cr_assert(eq(u64, s.profile.phases[PHASE_BUSTED].costs.by_mode[MODE_GC], 2));
	cr_assert(eq(u64, s.profile.phases[PHASE_OUTPUT].costs.by_mode[MODE_C], 3));
	cr_assert(eq(u64, s.profile.files[0].tests.by_mode[MODE_GC], 5));
}
