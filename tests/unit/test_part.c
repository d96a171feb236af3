/* SPDX-License-Identifier: MIT */
/* Parts of a run: nothing is lost, nothing is counted twice. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "part.h"
#include "profiles.h"

struct sums {
	uint64_t samples, timed, wall_ns, self, nodes, last_ns;
};

static int count_sample(void *arg, const struct profile_sample *s)
{
	struct sums *sums = arg;

	cr_assert(ge(u64, s->time_ns, sums->last_ns), "in time order");
	sums->last_ns = s->time_ns;
	sums->timed++;
	cr_assert(gt(sz, s->stack->nr_prefix, 0));
	return 0;
}

static void check_links(const struct profile *p)
{
	for (size_t i = 0; i < p->nr_stacks; i++) {
		cr_assert(lt(u32, p->stacks[i].test, p->nr_tests));
		for (size_t k = 0; k < p->stacks[i].nr_frames; k++)
			cr_assert(lt(u32, p->stacks[i].frames[k].function, p->nr_functions));
	}
	for (size_t i = 0; i < p->nr_nodes; i++) {
		const struct profile_node *node = &p->nodes[i];

		cr_assert(ne(int, node->kind, NODE_SUITE));
		if (node->parent != UINT32_MAX)
			cr_assert(lt(u32, node->parent, i), "a parent comes first");
		if (node->kind == NODE_TEST)
			cr_assert(lt(u32, node->test, p->nr_tests));
	}
}

static void add_part(struct parts *parts, const uint32_t *tests, size_t nr, struct sums *sums)
{
	struct part *part;
	const struct profile *p;

	cr_assert(eq(int, part_make(parts, tests, nr, "some", &part), 0));
	p = part_profile(part);
	check_links(p);
	cr_assert(eq(sz, p->nr_tests, nr));
	cr_assert(eq(str, (char *)p->part, "some"));
	cr_assert(eq(u64, p->accounts.taken, p->accounts.in_tests));
	sums->samples += p->accounts.taken;
	for (size_t i = 0; i < p->nr_functions; i++) {
		sums->self += p->functions[i].self_samples;
		cr_assert(gt(u64, p->functions[i].total_samples, 0), "only functions it has");
	}
	if (p->phases[PHASE_TEST].costs.wall_ns != PROFILE_UNKNOWN)
		sums->wall_ns += p->phases[PHASE_TEST].costs.wall_ns;
	sums->last_ns = 0;
	if (p->each_sample)
		cr_assert(eq(int, p->each_sample(p, count_sample, sums), 0));
	part_free(part);
}

struct counted {
	const struct profile *profile;
	uint64_t timed;
};

static int count_in_tests(void *arg, const struct profile_sample *s)
{
	struct counted *counted = arg;

	counted->timed += s->stack->test < counted->profile->nr_tests;
	return 0;
}

static struct sums sums_of(const struct profile *p)
{
	struct counted counted = {.profile = p};
	struct sums sums = {0};

	for (size_t i = 0; i < p->nr_stacks; i++)
		if (p->stacks[i].test < p->nr_tests) {
			sums.samples += p->stacks[i].samples;
			sums.self += p->stacks[i].nr_frames ? p->stacks[i].samples : 0;
		}
	for (size_t i = 0; i < p->nr_tests; i++)
		if (p->tests[i].body.wall_ns != PROFILE_UNKNOWN)
			sums.wall_ns += p->tests[i].body.wall_ns;
	if (p->each_sample)
		p->each_sample(p, count_in_tests, &counted);
	sums.timed = counted.timed;
	return sums;
}

static void expect_equal(const char *name, const struct sums *a, const struct sums *b)
{
	cr_expect(eq(u64, a->samples, b->samples), "%s", name);
	cr_expect(eq(u64, a->timed, b->timed), "%s", name);
	cr_expect(eq(u64, a->wall_ns, b->wall_ns), "%s", name);
	cr_expect(eq(u64, a->self, b->self), "%s", name);
}

Test(part, all_tests_one_by_one_are_the_whole)
{
	for (const struct profile_case *c = profile_cases; c->name; c++) {
		const struct profile *p = c->make();
		struct sums parts_sums = {0}, whole = sums_of(p);
		struct parts *parts;

		cr_assert(eq(int, parts_new(p, &parts), 0));
		for (uint32_t t = 0; t < p->nr_tests; t++)
			add_part(parts, &t, 1, &parts_sums);
		expect_equal(c->name, &parts_sums, &whole);
		parts_free(parts);
	}
}

Test(part, all_tests_at_once_are_the_whole_and_so_again)
{
	for (const struct profile_case *c = profile_cases; c->name; c++) {
		const struct profile *p = c->make();
		struct sums first = {0}, second = {0}, whole = sums_of(p);
		uint32_t tests[64];
		struct parts *parts;

		cr_assert(le(sz, p->nr_tests, 64));
		for (uint32_t t = 0; t < p->nr_tests; t++)
			tests[t] = t;
		cr_assert(eq(int, parts_new(p, &parts), 0));
		add_part(parts, tests, p->nr_tests, &first);
		add_part(parts, tests, p->nr_tests, &second);
		expect_equal(c->name, &first, &whole);
		expect_equal(c->name, &second, &whole);
		parts_free(parts);
	}
}

Test(part, of_no_tests_is_empty)
{
	const struct profile *p = profile_ordinary();
	struct sums sums = {0}, none = {0};
	struct parts *parts;

	cr_assert(eq(int, parts_new(p, &parts), 0));
	add_part(parts, NULL, 0, &sums);
	expect_equal("none", &sums, &none);
	parts_free(parts);
}

Test(part, what_only_a_whole_run_has_is_unknown)
{
	const struct profile *p = profile_ordinary();
	struct parts *parts;
	struct part *part;
	const uint32_t first = 0;

	cr_assert(eq(int, parts_new(p, &parts), 0));
	cr_assert(eq(int, part_make(parts, &first, 1, "test x", &part), 0));
	cr_expect(
		eq(u64, part_profile(part)->phases[PHASE_STARTUP].costs.wall_ns, PROFILE_UNKNOWN));
	cr_expect(eq(u64, part_profile(part)->accounts.truncated, PROFILE_UNKNOWN));
	cr_expect(eq(sz, part_profile(part)->nr_files, 1));
	cr_expect(eq(u64, part_profile(part)->files[0].loading.wall_ns, PROFILE_UNKNOWN));
	part_free(part);
	parts_free(parts);
}
