/* SPDX-License-Identifier: MIT */
#include "profile_build.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base.h"

#include "accounts.h"
#include "attribute/attribute.h"
#include "functions.h"
#include "sample_mode.h"
#include "places.h"
#include "symbol/symbols.h"

#define PLACE_PHASE_BITS 8
#define PLACE_MODE_BITS	 8
#define OUTPUT_HANDLERS	 "busted/outputHandlers/"

struct profile_build {
	struct symbols *symbols;
	struct aggregate *aggregate;
	struct places *places;
	struct symbol_frame *resolved; /* by frame index */
	struct stack_frame *frames;    /* of all stacks, one block */
	struct profile_stack *stacks;
	uint64_t start_ns;
};

int profile_build_new(struct profile_build **ret)
{
	struct profile_build *b = calloc(1, sizeof(*b));

	if (!b || places_new(&b->places) < 0) {
		free(b);
		return -ENOMEM;
	}
	*ret = b;
	return 0;
}

void profile_build_free(struct profile_build *b)
{
	if (!b)
		return;
	places_free(b->places);
	free(b->resolved);
	free(b->frames);
	free(b->stacks);
	free(b);
}

/* ---- while reading ------------------------------------------------------------------------- */

static struct bprof_frame pseudo_frame(enum aggregate_pseudo kind, uint64_t object)
{
	return (struct bprof_frame){.object = object, .flags = kind};
}

/* The VM works for itself: that is a leaf of its own. */
static bool is_own_work(enum mode mode)
{
	return mode >= MODE_GC && mode <= MODE_EXIT;
}

size_t profile_build_frames(const struct bprof_sample *s, const struct bprof_frame *frames,
			    struct bprof_frame ret[AGGREGATE_MAX_FRAMES])
{
	enum mode doing = mode_of_vm(s, frames);
	size_t nr = 0;

	if (s->nr_frames && is_own_work(doing))
		ret[nr++] = pseudo_frame(AGGREGATE_STATE, doing);
	if (!s->nr_frames && s->flags & BPROF_SAMPLE_KERNEL)
		ret[nr++] = pseudo_frame(AGGREGATE_KERNEL, 0);
	else if (!s->nr_frames)
		ret[nr++] = pseudo_frame(AGGREGATE_ADDRESS, s->ip);
	memcpy(ret + nr, frames, s->nr_frames * sizeof(*frames));
	nr += s->nr_frames;
	/* a leaf without proof has its own frame; every other doubt is about the root side */
	if ((accounts_unresolved(s) && s->status != BPROF_WALK_NO_LEAF) ||
	    s->status == BPROF_WALK_TRUNCATED)
		ret[nr++] = pseudo_frame(AGGREGATE_STATUS, s->status);
	if (!s->nr_frames)
		ret[nr++] = pseudo_frame(AGGREGATE_PROCESS, 0);
	return nr;
}

uint64_t profile_build_place(uint32_t node, enum phase phase, enum mode mode)
{
	return ((uint64_t)node << PLACE_PHASE_BITS | (uint64_t)phase) << PLACE_MODE_BITS |
	       (uint64_t)mode;
}

/* ---- names --------------------------------------------------------------------------------- */

static const char *state_marker(uint64_t mode)
{
	switch (mode) {
	case MODE_GC:
		return "[gc]";
	case MODE_EXIT:
		return "[trace exit]";
	default:
		return "[jit compiler]";
	}
}

static const char *status_marker(uint64_t status)
{
	static const char *const markers[] = {
#define BPROF_X(name, text, sentence) "[lua: " text "]",
		BPROF_WALK_STATUS_LIST(BPROF_X)
#undef BPROF_X
	};

	return status < ARRAY_SIZE(markers) ? markers[status] : "[lua: ?]";
}

static int resolve_frame(struct profile_build *b, const struct aggregate_frame *f,
			 struct symbol_frame *ret)
{
	const struct bprof_frame *frame = &f->frame;

	if (frame->flags & AGGREGATE_PROCESS)
		return symbols_process(b->symbols, f->space, ret);
	if (frame->flags & (AGGREGATE_ADDRESS | AGGREGATE_KERNEL))
		return symbols_address(b->symbols, f->space, frame->object,
				       frame->flags & AGGREGATE_KERNEL, ret);
	if (frame->flags & AGGREGATE_STATE)
		return symbols_marker(b->symbols, state_marker(frame->object), ret);
	if (frame->flags & AGGREGATE_STATUS)
		return symbols_marker(b->symbols, status_marker(frame->object), ret);
	if (frame->flags & BPROF_FRAME_UNKNOWN)
		return symbols_marker(b->symbols, status_marker(BPROF_WALK_NO_LEAF), ret);
	return symbols_frame(b->symbols, f->space, frame, ret);
}

