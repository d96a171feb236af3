/* SPDX-License-Identifier: MIT */
#include "profile_build.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base.h"

#include "attribute/attribute.h"
#include "symbol/symbols.h"

static bool hash_failed; /* uthash reports a failed allocation only through this hook */
#define HASH_NONFATAL_OOM      1
#define uthash_nonfatal_oom(e) (hash_failed = true)
#include <uthash.h>

/* LuaJIT's vmstate: what the VM itself does (lj_obj.h, LJ_VMST_*, stored inverted). */
enum luajit_state {
	LUAJIT_STATE_C = -2,
	LUAJIT_STATE_GC = -3,
	LUAJIT_STATE_EXIT = -4,
	LUAJIT_STATE_RECORD = -5,
	LUAJIT_STATE_OPTIMISE = -6,
	LUAJIT_STATE_ASSEMBLE = -7,
};

#define PLACE_PHASE_BITS 8
#define OUTPUT_HANDLERS	 "busted/outputHandlers/"

/* Samples with a function at a line, once per sample. */
struct line_count {
	struct line_key {
		uint32_t function;
		int32_t line;
	} key;
	uint64_t samples;
	size_t stamp; /* stack it was last counted for */
	UT_hash_handle hh;
};

/* The names before the frames of a stack; shared by all stacks of one place. */
struct prefix {
	uint64_t place;
	const char **names;
	size_t nr;
	uint32_t test;
	UT_hash_handle hh;
};

struct profile_build {
	struct sample_accounts accounts;
	struct modes modes;
	bool luajit_seen, puc_seen;
	bool counters_seen, ended;
	uint64_t counters[BPROF_NR_COUNTERS];
	uint64_t malformed;
	struct bprof_end end;

	struct symbols *symbols;
	struct aggregate *aggregate;
	struct symbol_frame *resolved; /* by frame index */
	struct stack_frame *frames;    /* of all stacks, one block */
	struct profile_stack *stacks;
	struct prefix *prefixes;
	struct line_count *lines;
	uint64_t start_ns;
	char **strings; /* made here, freed at the end */
	size_t nr_strings, size_strings;
};

