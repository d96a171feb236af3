/* SPDX-License-Identifier: MIT */
/* Profiles in, verdicts out: on profiles written here, whose truth is known. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "compare.h"

static const char *const names[NR_SIDES] = {"old", "new"};
static const struct compare_opts usual = {.metric = NR_METRICS,
					  .warn_at = 0.05,
					  .fail_at = 0.1,
					  .floor_ns = 50e3,
					  .floor_count = 50e3,
					  .floor_vm = 1e3,
					  .share = 1};

static struct compare *c;
static struct buf text, why;
static const struct comparison *seen;
static bool first_test;

static void begin(void)
{
	buf_init(&text, 1 << 24);
	buf_init(&why, 4096);
	cr_assert(eq(int, compare_new(names, &c), 0));
}

static void end(void)
{
	compare_free(c);
	buf_done(&text);
	buf_done(&why);
}

TestSuite(compare, .init = begin, .fini = end, .timeout = 20);

/* ---- making profiles ----------------------------------------------------------------------- */

static void say(const char *fmt, ...) PRINTF_LIKE(1, 2);

static void say(const char *fmt, ...)
{
	char piece[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(piece, sizeof(piece), fmt, args);
	va_end(args);
	cr_assert(eq(int, buf_addstr(&text, piece), 0));
}

static void begin_profile_on(const char *cpu, unsigned second)
{
	buf_reset(&text);
	first_test = true;
	say("{\"schema\": \"bprof-perf/profile/1\", \"complete\": true, "
	    "\"started_at\": \"2026-11-20T09:%02u:%02u.000Z\", \"hardware\": {\"cpu\": \"%s\"}, "
	    "\"runtimes\": [{\"kind\": \"luajit\", \"version\": \"2.1\", \"jit\": true}], "
	    "\"tests\": [",
	    second / 60, second % 60, cpu);
}

static void begin_profile(unsigned second)
{
	begin_profile_on("a processor", second);
}

struct made {
	const char *id, *name, *status, *rest;
	int line;
	double cpu_ns;
};

static void add_test(const struct made *t)
{
	say("%s{\"id\": \"%s\", \"file\": \"spec/a_spec.lua\", \"full_name\": \"%s\", "
	    "\"source\": \"spec/a_spec.lua\", \"line\": %d, \"status\": \"%s\", \"incomplete\": false, "
	    "\"cpu_ns\": %.0f%s}",
	    first_test ? "" : ", ", t->id, t->name ? t->name : t->id, t->line ? t->line : 1,
	    t->status ? t->status : "success", t->cpu_ns, t->rest ? t->rest : "");
	first_test = false;
}

static void end_profile(enum side side)
{
	say("]}");
	cr_assert(eq(int, compare_add(c, side, text.data, text.len, &why), 0), "%s", why.data);
}

/* Deterministic, spread evenly by 2 %: -1 to 1 per cent. */
static double wobble(unsigned i)
{
	return 1 + ((i * 7919u + 13) % 201 - 100.0) / 10000;
}

/* @nr runs a side in turns; test "t" costs @ratio times as much in head, "u" the same. */
static void add_pairs(unsigned nr, double ratio)
{
	for (unsigned i = 0; i < 2 * nr; i++) {
		enum side side = (i % 4 == 1 || i % 4 == 2) ? SIDE_HEAD : SIDE_BASE; /* A B B A */

		begin_profile(i);
		add_test(&(struct made){
			.id = "t", .cpu_ns = 10e6 * wobble(i) * (side == SIDE_HEAD ? ratio : 1)});
		add_test(&(struct made){.id = "u", .cpu_ns = 20e6 * wobble(i + 77)});
		end_profile(side);
	}
}

static void judge(void)
{
	cr_assert(eq(int, compare_judge(c, &usual, &seen), 0));
}

static const struct element *element(enum element_kind kind, const char *id)
{
	for (size_t i = 0; i < seen->nr_elements; i++)
		if (seen->elements[i].kind == kind &&
		    (kind != ELEMENT_TEST || strcmp(seen->elements[i].test.id, id) == 0))
			return &seen->elements[i];
	cr_assert(false, "no element '%s'", id);
	return NULL;
}

static enum verdict verdict_of(const char *id)
{
	return element(ELEMENT_TEST, id)->verdict;
}

/* ---- verdicts ------------------------------------------------------------------------------ */

Test(compare, same_code_is_the_same)
{
	add_pairs(10, 1);
	judge();
	cr_expect(eq(int, seen->rung, RUNG_PAIRED_TIMING));
	cr_expect(eq(int, seen->metric, METRIC_CPU));
	cr_expect(eq(sz, seen->nr_pairs, 10));
	cr_expect(eq(int, verdict_of("t"), VERDICT_SAME));
	cr_expect(eq(int, element(ELEMENT_FILE, "")->verdict, VERDICT_SAME));
	cr_expect(eq(int, element(ELEMENT_SUITE, "")->verdict, VERDICT_SAME));
	cr_expect(eq(sz, seen->nr_elements, 4));
	cr_expect(eq(sz, seen->nr_undecided, 0));
	cr_expect(not(seen->gate_fails));
}

Test(compare, a_test_that_is_15_percent_slower_is_found_and_fails)
{
	add_pairs(20, 1.15);
	judge();
	cr_expect(eq(int, verdict_of("t"), VERDICT_SLOWER));
	cr_expect(element(ELEMENT_TEST, "t")->fails);
	cr_expect(eq(int, verdict_of("u"), VERDICT_SAME));
	cr_expect(lt(dbl, fabs(element(ELEMENT_TEST, "t")->ratio - 1.15), 0.01));
	cr_expect(lt(dbl, element(ELEMENT_TEST, "t")->low, 1.15));
	cr_expect(gt(dbl, element(ELEMENT_TEST, "t")->high, 1.15));
	cr_expect(lt(dbl, fabs(element(ELEMENT_SUITE, "")->ratio - 1.05), 0.01));
	cr_expect(seen->gate_fails);
}

/* A feature may cost something: said, but no failure. An excuse that nobody needs is not said. */
Test(compare, what_is_excused_is_slower_and_does_not_fail)
{
	struct compare_opts excused = usual;

	excused.excuse = "nothing fails: it is a feature";
	add_pairs(20, 1.15);
	cr_assert(eq(int, compare_judge(c, &excused, &seen), 0));
	cr_expect(eq(int, verdict_of("t"), VERDICT_SLOWER));
	cr_expect(element(ELEMENT_TEST, "t")->fails);
	cr_expect(not(seen->gate_fails));
	cr_assert(eq(sz, seen->nr_notes, 1));
	cr_expect_str_eq(seen->notes[0], excused.excuse);
	excused.fail_at = 0.5;
	cr_assert(eq(int, compare_judge(c, &excused, &seen), 0));
	cr_expect(not(seen->gate_fails));
	cr_expect(eq(sz, seen->nr_notes, 0));
}

Test(compare, a_test_that_is_7_percent_slower_is_found_and_does_not_fail)
{
	add_pairs(20, 1.07);
	judge();
	cr_expect(eq(int, verdict_of("t"), VERDICT_SLOWER));
	cr_expect(not(element(ELEMENT_TEST, "t")->fails));
	cr_expect(not(seen->gate_fails));
}

Test(compare, a_test_that_is_faster_is_found)
{
	add_pairs(20, 0.8);
	judge();
	cr_expect(eq(int, verdict_of("t"), VERDICT_FASTER));
	cr_expect(not(seen->gate_fails));
}

Test(compare, five_pairs_are_too_few_to_fail_anything)
{
	add_pairs(5, 1.15); /* 1 / 32 is the least chance there is */
	judge();
	cr_expect(eq(int, verdict_of("t"), VERDICT_SLOWER));
	cr_expect(not(element(ELEMENT_TEST, "t")->fails));
	cr_expect(not(seen->gate_fails));
}

Test(compare, one_run_a_side_is_a_trend)
{
	add_pairs(1, 2);
	judge();
	cr_expect(eq(int, seen->rung, RUNG_TREND));
	cr_expect(eq(int, verdict_of("t"), VERDICT_TREND));
	cr_expect(gt(dbl, element(ELEMENT_TEST, "t")->ratio, 1.9));
	cr_expect(isnan(element(ELEMENT_TEST, "t")->low));
	cr_expect(seen->why_trend != NULL);
	cr_expect(not(seen->gate_fails));
}

/* An interval from far below to far above says nothing. */
Test(compare, noise_is_called_noise)
{
	for (unsigned i = 0; i < 20; i++) {
		begin_profile(i);
		add_test(&(struct made){.id = "t", .cpu_ns = 10e6 * (1 + (i * 37 % 11) / 5.0)});
		end_profile(i % 2 ? SIDE_HEAD : SIDE_BASE);
	}
	judge();
	cr_expect(eq(int, verdict_of("t"), VERDICT_NOISY));
	cr_expect(eq(sz, seen->nr_undecided, seen->nr_elements));
}

/* 20 us of 0.1 ms are 20 %, and below the floor. */
Test(compare, small_differences_of_short_tests_are_none)
{
	for (unsigned i = 0; i < 40; i++) {
		begin_profile(i);
		add_test(
			&(struct made){.id = "t", .cpu_ns = 100e3 * wobble(i) * (i % 2 ? 1.2 : 1)});
		end_profile(i % 2 ? SIDE_HEAD : SIDE_BASE);
	}
	judge();
	cr_expect(eq(int, verdict_of("t"), VERDICT_SAME));
}

/* A fifth of the time, and less than the floor. */
Test(compare, what_takes_less_than_the_floor_does_not_become_faster)
{
	for (unsigned i = 0; i < 40; i++) {
		begin_profile(i);
		add_test(&(struct made){.id = "t", .cpu_ns = 40e3 * wobble(i) * (i % 2 ? 0.2 : 1)});
		add_test(&(struct made){.id = "u", .cpu_ns = 80e3 * wobble(i) * (i % 2 ? 0.2 : 1)});
		end_profile(i % 2 ? SIDE_HEAD : SIDE_BASE);
	}
	judge();
	cr_expect(eq(int, verdict_of("t"), VERDICT_SAME));
	cr_expect(eq(int, verdict_of("u"), VERDICT_FASTER));
}

Test(compare, a_look_with_more_to_follow_needs_to_be_surer)
{
	struct compare_opts early = usual;

	add_pairs(7, 1.15); /* 1 / 128 each way */
	judge();
	cr_expect(eq(int, verdict_of("t"), VERDICT_SLOWER));
	early.share = 0.1;
	cr_assert(eq(int, compare_judge(c, &early, &seen), 0));
	cr_expect(eq(int, verdict_of("t"), VERDICT_NOISY));
}

/* ---- rungs --------------------------------------------------------------------------------- */

static void add_in_a_row(const char *cpu_of_head, const char *rest, double ratio)
{
	for (unsigned i = 0; i < 20; i++) {
		enum side side = i < 10 ? SIDE_BASE : SIDE_HEAD;

		begin_profile_on(side == SIDE_HEAD ? cpu_of_head : "a processor", i);
		add_test(
			&(struct made){.id = "t",
				       .cpu_ns = 10e6 * wobble(i) * (side == SIDE_HEAD ? ratio : 1),
				       .rest = rest});
		end_profile(side);
	}
}

Test(compare, times_of_runs_that_took_no_turns_never_fail)
{
	add_in_a_row("a processor", NULL, 1.5);
	judge();
	cr_expect(eq(sz, seen->nr_pairs, 0));
	cr_expect(eq(int, seen->rung, RUNG_TREND));
	cr_expect(eq(int, verdict_of("t"), VERDICT_SLOWER));
	cr_expect(seen->elements[0].fails);
	cr_expect(not(seen->gate_fails));
}

Test(compare, counted_cycles_are_preferred_and_need_no_turns)
{
	for (unsigned i = 0; i < 20; i++) {
		char rest[64];

		snprintf(rest, sizeof(rest), ", \"cycles\": %d", i < 10 ? 1000000 : 1200000);
		begin_profile(i);
		add_test(&(struct made){.id = "t", .cpu_ns = 10e6, .rest = rest});
		end_profile(i < 10 ? SIDE_BASE : SIDE_HEAD);
	}
	judge();
	cr_expect(eq(int, seen->metric, METRIC_CYCLES));
	cr_expect(eq(int, seen->rung, RUNG_COUNTED));
	cr_expect(eq(int, verdict_of("t"), VERDICT_SLOWER));
	cr_expect(seen->gate_fails);
}

/* 3 % more, exactly: no chance, and below the threshold; 20 % on another processor: found. */
Test(compare, instructions_of_the_vm_are_compared_across_processors)
{
	for (unsigned i = 0; i < 20; i++) {
		bool head = i >= 10;
		char rest[96];

		begin_profile_on(head ? "another processor" : "a processor", i);
		snprintf(rest, sizeof(rest), ", \"meters\": {\"vm_instructions\": %d}",
			 head ? 1200000 : 1000000);
		add_test(&(struct made){.id = "t", .cpu_ns = 10e6 * (head ? 3 : 1), .rest = rest});
		snprintf(rest, sizeof(rest), ", \"meters\": {\"vm_instructions\": %d}",
			 head ? 1030000 : 1000000);
		add_test(&(struct made){.id = "u", .cpu_ns = 10e6, .rest = rest});
		end_profile(head ? SIDE_HEAD : SIDE_BASE);
	}
	judge();
	cr_expect(eq(int, seen->metric, METRIC_VM_INSTRUCTIONS));
	cr_expect(eq(int, seen->rung, RUNG_DETERMINISTIC));
	cr_expect(eq(int, verdict_of("t"), VERDICT_SLOWER));
	cr_expect(eq(int, verdict_of("u"), VERDICT_SAME));
	cr_expect(seen->gate_fails);
}

Test(compare, cycles_that_one_side_lacks_are_not_compared)
{
	for (unsigned i = 0; i < 20; i++) {
		begin_profile(i);
		add_test(&(struct made){.id = "t",
					.cpu_ns = 10e6,
					.rest = i % 2 ? ", \"cycles\": null, \"instructions\": 5"
						      : ", \"cycles\": 1000, \"instructions\": "
							"null"});
		end_profile(i % 2 ? SIDE_HEAD : SIDE_BASE);
	}
	judge();
	cr_expect(eq(int, seen->metric, METRIC_CPU));
}

Test(compare, another_processor_is_said_and_makes_it_a_trend)
{
	add_in_a_row("another processor", ", \"cycles\": 1000000", 1.5);
	judge();
	cr_expect(eq(int, seen->rung, RUNG_TREND));
	cr_assert(eq(sz, seen->nr_notes, 1));
	cr_expect_str_eq(seen->notes[0],
			 "the processor differs: base 'a processor', head 'another processor'");
	cr_expect(not(seen->gate_fails));
}

Test(compare, another_event_unit_schema_and_interpreter_are_said)
{
	static const char head[] =
		"{\"schema\": \"bprof-perf/profile/2\", \"complete\": false, \"event\": {\"name\": "
		"\"cycles\", \"unit\": \"cycles\"}, \"runtimes\": [{\"kind\": \"lua\", \"version\": "
		"\"5.4\", \"jit\": null}], \"tests\": []}";
	char all[2048] = "";

	begin_profile(0);
	end_profile(SIDE_BASE);
	cr_assert(eq(int, compare_add(c, SIDE_HEAD, head, strlen(head), &why), 0));
	judge();
	for (size_t i = 0; i < seen->nr_notes; i++)
		strncat(all, seen->notes[i], sizeof(all) - strlen(all) - 1);
	cr_expect(strstr(all, "interpreter differs: base 'luajit 2.1', head 'lua 5.4'") != NULL,
		  "%s", all);
	cr_expect(strstr(all, "schema of the profiles differs") != NULL);
	cr_expect(strstr(all, "sampled event differs: base '(not told)', head 'cycles'") != NULL);
	cr_expect(strstr(all, "unit of samples differs") != NULL);
	cr_expect(strstr(all, "1 of 1 runs of head broke off") != NULL);
}

/* ---- which tests --------------------------------------------------------------------------- */

Test(compare, tests_that_failed_anywhere_are_left_out_and_said)
{
	for (unsigned i = 0; i < 20; i++) {
		begin_profile(i);
		add_test(&(struct made){
			.id = "t", .cpu_ns = 1e7, .status = i == 5 ? "failure" : "success"});
		add_test(&(struct made){.id = "u", .cpu_ns = 1e7 * wobble(i)});
		add_test(&(struct made){.id = "p", .cpu_ns = 1e7, .status = "pending"});
		add_test(&(struct made){
			.id = "cut", .cpu_ns = 1e7, .rest = ", \"incomplete\": true"});
		end_profile(i % 2 ? SIDE_HEAD : SIDE_BASE);
	}
	judge();
	cr_assert(eq(sz, seen->nr_left_out, 3));
	cr_expect_str_eq(seen->left_out[0].reason, "failed in head (1 of 10 runs)");
	cr_expect_str_eq(seen->left_out[1].reason, "was pending in base (10 of 10 runs)");
	cr_expect_str_eq(seen->left_out[2].reason,
			 "did not end, or nobody saw how, in base (10 of 10 runs)");
	cr_expect(lt(dbl, element(ELEMENT_SUITE, "")->base, 1.1e7), "the sum is of sound tests");
}

Test(compare, a_disturbed_run_does_not_count_for_its_test)
{
	for (unsigned i = 0; i < 20; i++) {
		begin_profile(i);
		add_test(&(struct made){.id = "t",
					.cpu_ns = 1e7 * (i == 4 ? 9 : wobble(i)),
					.rest = i == 4 ? ", \"disturbed\": true" : ""});
		end_profile(i % 2 ? SIDE_HEAD : SIDE_BASE);
	}
	judge();
	cr_expect(eq(sz, element(ELEMENT_TEST, "t")->nr_base, 9));
	cr_expect(eq(sz, element(ELEMENT_TEST, "t")->nr_head, 9));
}

Test(compare, added_removed_and_renamed_tests_are_listed)
{
	begin_profile(0);
	add_test(&(struct made){.id = "same", .cpu_ns = 1e7, .line = 1});
	add_test(&(struct made){.id = "gone", .cpu_ns = 1e7, .line = 2});
	add_test(&(struct made){.id = "old", .cpu_ns = 1e7, .line = 3});
	add_test(&(struct made){.id = "loop1", .cpu_ns = 1e7, .line = 4});
	add_test(&(struct made){.id = "loop2", .cpu_ns = 1e7, .line = 4});
	end_profile(SIDE_BASE);
	begin_profile(1);
	add_test(&(struct made){.id = "same", .cpu_ns = 1e7, .line = 1});
	add_test(&(struct made){.id = "new", .cpu_ns = 1e7, .line = 3});
	add_test(&(struct made){.id = "loopA", .cpu_ns = 1e7, .line = 4});
	add_test(&(struct made){.id = "loopB", .cpu_ns = 1e7, .line = 4});
	add_test(&(struct made){.id = "more", .cpu_ns = 1e7, .line = 9});
	end_profile(SIDE_HEAD);
	judge();
	cr_assert(eq(sz, seen->nr_added, 1));
	cr_expect_str_eq(seen->added[0].id, "more");
	cr_assert(eq(sz, seen->nr_removed, 1));
	cr_expect_str_eq(seen->removed[0].id, "gone");
	cr_assert(eq(sz, seen->nr_renamed, 3));
	cr_expect_str_eq(seen->renamed[0].from.id, "old");
	cr_expect_str_eq(seen->renamed[0].to.id, "new");
	cr_expect_str_eq(seen->renamed[1].from.id, "loop1");
	cr_expect_str_eq(seen->renamed[1].to.id, "loopA");
	cr_expect_str_eq(seen->renamed[2].from.id, "loop2");
	cr_expect_str_eq(seen->renamed[2].to.id, "loopB");
}

Test(compare, suites_without_a_common_test_have_no_elements)
{
	begin_profile(0);
	add_test(&(struct made){.id = "a", .cpu_ns = 1e7, .line = 1});
	end_profile(SIDE_BASE);
	begin_profile(1);
	add_test(&(struct made){.id = "b", .cpu_ns = 1e7, .line = 2});
	end_profile(SIDE_HEAD);
	judge();
	cr_expect(eq(sz, seen->nr_elements, 0));
	cr_expect(eq(sz, seen->nr_left_out, 0));
}

Test(compare, repetitions_of_one_run_are_its_values_and_of_many_their_median)
{
	for (unsigned run = 0; run < 4; run++) {
		begin_profile(run);
		for (unsigned i = 0; i < 9; i++)
			add_test(&(struct made){.id = "t", .cpu_ns = 1e7 * (1 + i)});
		end_profile(run % 2 ? SIDE_HEAD : SIDE_BASE);
		if (run != 1)
			continue;
		judge();
		cr_expect(eq(sz, element(ELEMENT_TEST, "t")->nr_base, 9));
		cr_expect(eq(int, seen->rung, RUNG_TREND));
	}
	judge();
	cr_expect(eq(sz, element(ELEMENT_TEST, "t")->nr_base, 2));
	cr_expect(lt(dbl, fabs(element(ELEMENT_TEST, "t")->base - 5e7), 1));
}

/* ---- runs that left files out --------------------------------------------------------------- */

/* A test of a file of its own, so that files can be left out. */
static void add_test_of(const char *id, double cpu_ns, const char *rest)
{
	say("%s{\"id\": \"%s\", \"file\": \"spec/%s_spec.lua\", \"full_name\": \"%s\", "
	    "\"line\": 1, \"status\": \"success\", \"cpu_ns\": %.0f%s}",
	    first_test ? "" : ", ", id, id, id, cpu_ns, rest);
	first_test = false;
}

/* Ends a profile that left @file out. */
static void end_partial(enum side side, const char *file)
{
	say("], \"skipped_files\": [\"spec/zzz_spec.lua\", \"%s\"]}", file);
	cr_assert(eq(int, compare_add(c, side, text.data, text.len, &why), 0), "%s", why.data);
}

/* Pairs of "a" and "b", then of "b" alone, which is @slower and costs @alone times as much there.
 */
static void add_whole_and_partial(unsigned whole, unsigned partial, double slower, double alone)
{
	for (unsigned i = 0; i < 2 * (whole + partial); i++) {
		enum side side = (i % 4 == 1 || i % 4 == 2) ? SIDE_HEAD : SIDE_BASE;
		double b = 2e7 * wobble(i + 5) * (side == SIDE_HEAD ? slower : 1);

		begin_profile(i);
		if (i < 2 * whole) {
			add_test_of("a", 1e7 * wobble(i), "");
			add_test_of("b", b, "");
			end_profile(side);
		} else {
			add_test_of("b", b * alone, "");
			end_partial(side, "spec/a_spec.lua");
		}
	}
}

static const struct element *file_element(const char *file)
{
	for (size_t i = 0; i < seen->nr_elements; i++)
		if (seen->elements[i].kind == ELEMENT_FILE &&
		    strcmp(seen->elements[i].test.file, file) == 0)
			return &seen->elements[i];
	cr_assert(false, "no file '%s'", file);
	return NULL;
}

Test(compare, pairs_without_a_file_count_for_the_others_alone)
{
	add_whole_and_partial(6, 10, 1.15, 1);
	judge();
	cr_expect(eq(sz, seen->nr_pairs, 16));
	cr_expect(eq(sz, seen->nr_whole_pairs, 6));
	cr_expect(eq(sz, element(ELEMENT_SUITE, "")->nr_base, 6));
	cr_expect(eq(sz, element(ELEMENT_TEST, "a")->nr_base, 6));
	cr_expect(eq(sz, element(ELEMENT_TEST, "b")->nr_base, 16));
	cr_expect(eq(sz, file_element("spec/a_spec.lua")->nr_base, 6));
	cr_expect(eq(sz, file_element("spec/b_spec.lua")->nr_head, 16));
	cr_expect(eq(int, verdict_of("a"), VERDICT_SAME));
	cr_expect(eq(int, verdict_of("b"), VERDICT_SLOWER));
	cr_expect(eq(sz, seen->nr_left_out, 0));
	cr_expect(eq(sz, seen->nr_added + seen->nr_removed, 0));
	cr_expect(eq(sz, seen->nr_notes, 0));
}

Test(compare, a_test_that_costs_something_else_without_other_files_is_noted)
{
	add_whole_and_partial(10, 10, 1, 1.2);
	judge();
	cr_assert(eq(sz, seen->nr_notes, 1));
	cr_expect_str_eq(seen->notes[0],
			 "1 test costs something else in the later pairs, which left "
			 "other files out: the first is 'b', +20 %");
	cr_expect(eq(int, verdict_of("b"), VERDICT_SAME));
}

Test(compare, a_test_that_fails_without_other_files_is_judged_by_whole_runs)
{
	add_whole_and_partial(10, 10, 1, 1);
	for (unsigned i = 40; i < 44; i++) {
		begin_profile(i);
		add_test_of("b", 2e7, ", \"status\": \"failure\"");
		end_partial(i % 4 == 1 || i % 4 == 2 ? SIDE_HEAD : SIDE_BASE, "spec/a_spec.lua");
	}
	judge();
	cr_expect(eq(sz, seen->nr_left_out, 0));
	cr_expect(eq(sz, element(ELEMENT_TEST, "b")->nr_base, 10));
	cr_assert(eq(sz, seen->nr_notes, 1));
	cr_expect_str_eq(seen->notes[0],
			 "1 test fails where other files do not run: only runs of the "
			 "whole suite count; the first is 'b'");
}

Test(compare, files_in_which_all_is_decided_need_no_more_pairs)
{
	const char **files;
	size_t nr;

	for (unsigned i = 0; i < 20; i++) {
		begin_profile(i);
		add_test_of("a", 1e9 * wobble(i), "");
		add_test_of("b", 1e7 * (1 + (i * 37 % 11) / 5.0), "");
		end_profile(i % 2 ? SIDE_HEAD : SIDE_BASE);
	}
	judge();
	cr_expect(eq(int, verdict_of("a"), VERDICT_SAME));
	cr_expect(eq(int, verdict_of("b"), VERDICT_NOISY));
	cr_expect(eq(int, element(ELEMENT_SUITE, "")->verdict, VERDICT_SAME));
	cr_assert(eq(int, compare_decided_files(c, &files, &nr), 0));
	cr_assert(eq(sz, nr, 1));
	cr_expect_str_eq(files[0], "spec/a_spec.lua");
	free(files);
}

Test(compare, all_files_run_where_no_test_is_undecided)
{
	const char **files;
	size_t nr;

	add_pairs(10, 1);
	judge();
	cr_assert(eq(int, compare_decided_files(c, &files, &nr), 0));
	cr_expect(eq(sz, nr, 0));
	free(files);
}

Test(compare, tests_that_were_always_disturbed_are_undecided)
{
	const char **files;
	size_t nr;

	for (unsigned i = 0; i < 20; i++) {
		begin_profile(i);
		add_test_of("a", 1e7 * wobble(i), "");
		add_test_of("b", 1e7, ", \"disturbed\": true");
		end_profile(i % 2 ? SIDE_HEAD : SIDE_BASE);
	}
	judge();
	cr_assert(eq(sz, seen->nr_left_out, 0));
	cr_expect(eq(int, verdict_of("b"), VERDICT_NOISY));
	cr_expect(element(ELEMENT_TEST, "b")->disturbed);
	cr_expect(eq(sz, seen->nr_undecided, 1));
	cr_assert(eq(int, compare_decided_files(c, &files, &nr), 0));
	cr_assert(eq(sz, nr, 1));
	cr_expect_str_eq(files[0], "spec/a_spec.lua");
	free(files);
}

/* ---- runs that were counted, beside times --------------------------------------------------- */

static void add_counted(enum side side, const char *cpu, long long t, bool repeats,
			const char *kind)
{
	char rest[160];

	buf_reset(&text);
	first_test = true;
	say("{\"schema\": \"bprof-perf/profile/1\", \"complete\": true, \"started_at\": "
	    "\"2026-11-20T10:00:0%d.000Z\", \"hardware\": {\"cpu\": \"%s\"}, \"runtimes\": "
	    "[{\"kind\": \"%s\", \"version\": \"2.1\"}], \"tests\": [",
	    side, cpu, kind);
	snprintf(rest, sizeof(rest),
		 ", \"meters\": {\"vm_instructions\": %lld}, \"vm_instructions_repeat\": %s", t,
		 repeats ? "true" : "false");
	/* a neighbour changes no count */
	strncat(rest, ", \"disturbed\": true", sizeof(rest) - strlen(rest) - 1);
	add_test(&(struct made){.id = "t", .cpu_ns = 9e9, .rest = rest});
	add_test(&(struct made){
		.id = "u", .cpu_ns = 9e9, .rest = ", \"vm_instructions_repeat\": null"});
	end_profile(side);
}

/* Time says nothing on a machine with too many neighbours; the count does. */
Test(compare, what_was_always_disturbed_fails_by_its_count)
{
	for (unsigned i = 0; i < 20; i++) {
		begin_profile(i);
		add_test_of("t", 1e7 * wobble(i), ", \"disturbed\": true");
		end_profile(i % 2 ? SIDE_HEAD : SIDE_BASE);
	}
	add_counted(SIDE_BASE, "a processor", 1000000, true, "luajit");
	add_counted(SIDE_HEAD, "a processor", 1200000, true, "luajit");
	judge();
	cr_expect(eq(int, verdict_of("t"), VERDICT_NOISY));
	cr_expect(element(ELEMENT_TEST, "t")->counted.fails);
	cr_expect(seen->gate_fails);
}

Test(compare, counted_runs_are_no_pairs_and_add_a_number_of_their_own)
{
	add_pairs(10, 1);
	add_counted(SIDE_BASE, "a processor", 1000000, true, "luajit");
	add_counted(SIDE_HEAD, "a processor", 1200000, true, "luajit");
	judge();
	cr_expect(eq(sz, seen->nr_pairs, 10));
	cr_expect(eq(int, seen->metric, METRIC_CPU));
	cr_expect(eq(sz, seen->nr_counted, 1));
	cr_expect(element(ELEMENT_TEST, "t")->counted.known);
	cr_expect(eq(int, element(ELEMENT_TEST, "t")->counted.verdict, VERDICT_SLOWER));
	cr_expect(eq(int, verdict_of("t"), VERDICT_SAME));
	cr_expect(not(seen->gate_fails), "time can tell, and says no");
	cr_expect(not(element(ELEMENT_TEST, "u")->counted.known));
	cr_expect_str_eq(element(ELEMENT_TEST, "u")->counted.why_not, "it was not counted in base");
}

Test(compare, where_time_is_too_noisy_what_was_counted_may_fail)
{
	for (unsigned i = 0; i < 20; i++) {
		begin_profile(i);
		add_test(&(struct made){.id = "t", .cpu_ns = 10e6 * (1 + (i * 37 % 11) / 5.0)});
		end_profile(i % 2 ? SIDE_HEAD : SIDE_BASE);
	}
	add_counted(SIDE_BASE, "a processor", 1000000, true, "luajit");
	add_counted(SIDE_HEAD, "a processor", 1200000, true, "luajit");
	judge();
	cr_expect(eq(int, verdict_of("t"), VERDICT_NOISY));
	cr_expect(element(ELEMENT_TEST, "t")->counted.fails);
	cr_expect(seen->gate_fails);
	cr_expect(eq(sz, seen->nr_failing, 0));
}

/* Six pairs: p is 1/64 at best, which is enough to call a test slower and not to fail a build. */
Test(compare, what_time_says_and_is_not_sure_enough_of_fails_by_its_count)
{
	add_pairs(6, 1.3);
	judge();
	cr_expect(eq(int, verdict_of("t"), VERDICT_SLOWER));
	cr_expect(not(seen->gate_fails));
	add_counted(SIDE_BASE, "a processor", 1000000, true, "luajit");
	add_counted(SIDE_HEAD, "a processor", 1300000, true, "luajit");
	judge();
	cr_expect(eq(int, verdict_of("t"), VERDICT_SLOWER));
	cr_expect(not(element(ELEMENT_TEST, "t")->fails));
	cr_expect(element(ELEMENT_TEST, "t")->counted.fails);
	cr_expect(not(element(ELEMENT_TEST, "t")->undecided));
	cr_expect(seen->gate_fails);
}

/* 8 % more time is not the 30 % of the count. */
Test(compare, what_time_says_less_of_does_not_fail_by_its_count)
{
	add_pairs(6, 1.08);
	add_counted(SIDE_BASE, "a processor", 1000000, true, "luajit");
	add_counted(SIDE_HEAD, "a processor", 1300000, true, "luajit");
	judge();
	cr_expect(eq(int, verdict_of("t"), VERDICT_SLOWER));
	cr_expect(not(element(ELEMENT_TEST, "t")->counted.fails));
	cr_expect(not(seen->gate_fails));
}

Test(compare, what_is_not_deterministic_is_said_and_not_compared)
{
	add_pairs(10, 1);
	add_counted(SIDE_BASE, "a processor", 1000000, true, "luajit");
	add_counted(SIDE_HEAD, "a processor", 1200000, false, "luajit");
	judge();
	cr_expect(not(element(ELEMENT_TEST, "t")->counted.known));
	cr_expect_str_eq(element(ELEMENT_TEST, "t")->counted.why_not,
			 "it is not deterministic in head");
}

Test(compare, why_nothing_was_counted_is_said)
{
	struct compare_opts told = usual;

	add_pairs(10, 1);
	judge();
	cr_expect_str_eq(seen->why_not_counted, "there are no runs with --mode=count");
	told.why_not_counted = "because";
	cr_assert(eq(int, compare_judge(c, &told, &seen), 0));
	cr_expect_str_eq(seen->why_not_counted, "because");
	add_counted(SIDE_BASE, "a processor", 1000000, true, "luajit");
	judge();
	cr_expect_str_eq(seen->why_not_counted, "only one side has runs with --mode=count");
	add_counted(SIDE_HEAD, "a processor", 1000000, true, "lua");
	judge();
	cr_expect_str_eq(seen->why_not_counted,
			 "instructions of different interpreters cannot be compared");
}

Test(compare, counted_runs_alone_are_compared_and_never_with_others)
{
	add_counted(SIDE_BASE, "a processor", 1000000, true, "luajit");
	begin_profile(0);
	add_test(&(struct made){.id = "t", .cpu_ns = 1e7});
	end_profile(SIDE_HEAD);
	cr_expect(eq(int, compare_judge(c, &usual, &seen), -EDOM));
	add_counted(SIDE_HEAD, "a processor", 1200000, true, "luajit");
	judge();
	cr_expect(eq(int, seen->metric, METRIC_VM_INSTRUCTIONS));
	cr_expect(zero(ptr, (void *)(uintptr_t)seen->why_not_counted));
}

/* ---- what is no profile -------------------------------------------------------------------- */

static void expect_refusal(const char *json, const char *sentence)
{
	buf_reset(&why);
	cr_expect(eq(int, compare_add(c, SIDE_BASE, json, strlen(json), &why), -EBADMSG), "%.60s",
		  json);
	cr_expect(strncmp(why.data ? why.data : "", sentence, strlen(sentence)) == 0, "%s",
		  why.data);
}

Test(compare, what_is_no_profile_is_refused_with_its_reason)
{
	expect_refusal("", "it is no JSON, or it is cut");
	expect_refusal("{\"schema\": \"bprof-perf/profile/1\", \"tests\": [", "it is no JSON");
	expect_refusal("hello", "it is no JSON");
	expect_refusal("{}", "it is JSON, but no profile of bprof-perf");
	expect_refusal("[]", "it is JSON, but no profile");
	expect_refusal("{\"schema\": 1}", "it is JSON, but no profile");
	expect_refusal("{\"schema\": \"other/1\"}", "it is JSON, but no profile");
	expect_refusal("{\"schema\": \"bprof-perf/profile/1\", \"tests\": [{\"file\": \"a\"}]}",
		       "a test has no id");
	expect_refusal("{\"tests\": [{\"id\": \"a\", \"cpu_ns\": -1}]}",
		       "a cost of a test is no count");
	expect_refusal("{\"tests\": [{\"id\": \"a\", \"cpu_ns\": 1e300}]}",
		       "a cost of a test is no count");
	expect_refusal("{\"tests\": [{\"id\": \"a\", \"cpu_ns\": 99999999999999999999999}]}",
		       "a cost of a test is no count");
	expect_refusal("{\"tests\": [{\"id\": \"\"}]}", "a test has an id of no valid length");
	expect_refusal("{\"schema\": \"bprof-perf/profile/1\"} trailing", "it is no JSON");
}

Test(compare, depth_without_end_is_refused)
{
	for (unsigned i = 0; i < 100000; i++)
		say("[");
	buf_reset(&why);
	cr_expect(eq(int, compare_add(c, SIDE_BASE, text.data, text.len, &why), -EBADMSG));
	cr_expect_str_eq(why.data, "it is nested deeper than any profile");
}

/* Keys that look like our paths, in places where they are none. */
Test(compare, keys_that_look_like_paths_are_only_keys)
{
	static const char json[] =
		"{\"schema\": \"bprof-perf/profile/1\", \"tests[].id\": \"x\", \"tests[].line\": 3, "
		"\"tests[].cpu_ns\": -3, \"tests[].incomplete\": true, \"tests\": [{\"id\": \"a\", "
		"\"status\": \"success\", \"cpu_ns\": 5, \"fixtures.cpu_ns\": 7, \"\": {\"id\": 1}}]}";

	cr_assert(eq(int, compare_add(c, SIDE_BASE, json, strlen(json), &why), 0), "%s", why.data);
	cr_expect(eq(sz, compare_nr_tests(c, SIDE_BASE), 1));
}

Test(compare, a_refused_profile_leaves_what_was_there)
{
	add_pairs(10, 1);
	expect_refusal("{\"schema\": \"bprof-perf/profile/1\", \"tests\": [{\"id\": \"z\"}",
		       "it is");
	judge();
	cr_expect(eq(sz, seen->nr_runs[SIDE_BASE], 10));
	cr_expect(eq(sz, seen->nr_added + seen->nr_removed, 0));
}