static bool is_lua_or_c(const struct bprof_frame *f)
{
	return f->flags & (BPROF_FRAME_LUA | BPROF_FRAME_C | BPROF_FRAME_BUILTIN);
}

static int vote_for_names(struct profile_build *b, const struct aggregate_frame *frames,
			  const struct aggregate_context *contexts, size_t nr_contexts)
{
	for (size_t i = 0; i < nr_contexts; i++) {
		const struct aggregate_frame *callee = &frames[contexts[i].frame], *caller;
		uint32_t function = b->resolved[contexts[i].frame].function;
		int r;

		symbols_weigh(b->symbols, function, contexts[i].samples);
		if (contexts[i].parent == AGGREGATE_ROOT)
			continue;
		caller = &frames[contexts[contexts[i].parent].frame];
		if (!is_lua_or_c(&callee->frame) || !is_lua_or_c(&caller->frame))
			continue;
		r = symbols_name_by_call(b->symbols, callee->space, &caller->frame, &callee->frame,
					 function, contexts[i].samples);
		if (r < 0)
			return r;
	}
	return 0;
}

static int resolve_names(struct profile_build *b)
{
	size_t nr_frames, nr_contexts;
	const struct aggregate_frame *frames = aggregate_frames(b->aggregate, &nr_frames);
	const struct aggregate_context *contexts;
	int r = 0;

	aggregate_sum(b->aggregate);
	contexts = aggregate_contexts(b->aggregate, &nr_contexts);
	b->resolved = calloc(nr_frames + 1, sizeof(*b->resolved));
	if (!b->resolved)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < nr_frames; i++)
		r = resolve_frame(b, &frames[i], &b->resolved[i]);
	if (r == 0)
		r = vote_for_names(b, frames, contexts, nr_contexts);
	return r ? r : symbols_finish(b->symbols);
}

/* ---- stacks -------------------------------------------------------------------------------- */

static size_t depth_of(const struct aggregate_context *contexts, uint32_t context)
{
	size_t depth = 0;

	for (; context != AGGREGATE_ROOT; context = contexts[context].parent)
		depth++;
	return depth;
}

static uint32_t stack_flags(const struct bprof_frame *f)
{
	uint32_t flags = 0;

	if (f->flags >= AGGREGATE_PROCESS)
		return 0;
	if (f->flags & BPROF_FRAME_TRACE)
		flags |= STACK_FRAME_TRACE;
	if (f->flags & BPROF_FRAME_TAILCALL)
		flags |= STACK_FRAME_TAILCALL;
	if (f->flags & BPROF_FRAME_NEW_STATE)
		flags |= STACK_FRAME_NEW_STATE;
	return flags;
}

/* Where the user's own frames begin: behind the innermost busted.safe and its xpcall. */
static size_t first_shown(const struct profile_build *b, const struct function *functions,
			  const struct aggregate_context *contexts, uint32_t context, size_t depth)
{
	size_t at = depth;
	uint32_t leafward = AGGREGATE_ROOT;

	for (; context != AGGREGATE_ROOT; context = contexts[context].parent) {
		const struct symbol_frame *f = &b->resolved[contexts[context].frame];

		at--;
		if (f->is_safe) {
			const struct function *next =
				leafward == AGGREGATE_ROOT
					? NULL
					: &functions[b->resolved[contexts[leafward].frame]
							     .function];

			at++;
			if (next && next->kind == FUNCTION_C && !strcmp(next->name, "xpcall"))
				at++;
			return at;
		}
		leafward = context;
	}
	return 0;
}

static bool runs_user_code(enum phase phase)
{
	switch (phase) {
	case PHASE_TEST:
	case PHASE_TEST_FIXTURE:
	case PHASE_LOADING:
	case PHASE_DESCRIBE:
	case PHASE_FIXTURE:
		return true;
	default:
		return false;
	}
}

/* Output handlers run inside busted's own work; only the stack tells. */
static bool is_output(const struct profile_build *b, const struct function *functions,
		      const struct aggregate_context *contexts, uint32_t context)
{
	for (; context != AGGREGATE_ROOT; context = contexts[context].parent) {
		const struct symbol_frame *f = &b->resolved[contexts[context].frame];

		if (strstr(functions[f->function].file, OUTPUT_HANDLERS))
			return true;
	}
	return false;
}

static enum mode mode_of_place(uint64_t place)
{
	return (enum mode)(place & ((1U << PLACE_MODE_BITS) - 1));
}

