/* SPDX-License-Identifier: MIT */
/*
 * Sampled frames as spans of the real threads.
 *
 * Consecutive samples of a thread are merged: what their stacks have in common from the root on
 *goes on, the rest ends and begins.
 *
 *	samples      |    |    |         |    |
 *	root frame   [==============]    [=========]     a gap: nobody knows, so nothing is drawn
 *	its callee   [=========]         [====]
 *	another                [====]         [====]
 *
 * A span ends at the next sample, or one period after the last one that had it. Spans never cross
 * the border of a test. Invariant: begins and ends of a thread are written in order and balanced,
 *and no span begins at the time another one ended.
 */
#include <errno.h>
#include <string.h>

#include "base.h"
#include "text.h"
#include "trace.h"
#include "view.h"

#define DEFAULT_PERIOD_NS 1000000
#define SMALLEST_GAP	  1 /* ns: what three decimals of a microsecond can tell */

struct thread {
	uint32_t pid, tid;
	uint64_t seen;	  /* samples, drawn or not */
	uint64_t last_ns; /* of the last one drawn */
	uint32_t test;	  /* where it was */
	enum phase phase;
	struct view_frame *open; /* root first */
	size_t nr_open, room;
};

/* A frame as it is written: JSON already, because each is written many times. */
struct frame_text {
	struct buf name, location;
};

struct frames {
	struct trace *trace;
	struct view view;
	uint64_t period_ns, max_spans;
	struct thread *threads;
	size_t nr_threads, room_threads;
	struct id_map by_thread, by_frame; /* -> index */
	struct frame_text *texts;
	size_t nr_texts, room_texts;
};

static void frames_done(struct frames *f)
{
	for (size_t i = 0; i < f->nr_threads; i++)
		free(f->threads[i].open);
	for (size_t i = 0; i < f->nr_texts; i++) {
		buf_done(&f->texts[i].name);
		buf_done(&f->texts[i].location);
	}
	free(f->threads);
	free(f->texts);
	id_map_done(&f->by_thread);
	id_map_done(&f->by_frame);
	view_done(&f->view);
}

/* ---- names --------------------------------------------------------------------------------- */

/* Where a Lua frame is, as Tracy reads it; stays empty for the others. */
static int make_location(const struct view *v, const struct view_frame *frame, struct buf *ret)
{
	const struct profile *p = v->profile;
	const struct function *function;

	if (frame->function >= p->nr_functions)
		return 0;
	function = &p->functions[frame->function];
	if (function->kind != FUNCTION_LUA && function->kind != FUNCTION_MAIN_CHUNK)
		return 0;
	return trace_add_location(ret, function->file,
				  frame->line > 0 ? frame->line : function->line);
}

static int make_text(const struct view *v, const struct view_frame *frame, struct frame_text *ret)
{
	struct buf plain;
	int r;

	buf_init(&plain, TEXT_MAX_BUFFER);
	buf_init(&ret->name, TEXT_MAX_BUFFER);
	buf_init(&ret->location, TEXT_MAX_BUFFER);
	r = view_add_text(v, frame, VIEW_PLAIN, &plain);
	if (r == 0)
		r = text_add_json(&ret->name, plain.data);
	if (r == 0)
		r = make_location(v, frame, &ret->location);
	buf_done(&plain);
	return r;
}

static int grow_texts(struct frames *f)
{
	size_t room = f->room_texts ? f->room_texts * 2 : 256;
	struct frame_text *texts;

	if (f->nr_texts < f->room_texts)
		return 0;
	texts = reallocarray(f->texts, room, sizeof(*texts));
	if (!texts)
		return -ENOMEM;
	f->texts = texts;
	f->room_texts = room;
	return 0;
}

