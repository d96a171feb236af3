/* SPDX-License-Identifier: MIT */
/*
 * The "tests" lane: one span per file, describe, test and fixture, as measured at the boundaries.
 *
 * Invariant: the spans of a lane nest, whatever the nodes say. A node that would leave the one it
 * began in is cut at its end, so a boundary that was lost cannot break a viewer.
 *
 *	file     |------------------------------------|
 *	describe   |-----------------------------|
 *	test        |----------|  |-------------|
 *	fixture      |--|
 */
#include <errno.h>
#include <string.h>

#include "base.h"
#include "meters.h"
#include "text.h"
#include "trace.h"

static const char *const categories[] = {
	[NODE_FILE] = "file",
	[NODE_DESCRIBE] = "describe",
	[NODE_TEST] = "test",
	[NODE_FIXTURE] = "fixture",
};

/* Bodies are what is left of a test or a describe between its fixtures: drawn, they would only
 * double the rows. */
static const char *category(const struct profile_node *node)
{
	return (size_t)node->kind < ARRAY_SIZE(categories) ? categories[node->kind] : NULL;
}

/* By process, then start; of nodes that start together the outer one first. */
static int compare_nodes(const void *left, const void *right)
{
	const struct profile_node *a = *(const struct profile_node *const *)left;
	const struct profile_node *b = *(const struct profile_node *const *)right;

	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	if (a->end_ns != b->end_ns)
		return a->end_ns > b->end_ns ? -1 : 1;
	return (a > b) - (a < b); /* a parent comes before its children in the table */
}

static void write_known_time(struct trace *t, const char *key, uint64_t ns)
{
	if (ns != PROFILE_UNKNOWN)
		json_number(&t->json, key, number_thousandths(ns));
}

static void write_test_args(struct trace *t, const struct test *test)
{
	json_text(&t->json, "status", test_status_name(test->status));
	json_text(&t->json, "id", test->id);
	json_uint(&t->json, "samples", samples_counted(t->profile, test->body.samples));
	if (t->profile->weighted)
		json_uint(&t->json, t->profile->event_unit, test->body.weight);
	write_known_time(t, "wall_us", test->body.wall_ns);
	write_known_time(t, "cpu_us", test->body.cpu_ns);
	write_known_time(t, "fixtures_wall_us", test->fixtures.wall_ns);
	write_known_time(t, "fixtures_cpu_us", test->fixtures.cpu_ns);
}

static void write_test_location(struct trace *t, const struct test *test)
{
	struct buf location;

	buf_init(&location, TEXT_MAX_BUFFER);
	writer_fail(t->json.writer, trace_add_location(&location, test->source, test->line));
	if (location.len > 0)
		json_raw(&t->json, "loc", location.data, location.len);
	buf_done(&location);
}

static const struct test *test_of(const struct trace *t, const struct profile_node *node)
{
	bool known = node->kind == NODE_TEST && node->test < t->profile->nr_tests;

	return known ? &t->profile->tests[node->test] : NULL;
}

static void write_node(struct trace *t, const struct profile_node *node, uint64_t end_ns)
{
	const struct test *test = test_of(t, node);

	trace_begin(t, "X", node->pid, TRACE_LANE_TID + node->pid);
	json_text(&t->json, "cat", category(node));
	trace_text(t, "name", node->name);
	trace_time(t, "ts", node->start_ns);
	trace_time(t, "dur", end_ns - node->start_ns);
	if (test)
		write_test_location(t, test);
	json_open_map(&t->json, "args");
	if (test)
		write_test_args(t, test);
	else
		write_known_time(t, "cpu_us", node->cpu_ns);
	if (node->incomplete)
		json_bool(&t->json, "incomplete", true);
	json_close_map(&t->json);
	trace_end(t);
}

/* The spans around the current one: where they end, outermost first. */
struct enclosing {
	uint64_t *ends;
	size_t nr;
};

/* Where @node may end at the latest, after leaving the spans that ended before it. */
static uint64_t clamp(struct enclosing *e, const struct profile_node *node)
{
	uint64_t end = node->end_ns > node->start_ns ? node->end_ns : node->start_ns;

	while (e->nr > 0 && e->ends[e->nr - 1] <= node->start_ns)
		e->nr--;
	if (e->nr > 0 && end > e->ends[e->nr - 1])
		end = e->ends[e->nr - 1];
	return end;
}

static void name_lane(struct trace *t, uint32_t pid)
{
	trace_name_process(t, pid);
	trace_name(t, "thread_name", pid, TRACE_LANE_TID + pid, "tests");
	trace_begin(t, "M", pid, TRACE_LANE_TID + pid);
	json_text(&t->json, "name", "thread_sort_index");
	json_open_map(&t->json, "args");
	json_int(&t->json, "sort_index", -1);
	json_close_map(&t->json);
	trace_end(t);
}

static void write_lanes(struct trace *t, const struct profile_node **sorted, size_t nr,
			struct enclosing *e)
{
	for (size_t i = 0; i < nr; i++) {
		uint64_t end;

		if (i == 0 || sorted[i]->pid != sorted[i - 1]->pid) {
			name_lane(t, sorted[i]->pid);
			e->nr = 0;
		}
		end = clamp(e, sorted[i]);
		e->ends[e->nr++] = end;
		write_node(t, sorted[i], end);
	}
}

int trace_write_lane(struct trace *t)
{
	const struct profile *p = t->profile;
	const struct profile_node **sorted =
		reallocarray(NULL, p->nr_nodes + 1, sizeof(struct profile_node *));
	struct enclosing e = {.ends = reallocarray(NULL, p->nr_nodes + 1, sizeof(*e.ends))};
	int r = sorted && e.ends ? 0 : -ENOMEM;
	size_t nr = 0;

	if (r == 0) {
		for (size_t i = 0; i < p->nr_nodes; i++)
			if (category(&p->nodes[i]))
				sorted[nr++] = &p->nodes[i];
		qsort(sorted, nr, sizeof(struct profile_node *), compare_nodes);
		write_lanes(t, sorted, nr, &e);
	}
	free(sorted);
	free(e.ends);
	return r;
}
