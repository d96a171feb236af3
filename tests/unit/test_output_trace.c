/* SPDX-License-Identifier: MIT */
/*
 * Sampled frames as spans: whatever the samples are, begins and ends are balanced, in order, and
 * never last longer than the samples say.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <string.h>

#include <yajl/yajl_tree.h>

#include "base.h"
#include "output.h"

#define PERIOD	    1000000ULL
#define NR_THREADS  3
#define MAX_DEPTH   6
#define MAX_SAMPLES 200
#define PID	    100

static struct function functions[] = {
	{"a", "x.lua", 1, FUNCTION_LUA, false, 0, 0, NULL, 0, {0}, 0, 0},
	{"b", "x.lua", 2, FUNCTION_LUA, false, 0, 0, NULL, 0, {0}, 0, 0},
	{"c", "x.lua", 3, FUNCTION_LUA, false, 0, 0, NULL, 0, {0}, 0, 0},
};

/* A profile that is only samples. */
struct made {
	struct profile profile;
	struct profile_stack stacks[MAX_SAMPLES];
	struct stack_frame frames[MAX_SAMPLES][MAX_DEPTH];
	struct profile_sample samples[MAX_SAMPLES];
	size_t nr;
};

static int each(const struct profile *p, int (*fn)(void *arg, const struct profile_sample *s),
		void *arg)
{
	const struct made *m = p->each_sample_ctx;

	for (size_t i = 0; i < m->nr; i++) {
		int r = fn(arg, &m->samples[i]);

		if (r)
			return r;
	}
	return 0;
}

static struct made *made_new(void)
{
	struct made *m = calloc(1, sizeof(*m));

	m->profile = (struct profile){
		.functions = functions,
		.nr_functions = ARRAY_SIZE(functions),
		.wall_ns = 1000 * PERIOD,
		.ns_per_sample = PERIOD,
		.frequency_hz = 1000,
		.stacks = m->stacks,
		.each_sample = each,
		.each_sample_ctx = m,
	};
	return m;
}

/* A sample whose stack is written as letters, root first: "ab". */
static void add_sample(struct made *m, uint32_t tid, uint64_t time_ns, const char *stack,
		       uint32_t test)
{
	size_t i = m->nr++, depth = strlen(stack);

	for (size_t k = 0; k < depth; k++)
		m->frames[i][k] = (struct stack_frame){(uint32_t)(stack[k] - 'a'), 0, 0};
	m->stacks[i] = (struct profile_stack){.frames = m->frames[i],
					      .nr_frames = depth,
					      .test = test,
					      .phase = PHASE_TEST,
					      .samples = 1};
	m->samples[i] = (struct profile_sample){time_ns, PID, tid, &m->stacks[i]};
	m->profile.nr_stacks = m->nr;
	m->profile.accounts.taken = m->nr;
}

static yajl_val render(struct made *m, const struct output_opts *o)
{
	char *text = NULL, error[256] = "";
	size_t len;
	FILE *out = open_memstream(&text, &len);
	yajl_val root;

	cr_assert(eq(int, output_find("trace")->write(&m->profile, o, out), 0));
	fclose(out);
	root = yajl_tree_parse(text, error, sizeof(error));
	cr_assert(root != NULL, "%s", error);
	free(text);
	return root;
}

static yajl_val at(yajl_val object, const char *key)
{
	const char *path[] = {key, NULL};

	return yajl_tree_get(object, path, yajl_t_any);
}

static yajl_val events_of(yajl_val root)
{
	yajl_val events = at(root, "traceEvents");

	cr_assert(ne(int, YAJL_IS_ARRAY(events), 0));
	return events;
}

/* Nanoseconds of "12.345" microseconds. */
static uint64_t nanoseconds(yajl_val event)
{
	unsigned long long micros;
	unsigned thousandths;

	cr_assert(eq(int,
		     sscanf(YAJL_GET_NUMBER(at(event, "ts")), "%llu.%3u", &micros, &thousandths),
		     2));
	return micros * 1000 + thousandths;
}

/* "Ba0 Bb0 Eb1000 ...": edges of one thread, times in whole microseconds. */
static char *edges(struct made *m, uint32_t tid)
{
	static char text[4096];
	struct output_opts o = {0};
	yajl_val root = render(m, &o), events = events_of(root);
	size_t len = 0;

	text[0] = 0;
	for (size_t i = 0; i < YAJL_GET_ARRAY(events)->len; i++) {
		yajl_val event = YAJL_GET_ARRAY(events)->values[i];
		const char *phase = YAJL_GET_STRING(at(event, "ph"));

		if ((*phase != 'B' && *phase != 'E') ||
		    YAJL_GET_INTEGER(at(event, "tid")) != (long long)tid)
			continue;
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s%c%llu",
					len > 0 ? " " : "", phase,
					*YAJL_GET_STRING(at(event, "name")),
					(unsigned long long)(nanoseconds(event) + 500) / 1000);
	}
	yajl_tree_free(root);
	return text;
}

static void expect_edges(struct made *m, const char *expected)
{
	cr_expect(eq(str, edges(m, 1), (char *)expected));
	free(m);
}

Test(output_trace, what_two_samples_share_goes_on)
{
	struct made *m = made_new();

	add_sample(m, 1, 0, "ab", 0);
	add_sample(m, 1, PERIOD, "ac", 0);
	expect_edges(m, "Ba0 Bb0 Eb1000 Bc1000 Ec2000 Ea2000");
}

Test(output_trace, a_span_ends_one_period_after_its_last_sample)
{
	struct made *m = made_new();

	add_sample(m, 1, 0, "a", 0);
	add_sample(m, 1, 5 * PERIOD, "a", 0);
	expect_edges(m, "Ba0 Ea1000 Ba5000 Ea6000");
}

