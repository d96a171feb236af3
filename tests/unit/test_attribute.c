/* SPDX-License-Identifier: MIT */
/* Complete streams of announcements: the tree, the statuses, and time that adds up exactly. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <string.h>

#include "story.h"

#define LUA 2 /* the pid of the suite in most stories */

static struct story s;

static void begin(void)
{
	story_begin(&s);
}

static void done(void)
{
	story_done(&s);
}

TestSuite(attribute, .init = begin, .fini = done, .timeout = 5);

static void begin_suite(uint32_t pid)
{
	story_exec(&s, pid);
	story_work(&s, pid, 100, 80);
	story_say(&s, pid, "s");
	story_work(&s, pid, 10, 5);
	story_scope(&s, pid, 1, "file", 0, "spec/a_spec.lua");
	story_say(&s, pid, "+");
	story_work(&s, pid, 30, 20);
	story_say(&s, pid, "-s");
}

static void end_suite(uint32_t pid)
{
	story_say(&s, pid, "-s");
	story_work(&s, pid, 6, 3);
	story_say(&s, pid, "e");
	story_work(&s, pid, 40, 2);
	story_exit(&s, pid);
}

static uint64_t cpu_of(enum phase phase)
{
	return s.profile.phases[phase].costs.cpu_ns;
}

static uint64_t wall_of(enum phase phase)
{
	return s.profile.phases[phase].costs.wall_ns;
}

Test(attribute, time_lies_in_exactly_one_phase_and_adds_up)
{
	begin_suite(LUA);
	story_test(&s, LUA, 2, 4, "works", 1000, 900, 's');
	end_suite(LUA);
	story_end(&s);

	cr_assert(eq(u64, wall_of(PHASE_STARTUP), 100));
	cr_assert(eq(u64, wall_of(PHASE_LOADING), 30));
	cr_assert(eq(u64, wall_of(PHASE_TEST), 1000));
	cr_assert(eq(u64, wall_of(PHASE_BUSTED), 16));
	cr_assert(eq(u64, wall_of(PHASE_SHUTDOWN), 40));
	cr_assert(eq(u64, cpu_of(PHASE_STARTUP), 80));
	cr_assert(eq(u64, cpu_of(PHASE_LOADING), 20));
	cr_assert(eq(u64, cpu_of(PHASE_TEST), 900));
	cr_assert(eq(u64, cpu_of(PHASE_BUSTED), 8));
	cr_assert(eq(u64, cpu_of(PHASE_SHUTDOWN), 2));
	cr_assert(eq(u64, story_phase_wall(&s), s.now - STORY_START));
	cr_assert(eq(u64, story_phase_cpu(&s), s.cpu_ns[LUA]));
	cr_assert(eq(u64, wall_of(PHASE_OUTPUT), PROFILE_UNKNOWN));
	cr_assert(eq(u64, s.profile.tests[0].body.wall_ns, 1000));
	cr_assert(eq(u64, s.profile.tests[0].body.cpu_ns, 900));
	cr_assert(s.profile.suite.seen && s.profile.suite.ended);
}

Test(attribute, a_test_knows_its_file_path_names_tags_and_line)
{
	const struct test *test;

	begin_suite(LUA);
	story_scope(&s, LUA, 2, "describe", 3, "outer #slow");
	story_scope(&s, LUA, 3, "describe", 5, NULL);
	story_test(&s, LUA, 4, 7, "works #fast #slow#io", 10, 10, 's');
	story_say(&s, LUA, "-s");
	story_say(&s, LUA, "-s");
	end_suite(LUA);
	story_end(&s);

	cr_assert(eq(sz, s.profile.nr_tests, 1));
	test = &s.profile.tests[0];
	cr_assert(eq(str, (char *)test->file, "spec/a_spec.lua"));
	cr_assert(eq(sz, test->nr_path, 2));
	cr_assert(eq(str, (char *)test->path[0], "outer #slow"));
	cr_assert(eq(str, (char *)test->path[1], "describe"));
	cr_assert(eq(str, (char *)test->name, "works #fast #slow#io"));
	cr_assert(eq(str, (char *)test->full_name, "outer #slow describe works #fast #slow#io"));
	cr_assert(eq(int, test->line, 7));
	cr_assert(eq(str, (char *)test->source, "spec/a_spec.lua"));
	cr_assert(eq(sz, test->nr_tags, 3));
	cr_assert(eq(str, (char *)test->tags[0], "slow"));
	cr_assert(eq(str, (char *)test->tags[1], "fast"));
	cr_assert(eq(str, (char *)test->tags[2], "io"));
	cr_assert(eq(sz, strlen(test->id), 36));
}

