/* SPDX-License-Identifier: MIT */
/* Meters between boundaries: who is charged, what is taken off, and that all of it adds up. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <string.h>

#include "story.h"

#define SUITE 1
#define CHILD 2

static void work(struct story *s, uint32_t pid, uint64_t cycles, uint64_t faults)
{
	story_work(s, pid, 1000, 1000);
	s->meters[pid].value[BPROF_METER_CYCLES_USER] += cycles;
	s->meters[pid].value[BPROF_METER_MINOR_FAULTS] += faults;
}

static void count_nothing_but(struct story *s, uint32_t pid, uint32_t metered)
{
	for (size_t i = 0; i < BPROF_NR_METERS; i++)
		if (!(metered >> i & 1))
			s->meters[pid].value[i] = BPROF_METER_UNKNOWN;
}

static void begin(struct story *s)
{
	story_begin(s);
	story_fork(s, 0, SUITE);
}

static void begin_suite(struct story *s)
{
	story_say(s, SUITE, "s");
	story_scope(s, SUITE, 1, "file", 0, "a_spec.lua");
}

static void begin_test(struct story *s, uint32_t pid, const char *name)
{
	story_scope(s, pid, 2, "it", 1, name);
	story_say(s, pid, "+");
}

static void end_test(struct story *s, uint32_t pid)
{
	story_say(s, pid, "-s");
	story_say(s, pid, "-s");
}

static uint64_t sum_of_phases(const struct story *s, enum bprof_meter meter)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < NR_PHASES; i++)
		if (i != PHASE_OUTPUT)
			sum += s->profile.phases[i].costs.meters.value[meter];
	return sum;
}

static void end(struct story *s)
{
	story_say(s, SUITE, "-s");
	story_say(s, SUITE, "e");
	story_exit(s, SUITE);
	story_end(s);
}

Test(meters, of_a_test_lie_between_its_boundaries)
{
	struct story s;
	const struct test *test;

	begin(&s);
	work(&s, SUITE, 100, 1);
	begin_suite(&s);
	begin_test(&s, SUITE, "one");
	work(&s, SUITE, 5000, 7);
	end_test(&s, SUITE);
	work(&s, SUITE, 30, 0);
	end(&s);
	test = story_find(&s, "one");
	cr_assert(test != NULL);
	cr_assert(eq(u64, test->body.meters.value[BPROF_METER_CYCLES_USER], 5000));
	cr_assert(eq(u64, test->body.meters.value[BPROF_METER_MINOR_FAULTS], 7));
	cr_assert(eq(u64, test->fixtures.meters.value[BPROF_METER_CYCLES_USER], 0));
	cr_assert(eq(u64, sum_of_phases(&s, BPROF_METER_CYCLES_USER), 5130));
	cr_assert(eq(u64, s.profile.meters.value[BPROF_METER_CYCLES_USER], 5130));
	story_done(&s);
}

Test(meters, of_a_child_belong_to_the_test_that_started_it)
{
	struct story s;
	const struct test *test;

	begin(&s);
	begin_suite(&s);
	begin_test(&s, SUITE, "one");
	story_fork(&s, SUITE, CHILD);
	end_test(&s, SUITE);
	begin_test(&s, SUITE, "two");
	work(&s, CHILD, 700, 3);
	story_exit(&s, CHILD);
	end_test(&s, SUITE);
	end(&s);
	test = story_find(&s, "one");
	cr_assert(eq(u64, test->body.meters.value[BPROF_METER_CYCLES_USER], 700));
	cr_assert(eq(u64, story_find(&s, "two")->body.meters.value[BPROF_METER_CYCLES_USER], 0));
	cr_assert(eq(u64, s.profile.meters.value[BPROF_METER_CYCLES_USER], 700));
	story_done(&s);
}

Test(meters, that_a_machine_has_not_are_unknown_everywhere)
{
	struct story s;

	begin(&s);
	count_nothing_but(&s, SUITE, 1U << BPROF_METER_MINOR_FAULTS);
	begin_suite(&s);
	begin_test(&s, SUITE, "one");
	s.meters[SUITE].value[BPROF_METER_MINOR_FAULTS] += 2;
	end_test(&s, SUITE);
	end(&s);
	cr_assert(eq(uint, s.profile.metered, 1U << BPROF_METER_MINOR_FAULTS));
	for (size_t i = 0; i < NR_PHASES; i++)
		cr_assert(s.profile.phases[i].costs.meters.value[BPROF_METER_CYCLES_USER] ==
			  PROFILE_UNKNOWN);
	cr_assert(s.profile.meters.value[BPROF_METER_CYCLES_USER] == PROFILE_UNKNOWN);
	cr_assert(s.profile.tests[0].fixtures.meters.value[BPROF_METER_CYCLES_USER] ==
		  PROFILE_UNKNOWN);
	cr_assert(eq(u64, s.profile.tests[0].body.meters.value[BPROF_METER_MINOR_FAULTS], 2));
	story_done(&s);
}

Test(meters, that_go_back_are_made_up_for_later)
{
	struct story s;

	begin(&s);
	begin_suite(&s);
	begin_test(&s, SUITE, "one");
	work(&s, SUITE, 1000, 0);
	end_test(&s, SUITE);
	s.meters[SUITE].value[BPROF_METER_CYCLES_USER] -= 200; /* a thread changes hands */
	s.cpu_ns[SUITE] -= 500;
	begin_test(&s, SUITE, "two");
	work(&s, SUITE, 1000, 0);
	s.meters[SUITE].value[BPROF_METER_CYCLES_USER] += 200;
	end_test(&s, SUITE);
	end(&s);
	cr_assert(eq(u64, sum_of_phases(&s, BPROF_METER_CYCLES_USER), 2000));
	cr_assert(eq(u64, s.profile.meters.value[BPROF_METER_CYCLES_USER], 2000));
	cr_assert(eq(u64, story_phase_cpu(&s), s.cpu_ns[SUITE]));
	story_done(&s);
}