int profile_build_new(struct profile_build **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void profile_build_free(struct profile_build *b)
{
	struct prefix *p, *next_prefix;
	struct line_count *l, *next_line;

	if (!b)
		return;
	HASH_ITER (hh, b->prefixes, p, next_prefix) {
		HASH_DEL(b->prefixes, p);
		free(p->names);
		free(p);
	}
	HASH_ITER (hh, b->lines, l, next_line) {
		HASH_DEL(b->lines, l);
		free(l);
	}
	for (size_t i = 0; i < b->nr_strings; i++)
		free(b->strings[i]);
	free(b->strings);
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

static bool has_own_state(const struct bprof_sample *s)
{
	return s->family == BPROF_FAMILY_LUAJIT && s->vmstate <= LUAJIT_STATE_GC &&
	       s->vmstate >= LUAJIT_STATE_ASSEMBLE;
}

static bool is_unresolved(const struct bprof_sample *s)
{
	switch ((enum bprof_walk_status)s->status) {
	case BPROF_WALK_OK:
	case BPROF_WALK_NO_VM:
	case BPROF_WALK_IDLE:
	case BPROF_WALK_TRUNCATED:
		return false;
	default:
		return true;
	}
}

size_t profile_build_frames(const struct bprof_sample *s, const struct bprof_frame *frames,
			    struct bprof_frame ret[AGGREGATE_MAX_FRAMES])
{
	size_t nr = 0;

	if (s->nr_frames && has_own_state(s))
		ret[nr++] = pseudo_frame(AGGREGATE_STATE, (uint64_t)-s->vmstate);
	if (!s->nr_frames && s->flags & BPROF_SAMPLE_KERNEL)
		ret[nr++] = pseudo_frame(AGGREGATE_KERNEL, 0);
	else if (!s->nr_frames)
		ret[nr++] = pseudo_frame(AGGREGATE_ADDRESS, s->ip);
	memcpy(ret + nr, frames, s->nr_frames * sizeof(*frames));
	nr += s->nr_frames;
	/* a leaf without proof has its own frame; every other doubt is about the root side */
	if ((is_unresolved(s) && s->status != BPROF_WALK_NO_LEAF) ||
	    s->status == BPROF_WALK_TRUNCATED)
		ret[nr++] = pseudo_frame(AGGREGATE_STATUS, s->status);
	if (!s->nr_frames)
		ret[nr++] = pseudo_frame(AGGREGATE_PROCESS, 0);
	return nr;
}

uint64_t profile_build_place(uint32_t node, enum phase phase)
{
	return (uint64_t)node << PLACE_PHASE_BITS | (uint64_t)phase;
}

static void count_mode(struct profile_build *b, const struct bprof_sample *s,
		       const struct bprof_frame *frames)
{
	bool in_c = s->nr_frames && !(frames[0].flags & (BPROF_FRAME_LUA | BPROF_FRAME_UNKNOWN));

	b->luajit_seen |= s->family == BPROF_FAMILY_LUAJIT;
	b->puc_seen |= s->family == BPROF_FAMILY_PUC;
	if (s->flags & BPROF_SAMPLE_KERNEL)
		b->modes.kernel++;
	else if (s->status == BPROF_WALK_NO_VM || s->status == BPROF_WALK_IDLE)
		b->modes.native++;
	else if (s->family == BPROF_FAMILY_LUAJIT && s->vmstate == LUAJIT_STATE_GC)
		b->modes.gc++;
	else if (s->family == BPROF_FAMILY_LUAJIT && s->vmstate <= LUAJIT_STATE_RECORD &&
		 s->vmstate >= LUAJIT_STATE_ASSEMBLE)
		b->modes.compiler++;
	else if (s->flags & BPROF_SAMPLE_ON_TRACE)
		b->modes.jit++;
	else if (in_c && !(s->flags & BPROF_SAMPLE_IN_VM))
		b->modes.c++;
	else
		b->modes.interpreter++;
}

void profile_build_count(struct profile_build *b, const struct bprof_sample *s,
			 const struct bprof_frame *frames, bool in_test)
{
	b->accounts.by_status[s->status]++;
	if (s->status == BPROF_WALK_TRUNCATED)
		b->accounts.truncated++;
	if (is_unresolved(s))
		b->accounts.unresolved++;
	else if (in_test)
		b->accounts.in_tests++;
	else
		b->accounts.outside_tests++;
	count_mode(b, s, frames);
}

void profile_build_malformed(struct profile_build *b)
{
	b->malformed++;
}

void profile_build_counters(struct profile_build *b, const struct bprof_counters *counters)
{
	memcpy(b->counters, counters->value, sizeof(b->counters));
	b->counters_seen = true;
}

void profile_build_end(struct profile_build *b, const struct bprof_end *end)
{
	b->end = *end;
	b->ended = true;
}

/* ---- names --------------------------------------------------------------------------------- */

static const char *state_marker(uint64_t inverted_state)
{
	switch (-(int)inverted_state) {
	case LUAJIT_STATE_GC:
		return "[gc]";
	case LUAJIT_STATE_EXIT:
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

static enum phase phase_of_place(uint64_t place)
{
	return (enum phase)(place & ((1U << PLACE_PHASE_BITS) - 1));
}

static uint32_t node_of_place(uint64_t place)
{
	return (uint32_t)(place >> PLACE_PHASE_BITS);
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
		s->phase = attribute_final_phase(a, phase_of_place(stacks[i].place));
		if (s->phase == PHASE_BUSTED && is_output(b, functions, contexts, context))
			s->phase = PHASE_OUTPUT;
		attribute_count(a, node_of_place(stacks[i].place), s->phase, s->samples);
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

/* ---- places -------------------------------------------------------------------------------- */

static const char *keep(struct profile_build *b, char *s)
{
	if (s && b->nr_strings == b->size_strings) {
		size_t size = b->size_strings ? 2 * b->size_strings : 256;
		char **grown = reallocarray(b->strings, size, sizeof(*grown));

		if (!grown) {
			free(s);
			return NULL;
		}
		b->strings = grown;
		b->size_strings = size;
	}
	if (s)
		b->strings[b->nr_strings++] = s;
	return s;
}

static const char *bracketed(struct profile_build *b, const char *name)
{
	char *s;

	return asprintf(&s, "[%s]", name ? name : "?") < 0 ? NULL : keep(b, s);
}

static const char *node_name(struct profile_build *b, const struct profile *p,
			     const struct profile_node *n)
{
	const struct test *t;
	char *s;

	if (n->kind == NODE_FIXTURE)
		return bracketed(b, n->name);
	if (n->kind != NODE_TEST || n->test >= p->nr_tests)
		return n->name && n->name[0] ? n->name : "describe";
	t = &p->tests[n->test];
	if (t->line > 0 && asprintf(&s, "it %s (%s:%d)", t->name,
				    t->source && t->source[0] ? t->source : t->file, t->line) >= 0)
		return keep(b, s);
	return asprintf(&s, "it %s (%s)", t->name, t->file) < 0 ? NULL : keep(b, s);
}

static bool is_named(enum node_kind kind)
{
	return kind == NODE_FILE || kind == NODE_DESCRIBE || kind == NODE_TEST ||
	       kind == NODE_FIXTURE;
}

static int build_prefix(struct profile_build *b, const struct profile *p, uint32_t node,
			enum phase phase, struct prefix *ret)
{
	bool outside = phase != PHASE_TEST && phase != PHASE_TEST_FIXTURE;
	size_t depth = 0, at;

	ret->test = UINT32_MAX;
	for (uint32_t n = node; n < p->nr_nodes; n = p->nodes[n].parent)
		depth += is_named(p->nodes[n].kind);
	ret->nr = phase == PHASE_PROGRAM ? 0 : depth + (outside ? 2 : 0);
	ret->names = calloc(ret->nr + 1, sizeof(*ret->names));
	if (!ret->names)
		return -ENOMEM;
	if (phase == PHASE_PROGRAM)
		return 0;
	at = ret->nr;
	for (uint32_t n = node; n < p->nr_nodes; n = p->nodes[n].parent) {
		if (!outside && p->nodes[n].kind == NODE_TEST && ret->test == UINT32_MAX)
			ret->test = p->nodes[n].test;
		if (is_named(p->nodes[n].kind))
			ret->names[--at] = node_name(b, p, &p->nodes[n]);
	}
	if (outside) {
		ret->names[0] = "[outside tests]";
		ret->names[1] = bracketed(b, phase_name(phase));
	}
	for (at = 0; at < ret->nr; at++)
		if (!ret->names[at])
			return -ENOMEM;
	return 0;
}

static int place_stacks(struct profile_build *b, const struct profile *p)
{
	size_t nr_stacks;
	const struct aggregate_stack *stacks = aggregate_stacks(b->aggregate, &nr_stacks);

	for (size_t i = 0; i < nr_stacks; i++) {
		enum phase phase = b->stacks[i].phase;
		uint32_t node = node_of_place(stacks[i].place);
		uint64_t place = (uint64_t)node << PLACE_PHASE_BITS | (uint64_t)phase;
		struct prefix *prefix;
		int r;

		HASH_FIND(hh, b->prefixes, &place, sizeof(place), prefix);
		if (!prefix) {
			prefix = calloc(1, sizeof(*prefix));
			if (!prefix)
				return -ENOMEM;
			prefix->place = place;
			r = build_prefix(b, p, node, phase, prefix);
			hash_failed = r < 0;
			if (!hash_failed)
				HASH_ADD(hh, b->prefixes, place, sizeof(place), prefix);
			if (hash_failed) {
				free(prefix->names);
				free(prefix);
				return -ENOMEM;
			}
		}
		b->stacks[i].prefix = prefix->names;
		b->stacks[i].nr_prefix = prefix->nr;
		b->stacks[i].test = prefix->test;
	}
	return 0;
}

/* ---- functions ----------------------------------------------------------------------------- */

static int count_line(struct profile_build *b, const struct stack_frame *f, uint64_t samples,
		      size_t stamp)
{
	struct line_key key = {f->function, f->line};
	struct line_count *l;

	HASH_FIND(hh, b->lines, &key, sizeof(key), l);
	if (!l) {
		l = calloc(1, sizeof(*l));
		if (!l)
			return -ENOMEM;
		l->key = key;
		hash_failed = false;
		HASH_ADD(hh, b->lines, key, sizeof(key), l);
		if (hash_failed) {
			free(l);
			return -ENOMEM;
		}
	}
	if (l->stamp != stamp)
		l->samples += samples;
	l->stamp = stamp;
	return 0;
}

static int by_line(struct line_count *a, struct line_count *b)
{
	if (a->key.function != b->key.function)
		return (a->key.function > b->key.function) - (a->key.function < b->key.function);
	return (a->key.line > b->key.line) - (a->key.line < b->key.line);
}

static int give_lines(struct profile_build *b, struct function *functions, size_t nr_functions)
{
	HASH_SORT(b->lines, by_line);
	for (struct line_count *l = b->lines; l; l = l->hh.next)
		functions[l->key.function].nr_lines++;
	for (size_t i = 0; i < nr_functions; i++) {
		if (!functions[i].nr_lines)
			continue;
		functions[i].lines = calloc(functions[i].nr_lines, sizeof(*functions[i].lines));
		if (!functions[i].lines)
			return -ENOMEM;
		functions[i].nr_lines = 0;
	}
	for (struct line_count *l = b->lines; l; l = l->hh.next) {
		struct function *f = &functions[l->key.function];

		f->lines[f->nr_lines++] =
			(struct function_line){.line = l->key.line, .samples = l->samples};
	}
	return 0;
}

static int count_functions(struct profile_build *b, struct profile *p)
{
	size_t nr;
	struct function *functions = symbols_functions(b->symbols, &nr);
	CLEANUP(cleanup_free) size_t *stamp = calloc(nr + 1, sizeof(*stamp));

	if (!stamp)
		return -ENOMEM;
	for (size_t i = 0; i < p->nr_stacks; i++) {
		const struct profile_stack *s = &p->stacks[i];

		for (size_t k = 0; k < s->nr_frames; k++) {
			const struct stack_frame *f = &s->frames[k];

			if (stamp[f->function] != i + 1)
				functions[f->function].total_samples += s->samples;
			stamp[f->function] = i + 1;
			if (f->line > 0 && count_line(b, f, s->samples, i + 1) < 0)
				return -ENOMEM;
		}
		if (s->nr_frames)
			functions[s->frames[s->nr_frames - 1].function].self_samples += s->samples;
	}
	p->functions = functions;
	p->nr_functions = nr;
	return give_lines(b, functions, nr);
}

/* ---- the rest ------------------------------------------------------------------------------ */

static void fill_accounts(const struct profile_build *b, struct profile *p)
{
	struct sample_accounts *accounts = &p->accounts;
	uint64_t seen = b->accounts.in_tests + b->accounts.outside_tests + b->accounts.unresolved;

	*accounts = b->accounts;
	memcpy(p->counters, b->counters, sizeof(p->counters));
	p->counters[BPROF_COUNTER_MALFORMED] += b->malformed;
	accounts->taken = b->counters_seen ? b->counters[BPROF_COUNTER_TAKEN] : seen;
	/* what the kernel took and we do not have is lost, whichever way */
	accounts->lost = accounts->taken > seen ? accounts->taken - seen : 0;
	if (accounts->taken < seen)
		accounts->taken = seen;
	p->modes = b->modes;
	if (!b->luajit_seen) {
		p->modes.jit = PROFILE_UNKNOWN;
		p->modes.compiler = PROFILE_UNKNOWN;
		p->modes.gc = PROFILE_UNKNOWN;
	}
}

static void fill_end(const struct profile_build *b, const struct bprof_file_header *header,
		     struct profile *p)
{
	int status = (int)b->end.exit_status;

	p->started_at_ns = header->started_at_ns;
	p->complete = b->ended;
	p->wall_ns = b->ended ? b->end.wall_ns : PROFILE_UNKNOWN;
	p->cpu_ns = b->ended ? b->end.cpu_ns : PROFILE_UNKNOWN;
	p->exit_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

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
	if (!r)
		r = count_functions(b, p);
	if (r < 0)
		return r;
	fill_accounts(b, p);
	fill_end(b, header, p);
	p->each_sample = each_sample;
	p->each_sample_ctx = b;
	return 0;
}