Test(attribute, statuses_are_those_busted_says)
{
	begin_suite(LUA);
	story_test(&s, LUA, 2, 1, "passes", 1, 1, 's');
	story_test(&s, LUA, 2, 2, "fails", 1, 1, 'f');
	story_test(&s, LUA, 2, 3, "raises", 1, 1, 'e');
	story_test(&s, LUA, 2, 4, "waits", 1, 1, 'p');
	story_scope(&s, LUA, 2, "pending", 5, "block");
	story_say(&s, LUA, "-s");
	end_suite(LUA);
	story_end(&s);

	cr_assert(eq(int, story_find(&s, "passes")->status, TEST_SUCCESS));
	cr_assert(eq(int, story_find(&s, "fails")->status, TEST_FAILURE));
	cr_assert(eq(int, story_find(&s, "raises")->status, TEST_ERROR));
	cr_assert(eq(int, story_find(&s, "waits")->status, TEST_PENDING));
	cr_assert(eq(int, story_find(&s, "block")->status, TEST_PENDING));
	cr_assert(eq(u64, story_find(&s, "block")->body.wall_ns, 0));
	cr_assert(eq(u64, s.profile.suite.successes, 1));
	cr_assert(eq(u64, s.profile.suite.failures, 1));
	cr_assert(eq(u64, s.profile.suite.errors, 1));
	cr_assert(eq(u64, s.profile.suite.pendings, 2));
	cr_assert(eq(u64, s.profile.suite.errors_outside_tests, 0));
}

Test(attribute, fixtures_of_a_test_are_its_own_cost_and_not_its_body)
{
	const struct test *test;

	begin_suite(LUA);
	story_scope(&s, LUA, 2, "it", 9, "works");
	story_scope(&s, LUA, 3, "before_each", 3, NULL);
	story_work(&s, LUA, 50, 40);
	story_say(&s, LUA, "-s");
	story_say(&s, LUA, "+");
	story_work(&s, LUA, 5, 4);
	story_say(&s, LUA, "-s");
	story_say(&s, LUA, "+"); /* finally */
	story_work(&s, LUA, 7, 6);
	story_say(&s, LUA, "-s");
	story_scope(&s, LUA, 3, "after_each", 4, NULL);
	story_work(&s, LUA, 20, 10);
	story_say(&s, LUA, "-s");
	story_say(&s, LUA, "-s");
	end_suite(LUA);
	story_end(&s);

	test = &s.profile.tests[0];
	cr_assert(eq(int, test->status, TEST_SUCCESS));
	cr_assert(eq(u64, test->body.wall_ns, 5));
	cr_assert(eq(u64, test->fixtures.wall_ns, 77));
	cr_assert(eq(u64, test->fixtures.cpu_ns, 56));
	cr_assert(eq(u64, wall_of(PHASE_TEST_FIXTURE), 77));
	cr_assert(eq(u64, story_phase_wall(&s), s.now - STORY_START));
}

Test(attribute, setup_and_describe_bodies_are_phases_outside_tests)
{
	begin_suite(LUA);
	story_scope(&s, LUA, 2, "describe", 3, "outer");
	story_say(&s, LUA, "+");
	story_work(&s, LUA, 11, 10);
	story_say(&s, LUA, "-s");
	story_scope(&s, LUA, 3, "strict_setup", 4, NULL);
	story_work(&s, LUA, 13, 12);
	story_say(&s, LUA, "-s");
	story_test(&s, LUA, 3, 7, "works", 2, 2, 's');
	story_say(&s, LUA, "-s");
	end_suite(LUA);
	story_end(&s);

	cr_assert(eq(u64, wall_of(PHASE_DESCRIBE), 11));
	cr_assert(eq(u64, wall_of(PHASE_FIXTURE), 13));
	cr_assert(eq(u64, s.profile.files[0].describes.wall_ns, 11));
	cr_assert(eq(u64, s.profile.files[0].loading.cpu_ns, 20));
	cr_assert(eq(u64, s.profile.files[0].tests.wall_ns, 2));
	cr_assert(eq(sz, s.profile.files[0].nr_tests, 1));
}