/* Each interval between two announcements has the cost of one; never more than it holds. */
Test(meters, the_cost_of_boundaries_is_in_no_span)
{
	struct boundary_cost cost = {.measured = true, .cpu_ns = 300};
	struct story s;
	const struct test *test;

	begin(&s);
	cost.meters.value[BPROF_METER_CYCLES_USER] = 400;
	cost.meters.value[BPROF_METER_INSTRUCTIONS_USER] = BPROF_METER_UNKNOWN;
	attribute_set_boundary_cost(s.attribute, &cost);
	work(&s, SUITE, 10000, 0);
	begin_suite(&s);
	begin_test(&s, SUITE, "one");
	work(&s, SUITE, 5000, 7);
	end_test(&s, SUITE);
	begin_test(&s, SUITE, "two");
	s.meters[SUITE].value[BPROF_METER_CYCLES_USER] += 150;
	end_test(&s, SUITE);
	end(&s);
	test = story_find(&s, "one");
	cr_assert(eq(u64, test->body.meters.value[BPROF_METER_CYCLES_USER], 4600));
	cr_assert(eq(u64, test->body.meters.value[BPROF_METER_MINOR_FAULTS], 7));
	cr_assert(eq(u64, test->body.cpu_ns, 700));
	cr_assert(eq(u64, test->body.overhead_ns, 300));
	test = story_find(&s, "two");
	cr_assert(eq(u64, test->body.meters.value[BPROF_METER_CYCLES_USER], 0));
	cr_assert(eq(u64, s.profile.overhead.meters.value[BPROF_METER_CYCLES_USER], 550));
	cr_assert(eq(u64, s.profile.overhead.boundaries, 11));
	cr_assert(eq(u64, sum_of_phases(&s, BPROF_METER_CYCLES_USER) + 550,
		     s.profile.meters.value[BPROF_METER_CYCLES_USER]));
	cr_assert(eq(u64, story_phase_cpu(&s) + s.profile.overhead.cpu_ns, s.cpu_ns[SUITE]));
	story_done(&s);
}

/* Nobody saw when the slice began: what the hardware counted in it is not known. */
Test(meters, a_boundary_in_an_unseen_slice_marks_its_span)
{
	struct story s;

	begin(&s);
	begin_suite(&s);
	begin_test(&s, SUITE, "one");
	work(&s, SUITE, 0, 0);
	story_say_bytes(&s, SUITE, "-s", 2, BPROF_MARK_CPU_UNSEEN);
	story_say(&s, SUITE, "-s");
	end(&s);
	cr_assert(eq(u64, s.profile.tests[0].body.meters.value[BPROF_METER_UNCOUNTED], 1));
	cr_assert(eq(u64, s.profile.tests[0].fixtures.meters.value[BPROF_METER_UNCOUNTED], 0));
	story_done(&s);
}