/* What viewers may filter and colour by. */
static const char *category(const struct view *v, const struct view_frame *frame)
{
	const struct function *function;

	if (frame->function >= v->profile->nr_functions)
		return "framework";
	function = &v->profile->functions[frame->function];
	switch (function->kind) {
	case FUNCTION_LUA:
	case FUNCTION_MAIN_CHUNK:
		return frame->on_trace ? "lua,trace" : "lua";
	case FUNCTION_C:
		return "c";
	case FUNCTION_NATIVE:
		return "native";
	case FUNCTION_KERNEL:
		return "kernel";
	case FUNCTION_MARKER:
		break;
	}
	if (strcmp(function->name, "[gc]") == 0)
		return "gc";
	return strcmp(function->name, "[jit compiler]") == 0 ? "compiler" : "marker";
}

/* The text of @frame, or NULL with the failure noted. */
static const struct frame_text *frame_text(struct frames *f, const struct view_frame *frame)
{
	bool fresh;
	uint64_t *index = id_map_at(&f->by_frame, view_key(frame), &fresh);
	int r = index ? 0 : -ENOMEM;

	if (r == 0 && fresh) {
		r = grow_texts(f);
		if (r == 0)
			r = make_text(&f->view, frame, &f->texts[ *index = f->nr_texts++]);
	}
	writer_fail(f->trace->json.writer, r);
	return r < 0 ? NULL : &f->texts[*index];
}

/* ---- spans --------------------------------------------------------------------------------- */

static void write_edge(struct frames *f, const struct thread *thread, const char *phase,
		       const struct view_frame *frame, uint64_t ns)
{
	const struct frame_text *text = frame_text(f, frame);
	struct trace *t = f->trace;

	if (!text)
		return;
	trace_begin(t, phase, thread->pid, thread->tid);
	json_raw(&t->json, "name", text->name.data, text->name.len);
	trace_time(t, "ts", ns);
	if (*phase == 'B') {
		json_text(&t->json, "cat", category(&f->view, frame));
		if (text->location.len > 0)
			json_raw(&t->json, "loc", text->location.data, text->location.len);
	}
	trace_end(t);
}

static void close_spans(struct frames *f, struct thread *thread, size_t keep, uint64_t ns)
{
	while (thread->nr_open > keep)
		write_edge(f, thread, "E", &thread->open[--thread->nr_open], ns);
}

static int open_spans(struct frames *f, struct thread *thread, const struct view_stack *stack,
		      uint64_t ns)
{
	if (stack->nr > thread->room) {
		struct view_frame *open = reallocarray(thread->open, stack->nr, sizeof(*open));

		if (!open)
			return -ENOMEM;
		thread->open = open;
		thread->room = stack->nr;
	}
	while (thread->nr_open < stack->nr) {
		const struct view_frame *frame = &stack->frames[thread->nr_open];

		thread->open[thread->nr_open++] = *frame;
		write_edge(f, thread, "B", frame, ns);
		f->trace->nr_spans++;
	}
	return 0;
}

/* Frames from the root on that go on from the last sample to this one. */
static size_t common_frames(const struct frames *f, const struct thread *thread,
			    const struct profile_sample *s, const struct view_stack *stack)
{
	bool same_place = thread->test == s->stack->test && thread->phase == s->stack->phase;
	size_t nr = thread->nr_open < stack->nr ? thread->nr_open : stack->nr;
	size_t i = 0;

	/* A timer tick comes late now and then: two periods are still a row. */
	if (!same_place || s->time_ns - thread->last_ns > 2 * f->period_ns)
		return 0;
	while (i < nr && view_key(&thread->open[i]) == view_key(&stack->frames[i]))
		i++;
	return i;
}

/* One period after the last sample, but not beyond the run. */
static uint64_t latest_end(const struct frames *f, const struct thread *thread)
{
	uint64_t end = thread->last_ns + f->period_ns;
	uint64_t run = f->trace->profile->wall_ns;

	/* the time of a part is a sum, not an axis */
	if (!f->trace->profile->part && run != PROFILE_UNKNOWN && end > run)
		end = run > thread->last_ns ? run : thread->last_ns + 1;
	return end;
}