Test(attribute, a_failing_before_each_leaves_an_error_whose_body_cost_nothing)
{
	const struct test *test;

	begin_suite(LUA);
	story_scope(&s, LUA, 2, "it", 9, "never starts");
	story_scope(&s, LUA, 3, "before_each", 3, NULL);
	story_work(&s, LUA, 50, 40);
	story_say(&s, LUA, "-e");
	story_say(&s, LUA, "-s");
	end_suite(LUA);
	story_end(&s);

	test = &s.profile.tests[0];
	cr_assert(eq(int, test->status, TEST_ERROR));
	cr_assert(not(test->incomplete));
	cr_assert(eq(u64, test->body.wall_ns, 0));
	cr_assert(eq(u64, test->fixtures.cpu_ns, 40));
	/* busted sent no event for the test, but one error for the fixture. */
	cr_assert(eq(u64, s.profile.suite.errors, 0));
	cr_assert(eq(u64, s.profile.suite.errors_outside_tests, 1));
}

Test(attribute, an_error_in_finally_replaces_success_and_not_failure)
{
	static const char body[] = "sf";

	begin_suite(LUA);
	for (int i = 0; i < 2; i++) {
		story_scope(&s, LUA, 2, "it", i + 1, i ? "failed" : "passed");
		story_say(&s, LUA, "+");
		story_say(&s, LUA, "-%c", body[i]);
		story_say(&s, LUA, "+");
		story_say(&s, LUA, "-e");
		story_say(&s, LUA, "-s");
	}
	end_suite(LUA);
	story_end(&s);

	cr_assert(eq(int, story_find(&s, "passed")->status, TEST_ERROR));
	cr_assert(eq(int, story_find(&s, "failed")->status, TEST_FAILURE));
	cr_assert(eq(u64, s.profile.suite.errors, 1));
	cr_assert(eq(u64, s.profile.suite.errors_outside_tests, 1));
}

Test(attribute, errors_of_files_and_describes_are_counted_outside_tests)
{
	begin_suite(LUA);
	story_scope(&s, LUA, 2, "describe", 3, "broken");
	story_say(&s, LUA, "+");
	story_say(&s, LUA, "-e");
	story_say(&s, LUA, "-s");
	story_say(&s, LUA, "xfile");
	end_suite(LUA);
	story_end(&s);
	cr_assert(eq(u64, s.profile.suite.errors_outside_tests, 2));
}

Test(attribute, a_file_that_cannot_be_loaded_before_the_suite_is_still_start_up)
{
	story_exec(&s, LUA);
	story_work(&s, LUA, 10, 10);
	story_say(&s, LUA, "xfile");
	story_work(&s, LUA, 10, 10);
	story_say(&s, LUA, "s");
	story_say(&s, LUA, "e");
	story_exit(&s, LUA);
	story_end(&s);
	cr_assert(eq(u64, wall_of(PHASE_STARTUP), 20));
	cr_assert(eq(u64, s.profile.suite.errors_outside_tests, 1));
}

Test(attribute, repeated_suites_keep_ids_and_count_iterations)
{
	begin_suite(LUA);
	story_test(&s, LUA, 2, 4, "works", 10, 10, 's');
	story_say(&s, LUA, "-s");
	story_say(&s, LUA, "e");
	story_say(&s, LUA, "r");
	story_say(&s, LUA, "s");
	story_scope(&s, LUA, 1, "file", 0, "spec/a_spec.lua");
	story_test(&s, LUA, 2, 4, "works", 20, 20, 's');
	end_suite(LUA);
	story_end(&s);

	cr_assert(eq(sz, s.profile.nr_tests, 2));
	cr_assert(eq(u64, s.profile.suite.iterations, 2));
	cr_assert(eq(u32, s.profile.tests[0].iteration, 1));
	cr_assert(eq(u32, s.profile.tests[1].iteration, 2));
	cr_assert(eq(u32, s.profile.tests[1].ordinal, 1));
	cr_assert(eq(str, s.profile.tests[0].id, s.profile.tests[1].id));
	cr_assert(eq(sz, s.profile.nr_files, 1));
	cr_assert(eq(sz, s.profile.files[0].nr_tests, 2));
	cr_assert(s.profile.suite.ended);
}

