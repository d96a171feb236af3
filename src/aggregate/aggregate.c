/* SPDX-License-Identifier: MIT */
#include "aggregate.h"

#include <errno.h>
#include <string.h>

#include <xxhash.h>

#include "base.h"

static bool hash_failed; /* uthash reports a failed allocation only through this hook */
#define HASH_NONFATAL_OOM	       1
#define uthash_nonfatal_oom(e)	       (hash_failed = true)
#define HASH_FUNCTION(key, len, value) ((value) = (unsigned)XXH3_64bits((key), (len)))
#include <uthash.h>

/* Suites repeat their stacks: this many whole stacks are remembered without walking the tree. */
#define MEMO_ENTRIES 16384

struct frame_entry {
	struct aggregate_frame key;
	uint32_t index;
	UT_hash_handle hh;
};

struct context_key {
	uint32_t parent, frame;
};

struct context_entry {
	struct context_key key;
	uint32_t index;
	UT_hash_handle hh;
};

struct stack_key {
	uint64_t place;
	uint32_t context;
	uint32_t zero; /* keys are hashed bytewise: no padding */
};

struct stack_entry {
	struct stack_key key;
	uint32_t index;
	UT_hash_handle hh;
};

struct memo {
	XXH128_hash_t hash;
	uint32_t context;
	bool used;
};

/* A growing array of one element type. */
struct table {
	void *data;
	size_t nr, size;
};

struct aggregate {
	struct frame_entry *frame_index;
	struct context_entry *context_index;
	struct stack_entry *stack_index;
	struct table frames, contexts, stacks, timed;
	size_t max_timed;
	bool timed_in_order;
	struct memo memo[MEMO_ENTRIES];
};

static void *table_add(struct table *t, size_t element)
{
	if (t->nr == t->size) {
		size_t size = t->size ? 2 * t->size : 256;
		void *grown = reallocarray(t->data, size, element);

		if (!grown)
			return NULL;
		t->data = grown;
		t->size = size;
	}
	return (char *)t->data + element * t->nr++;
}

int aggregate_new(size_t max_timed, struct aggregate **ret)
{
	struct aggregate *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->max_timed = max_timed;
	a->timed_in_order = true;
	*ret = a;
	return 0;
}

#define FREE_INDEX(type, head)                                                                     \
	do {                                                                                       \
		struct type *e_, *next_;                                                           \
		HASH_ITER (hh, (head), e_, next_) {                                                \
			HASH_DEL((head), e_);                                                      \
			free(e_);                                                                  \
		}                                                                                  \
	} while (0)

void aggregate_free(struct aggregate *a)
{
	if (!a)
		return;
	FREE_INDEX(frame_entry, a->frame_index);
	FREE_INDEX(context_entry, a->context_index);
	FREE_INDEX(stack_entry, a->stack_index);
	free(a->frames.data);
	free(a->contexts.data);
	free(a->stacks.data);
	free(a->timed.data);
	free(a);
}

static int intern_frame(struct aggregate *a, uint32_t space, const struct bprof_frame *frame,
			uint32_t *ret)
{
	struct aggregate_frame key, *added;
	struct frame_entry *e;

	memset(&key, 0, sizeof(key));
	key.space = space;
	key.frame = *frame;
	HASH_FIND(hh, a->frame_index, &key, sizeof(key), e);
	if (e) {
		*ret = e->index;
		return 0;
	}
	e = calloc(1, sizeof(*e));
	added = e ? table_add(&a->frames, sizeof(*added)) : NULL;
	if (!added) {
		free(e);
		return -ENOMEM;
	}
	*added = key;
	e->key = key;
	e->index = (uint32_t)(a->frames.nr - 1);
	*ret = e->index;
	hash_failed = false;
	HASH_ADD(hh, a->frame_index, key, sizeof(key), e);
	if (hash_failed)
		free(e);
	return hash_failed ? -ENOMEM : 0;
}

static int intern_context(struct aggregate *a, uint32_t parent, uint32_t frame, uint32_t *ret)
{
	struct context_key key = {parent, frame};
	struct aggregate_context *added;
	struct context_entry *e;

	HASH_FIND(hh, a->context_index, &key, sizeof(key), e);
	if (e) {
		*ret = e->index;
		return 0;
	}
	e = calloc(1, sizeof(*e));
	added = e ? table_add(&a->contexts, sizeof(*added)) : NULL;
	if (!added) {
		free(e);
		return -ENOMEM;
	}
	*added = (struct aggregate_context){.parent = parent, .frame = frame};
	e->key = key;
	e->index = (uint32_t)(a->contexts.nr - 1);
	*ret = e->index;
	hash_failed = false;
	HASH_ADD(hh, a->context_index, key, sizeof(key), e);
	if (hash_failed)
		free(e);
	return hash_failed ? -ENOMEM : 0;
}