Test(output_trace, a_late_tick_does_not_break_a_span)
{
	struct made *m = made_new();

	add_sample(m, 1, 0, "ab", 0);
	add_sample(m, 1, PERIOD + PERIOD / 2, "ac", 0);
	expect_edges(m, "Ba0 Bb0 Eb1000 Bc1500 Ec2500 Ea2500");
}

Test(output_trace, spans_end_at_the_border_of_a_test)
{
	struct made *m = made_new();

	add_sample(m, 1, 0, "a", 0);
	add_sample(m, 1, PERIOD / 2, "a", 1);
	expect_edges(m, "Ba0 Ea500 Ba500 Ea1500");
}

Test(output_trace, recursion_nests)
{
	struct made *m = made_new();

	add_sample(m, 1, 0, "aaa", 0);
	add_sample(m, 1, PERIOD, "aa", 0);
	expect_edges(m, "Ba0 Ba0 Ba0 Ea1000 Ea2000 Ea2000");
}

Test(output_trace, samples_that_do_not_move_on_in_time_are_counted_and_not_drawn)
{
	struct made *m = made_new();
	struct output_opts o = {0};
	yajl_val root;

	add_sample(m, 1, PERIOD, "a", 0);
	add_sample(m, 1, PERIOD, "b", 0);
	add_sample(m, 1, 0, "c", 0);
	root = render(m, &o);
	cr_expect(
		eq(int, (int)YAJL_GET_INTEGER(at(at(root, "otherData"), "samples_not_drawn")), 2));
	yajl_tree_free(root);
	expect_edges(m, "Ba1000 Ea2000");
}

Test(output_trace, no_span_goes_beyond_the_run)
{
	struct made *m = made_new();

	m->profile.wall_ns = PERIOD / 4;
	add_sample(m, 1, 0, "a", 0);
	expect_edges(m, "Ba0 Ea250");
}

/* ---- any samples at all -------------------------------------------------------------------- */

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static struct made *random_profile(uint32_t seed)
{
	uint32_t state = seed;
	struct made *m = made_new();
	uint64_t now = 0;

	for (size_t i = 0; i < MAX_SAMPLES; i++) {
		char stack[MAX_DEPTH + 1] = "";
		size_t depth = next_random(&state) % (MAX_DEPTH + 1);

		for (size_t k = 0; k < depth; k++)
			stack[k] = (char)('a' + next_random(&state) % 3);
		now += next_random(&state) % (2 * PERIOD);
		add_sample(m, 1 + next_random(&state) % NR_THREADS, now, stack,
			   next_random(&state) % 2);
	}
	return m;
}

struct open_spans {
	const char *names[MAX_DEPTH];
	uint64_t starts[MAX_DEPTH];
	size_t nr;
	uint64_t last_ns, last_end_ns;
};

static void follow(struct open_spans *open, yajl_val event)
{
	const char *name = YAJL_GET_STRING(at(event, "name"));
	uint64_t ns = nanoseconds(event);

	cr_assert(ge(u64, ns, open->last_ns));
	open->last_ns = ns;
	if (*YAJL_GET_STRING(at(event, "ph")) == 'B') {
		cr_assert(lt(sz, open->nr, MAX_DEPTH));
		cr_assert(ge(u64, ns, open->last_end_ns + (open->last_end_ns > 0)));
		open->names[open->nr] = name;
		open->starts[open->nr++] = ns;
		return;
	}
	cr_assert(gt(sz, open->nr, 0));
	open->nr--;
	open->last_end_ns = ns;
	cr_assert(eq(str, (char *)name, (char *)open->names[open->nr]));
	cr_assert(gt(u64, ns, open->starts[open->nr]));
	cr_assert(at(event, "args") == NULL);
}

Test(output_trace, spans_of_random_samples_are_balanced_ordered_and_never_empty)
{
	for (uint32_t seed = 1; seed <= 50; seed++) {
		struct made *m = random_profile(seed);
		struct open_spans open[NR_THREADS + 1] = {0};
		struct output_opts o = {0};
		yajl_val root = render(m, &o), events = events_of(root);

		for (size_t i = 0; i < YAJL_GET_ARRAY(events)->len; i++) {
			yajl_val event = YAJL_GET_ARRAY(events)->values[i];
			const char *phase = YAJL_GET_STRING(at(event, "ph"));

			if (*phase == 'B' || *phase == 'E')
				follow(&open[YAJL_GET_INTEGER(at(event, "tid"))], event);
		}
		for (size_t i = 0; i <= NR_THREADS; i++)
			cr_assert(eq(sz, open[i].nr, 0));
		yajl_tree_free(root);
		free(m);
	}
}

Test(output_trace, a_cut_trace_is_still_balanced_and_says_where_it_ends)
{
	struct made *m = random_profile(7);
	struct output_opts o = {.max_events = 20};
	struct open_spans open[NR_THREADS + 1] = {0};
	bool cut = false;
	yajl_val root, events;

	o.ret_cut = &cut;
	root = render(m, &o);
	events = events_of(root);
	for (size_t i = 0; i < YAJL_GET_ARRAY(events)->len; i++) {
		yajl_val event = YAJL_GET_ARRAY(events)->values[i];
		const char *phase = YAJL_GET_STRING(at(event, "ph"));

		if (*phase == 'B' || *phase == 'E')
			follow(&open[YAJL_GET_INTEGER(at(event, "tid"))], event);
	}
	for (size_t i = 0; i <= NR_THREADS; i++)
		cr_expect(eq(sz, open[i].nr, 0));
	cr_expect(cut);
	cr_expect(at(at(root, "otherData"), "cut_at_us") != NULL);
	yajl_tree_free(root);
	free(m);
}
