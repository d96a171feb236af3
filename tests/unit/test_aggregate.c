/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate.h"

/* Leaf first: objects 3 2 1 is 1 calling 2 calling 3. */
static void add(struct aggregate *a, uint64_t place, uint64_t time, size_t nr,
		const uint64_t *objects)
{
	struct bprof_frame frames[AGGREGATE_MAX_FRAMES];
	struct aggregate_sample s = {.time_ns = time,
				     .pid = 1,
				     .tid = 1,
				     .place = place,
				     .frames = frames,
				     .nr_frames = nr};

	memset(frames, 0, sizeof(frames));
	for (size_t i = 0; i < nr; i++)
		frames[i].object = objects[i];
	cr_assert(eq(int, aggregate_add(a, &s), 0));
}

Test(aggregate, equal_stacks_at_one_place_are_one)
{
	static const uint64_t deep[] = {3, 2, 1}, other[] = {4, 2, 1};
	const struct aggregate_stack *stacks;
	struct aggregate *a;
	size_t nr;

	cr_assert(eq(int, aggregate_new(100, &a), 0));
	add(a, 7, 1, 3, deep);
	add(a, 7, 2, 3, deep);
	add(a, 8, 3, 3, deep);
	add(a, 7, 4, 3, other);
	stacks = aggregate_stacks(a, &nr);
	cr_assert(eq(sz, nr, 3));
	cr_assert(eq(u64, stacks[0].samples, 2));
	cr_assert(eq(u64, stacks[1].samples, 1));
	cr_assert(eq(u64, stacks[1].place, 8));
	aggregate_contexts(a, &nr);
	cr_assert(eq(sz, nr, 4), "the rootward part is shared");
	aggregate_free(a);
}

Test(aggregate, a_stack_and_its_own_prefix_are_two)
{
	static const uint64_t deep[] = {2, 1}, shallow[] = {1};
	const struct aggregate_context *contexts;
	struct aggregate *a;
	size_t nr;

	cr_assert(eq(int, aggregate_new(100, &a), 0));
	add(a, 0, 1, 2, deep);
	add(a, 0, 2, 1, shallow);
	add(a, 0, 3, 0, NULL);
	aggregate_sum(a);
	contexts = aggregate_contexts(a, &nr);
	cr_assert(eq(sz, nr, 2));
	cr_assert(eq(u64, contexts[0].samples, 2), "in it and through it");
	cr_assert(eq(u64, contexts[1].samples, 1));
	aggregate_stacks(a, &nr);
	cr_assert(eq(sz, nr, 3));
	aggregate_free(a);
}

Test(aggregate, the_same_addresses_in_another_space_are_other_frames)
{
	struct bprof_frame frame = {.object = 5};
	struct aggregate_sample s = {.frames = &frame, .nr_frames = 1};
	struct aggregate *a;
	size_t nr;

	cr_assert(eq(int, aggregate_new(100, &a), 0));
	cr_assert(eq(int, aggregate_add(a, &s), 0));
	s.space = 1;
	cr_assert(eq(int, aggregate_add(a, &s), 0));
	aggregate_frames(a, &nr);
	cr_assert(eq(sz, nr, 2));
	aggregate_free(a);
}

Test(aggregate, times_come_out_in_order_and_stop_at_the_limit)
{
	static const uint64_t one[] = {1};
	const struct aggregate_timed *timed;
	struct aggregate *a;
	size_t nr;

	cr_assert(eq(int, aggregate_new(3, &a), 0));
	add(a, 0, 30, 1, one);
	add(a, 0, 10, 1, one);
	add(a, 0, 20, 1, one);
	add(a, 0, 5, 1, one);
	timed = aggregate_timed(a, &nr);
	cr_assert(eq(sz, nr, 3));
	cr_assert(eq(u64, timed[0].time_ns, 10));
	cr_assert(eq(u64, timed[2].time_ns, 30));
	cr_assert(eq(u64, aggregate_stacks(a, &nr)[0].samples, 4), "counted all the same");
	aggregate_free(a);
}

Test(aggregate, sums_hold_for_random_trees)
{
	const struct aggregate_context *contexts;
	const struct aggregate_stack *stacks;
	uint64_t roots = 0, all = 0;
	struct aggregate *a;
	size_t nr;

	srand(1);
	cr_assert(eq(int, aggregate_new(0, &a), 0));
	for (int i = 0; i < 20000; i++) {
		uint64_t objects[12];
		size_t depth = 1 + (size_t)rand() % 12;

		for (size_t k = 0; k < depth; k++)
			objects[k] = (uint64_t)rand() % 4;
		add(a, (uint64_t)rand() % 3, (uint64_t)i, depth, objects);
	}
	aggregate_sum(a);
	contexts = aggregate_contexts(a, &nr);
	for (size_t i = 0; i < nr; i++)
		roots += contexts[i].parent == AGGREGATE_ROOT ? contexts[i].samples : 0;
	stacks = aggregate_stacks(a, &nr);
	for (size_t i = 0; i < nr; i++)
		all += stacks[i].samples;
	cr_assert(eq(u64, roots, 20000));
	cr_assert(eq(u64, all, 20000));
	aggregate_free(a);
}