static enum phase phase_of_place(uint64_t place)
{
	return (enum phase)(place >> PLACE_MODE_BITS & ((1U << PLACE_PHASE_BITS) - 1));
}

static uint32_t node_of_place(uint64_t place)
{
	return (uint32_t)(place >> (PLACE_MODE_BITS + PLACE_PHASE_BITS));
}

static int build_stacks(struct profile_build *b, struct attribute *a, struct profile *p)
{
	size_t nr_frames, nr_contexts, nr_stacks, nr_functions, total = 0;
	const struct aggregate_frame *frames = aggregate_frames(b->aggregate, &nr_frames);
	const struct aggregate_context *contexts = aggregate_contexts(b->aggregate, &nr_contexts);
	const struct aggregate_stack *stacks = aggregate_stacks(b->aggregate, &nr_stacks);
	const struct function *functions = symbols_functions(b->symbols, &nr_functions);
	struct stack_frame *next;

	for (size_t i = 0; i < nr_stacks; i++)
		total += depth_of(contexts, stacks[i].context);
	b->frames = calloc(total + 1, sizeof(*b->frames));
	b->stacks = calloc(nr_stacks + 1, sizeof(*b->stacks));
	if (!b->frames || !b->stacks)
		return -ENOMEM;
	next = b->frames;
	for (size_t i = 0; i < nr_stacks; i++) {
		uint32_t context = stacks[i].context;
		size_t depth = depth_of(contexts, context), skip = 0, at;
		struct profile_stack *s = &b->stacks[i];

		s->samples = stacks[i].samples;
		s->weight = stacks[i].weight;
		s->mode = mode_of_place(stacks[i].place);
		s->phase = attribute_final_phase(a, phase_of_place(stacks[i].place));
		if (s->phase == PHASE_BUSTED && is_output(b, functions, contexts, context))
			s->phase = PHASE_OUTPUT;
		attribute_count(a, node_of_place(stacks[i].place), s->phase, s->mode, s->samples,
				s->weight);
		if (runs_user_code(s->phase))
			skip = first_shown(b, functions, contexts, context, depth);
		s->frames = next;
		s->nr_frames = depth - skip;
		at = depth;
		for (; context != AGGREGATE_ROOT && at > skip; context = contexts[context].parent) {
			const struct symbol_frame *f = &b->resolved[contexts[context].frame];

			at--;
			next[at - skip] = (struct stack_frame){
				.function = f->function,
				.line = f->line,
				.flags = stack_flags(&frames[contexts[context].frame].frame),
			};
		}
		next += depth - skip;
	}
	p->stacks = b->stacks;
	p->nr_stacks = nr_stacks;
	return 0;
}

static int place_stacks(struct profile_build *b, const struct profile *p)
{
	size_t nr_stacks;
	const struct aggregate_stack *stacks = aggregate_stacks(b->aggregate, &nr_stacks);
	int r = 0;

	for (size_t i = 0; r == 0 && i < nr_stacks; i++)
		r = places_give(b->places, p, node_of_place(stacks[i].place), b->stacks[i].phase,
				&b->stacks[i]);
	return r;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static int each_sample(const struct profile *p,
		       int (*fn)(void *arg, const struct profile_sample *s), void *arg)
{
	struct profile_build *b = p->each_sample_ctx;
	size_t nr;
	const struct aggregate_timed *timed = aggregate_timed(b->aggregate, &nr);

	for (size_t i = 0; i < nr; i++) {
		struct profile_sample s = {
			.time_ns =
				timed[i].time_ns > b->start_ns ? timed[i].time_ns - b->start_ns : 0,
			.pid = timed[i].pid,
			.tid = timed[i].tid,
			.stack = &b->stacks[timed[i].stack],
		};
		int r = fn(arg, &s);

		if (r)
			return r;
	}
	return 0;
}

int profile_build_fill(struct profile_build *b, struct symbols *s, struct aggregate *g,
		       struct attribute *a, const struct bprof_file_header *header,
		       struct profile *p)
{
	int r;

	b->symbols = s;
	b->aggregate = g;
	b->start_ns = header->start_time_ns;
	r = resolve_names(b);
	if (!r)
		r = build_stacks(b, a, p);
	if (!r)
		r = attribute_fill(a, p);
	if (!r)
		r = place_stacks(b, p);
	p->functions = symbols_functions(s, &p->nr_functions);
	if (!r)
		r = functions_count(p);
	if (r < 0)
		return r;
	p->started_at_ns = header->started_at_ns;
	p->each_sample = each_sample;
	p->each_sample_ctx = b;
	return 0;
}
