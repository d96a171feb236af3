/* SPDX-License-Identifier: MIT */
/*
 * Self and total samples per function, and who called the innermost ones.
 *
 * One pass over the distinct stacks. A function that recurs counts once per stack: last_stack
 * remembers in which one it was counted.
 */
#include "tally.h"

#include <errno.h>

#include "base.h"

struct counting {
	struct view *view;
	struct tally *tally;
	struct id_map pairs; /* function and caller -> samples */
};

static int count_pair(struct counting *c, uint32_t function, uint32_t caller, uint64_t samples)
{
	bool fresh;
	uint64_t *sum = id_map_at(&c->pairs, (uint64_t)function << 32 | caller, &fresh);

	if (!sum)
		return -ENOMEM;
	*sum += samples;
	return 0;
}

static int count_stack(struct counting *c, size_t index)
{
	const struct profile_stack *stack = &c->view->profile->stacks[index];
	struct function_tally *functions = c->tally->functions;
	const struct view_frame *leaf;
	struct view_stack shown;
	int r = view_stack(c->view, stack, &shown);

	if (r < 0)
		return r;
	c->tally->samples += stack->samples;
	c->tally->weight += stack->weight;
	if (shown.nr == 0) {
		c->tally->empty += stack->samples;
		return 0;
	}
	for (size_t i = 0; i < shown.nr; i++) {
		struct function_tally *f = &functions[shown.frames[i].function];

		if (f->last_stack != index + 1) {
			f->total += stack->samples;
			f->total_weight += stack->weight;
		}
		f->last_stack = index + 1;
	}
	leaf = &shown.frames[shown.nr - 1];
	functions[leaf->function].self += stack->samples;
	functions[leaf->function].self_weight += stack->weight;
	return count_pair(c, leaf->function, shown.nr > 1 ? leaf[-1].function : TALLY_NO_CALLER,
			  stack->samples);
}

/* ---- order --------------------------------------------------------------------------------- */

static int compare_functions(const void *left, const void *right)
{
	const struct function_tally *a = left, *b = right;

	if (a->self != b->self)
		return a->self < b->self ? 1 : -1;
	if (a->total != b->total)
		return a->total < b->total ? 1 : -1;
	return (a->function > b->function) - (a->function < b->function);
}

static int compare_callers(const void *left, const void *right)
{
	const struct caller_tally *a = left, *b = right;

	if (a->function != b->function)
		return a->function < b->function ? -1 : 1;
	if (a->samples != b->samples)
		return a->samples < b->samples ? 1 : -1;
	return (a->caller > b->caller) - (a->caller < b->caller);
}

static int list_callers(struct counting *c)
{
	struct tally *t = c->tally;

	t->callers = reallocarray(NULL, c->pairs.used + 1, sizeof(*t->callers));
	if (!t->callers)
		return -ENOMEM;
	for (size_t i = 0; i < c->pairs.size; i++) {
		const struct id_map_entry *entry = &c->pairs.entries[i];

		if (entry->key == ID_MAP_NONE)
			continue;
		t->callers[t->nr_callers++] = (struct caller_tally){
			.function = (uint32_t)(entry->key >> 32),
			.caller = (uint32_t)entry->key,
			.samples = entry->value,
		};
	}
	qsort(t->callers, t->nr_callers, sizeof(*t->callers), compare_callers);
	return 0;
}

/* Keeps the functions that have samples. */
static void list_functions(struct tally *t, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (t->functions[i].total > 0)
			t->functions[t->nr_functions++] = t->functions[i];
	qsort(t->functions, t->nr_functions, sizeof(*t->functions), compare_functions);
}

int tally_compute(struct tally *ret, struct view *v)
{
	const struct profile *p = v->profile;
	struct counting c = {.view = v, .tally = ret};
	size_t nr = p->nr_functions + 1;
	int r = 0;

	*ret = (struct tally){.functions = calloc(nr, sizeof(*ret->functions))};
	if (!ret->functions)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++)
		ret->functions[i].function = (uint32_t)i;
	for (size_t i = 0; i < p->nr_stacks && r == 0; i++)
		r = count_stack(&c, i);
	if (r == 0)
		r = list_callers(&c);
	list_functions(ret, nr);
	id_map_done(&c.pairs);
	if (r < 0)
		tally_done(ret);
	return r;
}

void tally_done(struct tally *t)
{
	free(t->functions);
	free(t->callers);
	*t = (struct tally){0};
}