Test(attribute, tests_of_one_name_are_told_apart_by_line_whatever_the_order)
{
	char id_of_line_4[37];

	begin_suite(LUA);
	story_test(&s, LUA, 2, 9, "twice", 1, 1, 's');
	story_test(&s, LUA, 2, 4, "twice", 2, 2, 's');
	end_suite(LUA);
	story_end(&s);
	cr_assert(eq(u32, s.profile.tests[0].ordinal, 2));
	cr_assert(eq(u32, s.profile.tests[1].ordinal, 1));
	strcpy(id_of_line_4, s.profile.tests[1].id);
	cr_assert(ne(str, s.profile.tests[0].id, id_of_line_4));

	story_done(&s);
	story_begin(&s);
	begin_suite(LUA);
	story_test(&s, LUA, 2, 4, "twice", 2, 2, 's');
	story_test(&s, LUA, 2, 9, "twice", 1, 1, 's');
	end_suite(LUA);
	story_end(&s);
	cr_assert(eq(str, s.profile.tests[0].id, id_of_line_4));
}

Test(attribute, names_with_any_bytes_survive_and_a_cut_name_keeps_its_beginning)
{
	static const char odd[] = "n2\tit\t3\t5\ta.lua=a\t=b\n;\xff";

	begin_suite(LUA);
	story_say_bytes(&s, LUA, odd, sizeof(odd) - 1, BPROF_MARK_TEXT_CUT);
	story_say(&s, LUA, "-s");
	end_suite(LUA);
	story_end(&s);
	cr_assert(eq(str, (char *)s.profile.tests[0].name, "a\t=b\n;\xff"));
	cr_assert(eq(str, (char *)s.profile.tests[0].source, "a.lua"));
}

Test(attribute, a_test_at_the_root_of_the_suite_is_named_as_busted_names_it)
{
	story_exec(&s, LUA);
	story_say(&s, LUA, "s");
	story_test(&s, LUA, 1, 4, "from a helper", 1, 1, 's');
	story_say(&s, LUA, "e");
	story_exit(&s, LUA);
	story_end(&s);
	cr_assert(eq(str, (char *)s.profile.tests[0].full_name, "suite from a helper"));
	cr_assert(eq(str, (char *)s.profile.tests[0].file, "spec/a_spec.lua"));
}

Test(attribute, a_run_without_a_suite_is_all_program)
{
	story_exec(&s, 1);
	story_work(&s, 1, 100, 60);
	story_fork(&s, 1, 3);
	story_work(&s, 3, 50, 45);
	story_exit(&s, 3);
	story_exit(&s, 1);
	story_end(&s);
	cr_assert(eq(u64, wall_of(PHASE_PROGRAM), 150));
	cr_assert(eq(u64, cpu_of(PHASE_PROGRAM), 105));
	cr_assert(eq(int, attribute_final_phase(s.attribute, PHASE_STARTUP), PHASE_PROGRAM));
	cr_assert(not(s.profile.suite.seen));
	cr_assert(eq(sz, s.profile.nr_tests, 0));
}

Test(attribute, nodes_carry_times_since_the_start_and_cpu_with_their_children)
{
	uint32_t test = UINT32_MAX;

	begin_suite(LUA);
	story_test(&s, LUA, 2, 4, "works", 1000, 900, 's');
	end_suite(LUA);
	story_end(&s);
	for (size_t i = 0; i < s.profile.nr_nodes; i++) {
		if (s.profile.nodes[i].kind == NODE_TEST)
			test = (uint32_t)i;
	}
	cr_assert(ne(u32, test, UINT32_MAX));
	cr_assert(eq(u64, s.profile.nodes[test].start_ns, 140));
	cr_assert(eq(u64, s.profile.nodes[test].end_ns, 1140));
	cr_assert(eq(u64, s.profile.nodes[test].cpu_ns, 900));
	cr_assert(eq(u64, s.profile.nodes[0].cpu_ns, s.cpu_ns[LUA]));
	cr_assert(eq(u64, s.profile.nodes[0].end_ns, s.now - STORY_START));
}