/*
 * Where spans end that the sample at @now does not continue: one nanosecond before it at the
 * latest. Where an end and a begin of the same name have the same time, speedscope takes the begin
 * first, and nothing nests from there on.
 */
static uint64_t end_before(const struct frames *f, const struct thread *thread, uint64_t now)
{
	uint64_t end = latest_end(f, thread);

	return end < now ? end : now - SMALLEST_GAP;
}

/* ---- samples ------------------------------------------------------------------------------- */

static struct thread *new_thread(struct frames *f, uint32_t pid, uint32_t tid)
{
	struct thread *thread;

	if (f->nr_threads == f->room_threads) {
		size_t room = f->room_threads ? f->room_threads * 2 : 16;
		struct thread *threads = reallocarray(f->threads, room, sizeof(*threads));

		if (!threads)
			return NULL;
		f->threads = threads;
		f->room_threads = room;
	}
	thread = &f->threads[f->nr_threads++];
	*thread = (struct thread){.pid = pid, .tid = tid};
	trace_name_process(f->trace, pid);
	trace_name(f->trace, "thread_name", pid, tid, pid == tid ? "main thread" : "thread");
	return thread;
}

static struct thread *find_thread(struct frames *f, uint32_t pid, uint32_t tid)
{
	bool fresh;
	uint64_t *index = id_map_at(&f->by_thread, (uint64_t)pid << 32 | tid, &fresh);

	if (!index)
		return NULL;
	if (!fresh)
		return &f->threads[*index];
	*index = f->nr_threads;
	return new_thread(f, pid, tid);
}

static int draw(struct frames *f, struct thread *thread, const struct profile_sample *s)
{
	struct view_stack stack;
	int r = view_stack(&f->view, s->stack, &stack);

	if (r < 0)
		return r;
	if (thread->nr_open > 0)
		close_spans(f, thread, common_frames(f, thread, s, &stack),
			    end_before(f, thread, s->time_ns));
	thread->last_ns = s->time_ns;
	thread->test = s->stack->test;
	thread->phase = s->stack->phase;
	return open_spans(f, thread, &stack, s->time_ns);
}

#define STOP_DRAWING 1

static int on_sample(void *arg, const struct profile_sample *s)
{
	struct frames *f = arg;
	struct trace *t = f->trace;
	struct thread *thread = find_thread(f, s->pid, s->tid);
	int r;

	if (!thread)
		return -ENOMEM;
	if (thread->seen++ % t->stride != 0)
		return 0;
	if (thread->nr_open > 0 && s->time_ns <= thread->last_ns + SMALLEST_GAP) {
		t->unordered++;
		return 0;
	}
	r = draw(f, thread, s);
	if (r == 0 && t->nr_spans >= f->max_spans) {
		t->cut = true;
		t->cut_at_ns = s->time_ns;
		return STOP_DRAWING;
	}
	return r < 0 ? r : t->json.writer->error;
}

static uint64_t sample_period(const struct profile *p)
{
	if (p->ns_per_sample != PROFILE_UNKNOWN && p->ns_per_sample > 0)
		return p->ns_per_sample;
	return p->frequency_hz > 0 ? UINT64_C(1000000000) / p->frequency_hz : DEFAULT_PERIOD_NS;
}

int trace_write_frames(struct trace *t)
{
	const struct profile *p = t->profile;
	struct frames f = {.trace = t};
	int r;

	if (!p->each_sample)
		return 0;
	r = view_init(&f.view, p, t->opts);
	if (r < 0)
		return r;
	t->stride = p->accounts.taken / TRACE_MAX_SAMPLES + 1;
	f.period_ns = sample_period(p) * t->stride;
	f.max_spans = t->opts->max_events ? t->opts->max_events : TRACE_MAX_SPANS;
	r = p->each_sample(p, on_sample, &f);
	for (size_t i = 0; i < f.nr_threads; i++)
		close_spans(&f, &f.threads[i], 0, latest_end(&f, &f.threads[i]));
	frames_done(&f);
	return r < 0 ? r : 0;
}