static int context_of(struct aggregate *a, const struct aggregate_sample *s, uint32_t *ret)
{
	XXH128_hash_t hash =
		XXH3_128bits_withSeed(s->frames, s->nr_frames * sizeof(*s->frames), s->space);
	struct memo *memo = &a->memo[hash.low64 % MEMO_ENTRIES];
	uint32_t context = AGGREGATE_ROOT, frame;
	int r;

	if (memo->used && memo->hash.low64 == hash.low64 && memo->hash.high64 == hash.high64) {
		*ret = memo->context;
		return 0;
	}
	for (size_t i = s->nr_frames; i-- > 0;) {
		r = intern_frame(a, s->space, &s->frames[i], &frame);
		if (r == 0)
			r = intern_context(a, context, frame, &context);
		if (r < 0)
			return r;
	}
	*memo = (struct memo){.hash = hash, .context = context, .used = true};
	*ret = context;
	return 0;
}

static int intern_stack(struct aggregate *a, uint32_t context, uint64_t place, uint32_t *ret)
{
	struct stack_key key = {.place = place, .context = context};
	struct aggregate_stack *added;
	struct stack_entry *e;

	HASH_FIND(hh, a->stack_index, &key, sizeof(key), e);
	if (e) {
		*ret = e->index;
		return 0;
	}
	e = calloc(1, sizeof(*e));
	added = e ? table_add(&a->stacks, sizeof(*added)) : NULL;
	if (!added) {
		free(e);
		return -ENOMEM;
	}
	*added = (struct aggregate_stack){.context = context, .place = place};
	e->key = key;
	e->index = (uint32_t)(a->stacks.nr - 1);
	*ret = e->index;
	hash_failed = false;
	HASH_ADD(hh, a->stack_index, key, sizeof(key), e);
	if (hash_failed)
		free(e);
	return hash_failed ? -ENOMEM : 0;
}

static int keep_time(struct aggregate *a, const struct aggregate_sample *s, uint32_t stack)
{
	struct aggregate_timed *added, *all;

	if (a->timed.nr >= a->max_timed)
		return 0;
	added = table_add(&a->timed, sizeof(*added));
	if (!added)
		return -ENOMEM;
	*added = (struct aggregate_timed){
		.time_ns = s->time_ns, .pid = s->pid, .tid = s->tid, .stack = stack};
	all = a->timed.data;
	if (a->timed.nr > 1 && all[a->timed.nr - 2].time_ns > s->time_ns)
		a->timed_in_order = false;
	return 0;
}

int aggregate_add(struct aggregate *a, const struct aggregate_sample *s)
{
	struct aggregate_stack *stacks;
	uint32_t context, stack;
	int r;

	r = context_of(a, s, &context);
	if (r == 0)
		r = intern_stack(a, context, s->place, &stack);
	if (r < 0)
		return r;
	stacks = a->stacks.data;
	stacks[stack].samples++;
	stacks[stack].weight += s->weight;
	return keep_time(a, s, stack);
}

void aggregate_sum(struct aggregate *a)
{
	struct aggregate_context *contexts = a->contexts.data;
	const struct aggregate_stack *stacks = a->stacks.data;

	for (size_t i = 0; i < a->contexts.nr; i++)
		contexts[i].samples = 0;
	for (size_t i = 0; i < a->stacks.nr; i++)
		if (stacks[i].context != AGGREGATE_ROOT)
			contexts[stacks[i].context].samples += stacks[i].samples;
	/* a parent is made before its children, so from the end each is complete when it is passed
	 * on */
	for (size_t i = a->contexts.nr; i-- > 0;)
		if (contexts[i].parent != AGGREGATE_ROOT)
			contexts[contexts[i].parent].samples += contexts[i].samples;
}

const struct aggregate_frame *aggregate_frames(const struct aggregate *a, size_t *ret_nr)
{
	*ret_nr = a->frames.nr;
	return a->frames.data;
}

const struct aggregate_context *aggregate_contexts(const struct aggregate *a, size_t *ret_nr)
{
	*ret_nr = a->contexts.nr;
	return a->contexts.data;
}

const struct aggregate_stack *aggregate_stacks(const struct aggregate *a, size_t *ret_nr)
{
	*ret_nr = a->stacks.nr;
	return a->stacks.data;
}

static int by_time(const void *a, const void *b)
{
	const struct aggregate_timed *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
	return (x->tid > y->tid) - (x->tid < y->tid);
}

const struct aggregate_timed *aggregate_timed(struct aggregate *a, size_t *ret_nr)
{
	if (!a->timed_in_order) {
		qsort(a->timed.data, a->timed.nr, sizeof(struct aggregate_timed), by_time);
		a->timed_in_order = true;
	}
	*ret_nr = a->timed.nr;
	return a->timed.data;
}
