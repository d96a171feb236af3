/* SPDX-License-Identifier: MIT */
/*
 * slowest.dot: the slowest tests, the hottest functions, and who called them, for graphviz.
 *
 * Boxes are tests, ellipses functions; the redder the larger the share. An edge goes from a test or
 * function to the next one on the stack that is drawn, with the samples in which it was there. Both
 * are capped by --top, so that the picture can be read, and short tests that no edge leaves, which
 * would only fill it, are in the tables alone.
 * Source: graphviz.org/doc/info/lang.html for what a quoted string may hold.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base.h"
#include "number.h"
#include "rows.h"
#include "tally.h"
#include "text.h"
#include "writer.h"

#define NONE	       UINT32_MAX
#define EDGES_PER_NODE 4
#define MAX_LABEL      60 /* bytes of a name */
#define TESTS_FIRST    0  /* nodes: tests, then functions */
#define SHORT	       10 /* thousandths of all tests */

struct edge {
	uint32_t from, to;
	uint64_t samples;
	size_t last_stack;
};

struct graph {
	struct view view;
	struct tally tally;
	struct writer *writer;
	const struct test **tests; /* the slowest first */
	size_t nr_tests;
	const struct function_tally **functions; /* with most samples first */
	size_t nr_functions;
	uint32_t *of_test, *of_function; /* numbers of nodes */
	struct edge *edges;
	size_t nr_edges, room;
	struct id_map by_ends; /* -> index of an edge */
};

/* ---- nodes --------------------------------------------------------------------------------- */

static uint64_t weight(const struct test *t)
{
	return t->body.wall_ns == PROFILE_UNKNOWN ? t->body.samples : t->body.wall_ns;
}

static int compare_tests(const void *left, const void *right)
{
	const struct test *a = *(const struct test *const *)left;
	const struct test *b = *(const struct test *const *)right;

	if (weight(a) != weight(b))
		return weight(a) < weight(b) ? 1 : -1;
	return (a > b) - (a < b);
}

static int compare_functions(const void *left, const void *right)
{
	const struct function_tally *a = *(const struct function_tally *const *)left;
	const struct function_tally *b = *(const struct function_tally *const *)right;

	if (a->total != b->total)
		return a->total < b->total ? 1 : -1;
	return (a->function > b->function) - (a->function < b->function);
}

static int choose_tests(struct graph *g, unsigned top)
{
	const struct profile *p = g->view.profile;

	g->tests = calloc(p->nr_tests + 1, sizeof(struct test *));
	g->of_test = calloc(p->nr_tests + 1, sizeof(*g->of_test));
	if (!g->tests || !g->of_test)
		return -ENOMEM;
	for (size_t i = 0; i < p->nr_tests; i++) {
		if (p->tests[i].status != TEST_PENDING) /* it did not run */
			g->tests[g->nr_tests++] = &p->tests[i];
		g->of_test[i] = NONE;
	}
	qsort(g->tests, g->nr_tests, sizeof(struct test *), compare_tests);
	if (g->nr_tests > top)
		g->nr_tests = top;
	for (size_t i = 0; i < g->nr_tests; i++)
		g->of_test[g->tests[i] - p->tests] = (uint32_t)(TESTS_FIRST + i);
	return 0;
}

static int choose_functions(struct graph *g, unsigned top)
{
	size_t nr = g->view.profile->nr_functions + 1; /* with "[busted]" */

	g->functions = calloc(g->tally.nr_functions + 1, sizeof(struct function_tally *));
	g->of_function = calloc(nr, sizeof(*g->of_function));
	if (!g->functions || !g->of_function)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++)
		g->of_function[i] = NONE;
	for (size_t i = 0; i < g->tally.nr_functions; i++)
		g->functions[i] = &g->tally.functions[i];
	qsort(g->functions, g->tally.nr_functions, sizeof(struct function_tally *),
	      compare_functions);
	g->nr_functions = g->tally.nr_functions < top ? g->tally.nr_functions : top;
	for (size_t i = 0; i < g->nr_functions; i++)
		g->of_function[g->functions[i]->function] = (uint32_t)(g->nr_tests + i);
	return 0;
}

/* ---- edges --------------------------------------------------------------------------------- */

static int count_edge(struct graph *g, uint32_t from, uint32_t to, uint64_t samples, size_t stack)
{
	bool fresh;
	uint64_t *index = id_map_at(&g->by_ends, (uint64_t)from << 32 | to, &fresh);
	struct edge *edge;

	if (!index)
		return -ENOMEM;
	if (fresh && g->nr_edges == g->room) {
		size_t room = g->room ? g->room * 2 : 256;
		struct edge *edges = reallocarray(g->edges, room, sizeof(*edges));

		if (!edges)
			return -ENOMEM;
		g->edges = edges;
		g->room = room;
	}
	if (fresh) {
		*index = g->nr_edges;
		g->edges[g->nr_edges++] = (struct edge){.from = from, .to = to};
	}
	edge = &g->edges[*index];
	if (edge->last_stack != stack) /* recursion counts once */
		edge->samples += samples;
	edge->last_stack = stack;
	return 0;
}

static int count_stack(struct graph *g, size_t index)
{
	const struct profile *p = g->view.profile;
	const struct profile_stack *stack = &p->stacks[index];
	uint32_t last = stack->test < p->nr_tests ? g->of_test[stack->test] : NONE;
	struct view_stack shown;
	int r = view_stack(&g->view, stack, &shown);

	for (size_t i = 0; r == 0 && i < shown.nr; i++) {
		uint32_t node = g->of_function[shown.frames[i].function];

		if (node == NONE || node == last)
			continue;
		if (last != NONE)
			r = count_edge(g, last, node, stack->samples, index + 1);
		last = node;
	}
	return r;
}

static int compare_edges(const void *left, const void *right)
{
	const struct edge *a = left, *b = right;

	if (a->samples != b->samples)
		return a->samples < b->samples ? 1 : -1;
	if (a->from != b->from)
		return a->from > b->from ? 1 : -1;
	return (a->to > b->to) - (a->to < b->to);
}

static int find_edges(struct graph *g)
{
	size_t most = EDGES_PER_NODE * (g->nr_tests + g->nr_functions);
	int r = 0;

	for (size_t i = 0; r == 0 && i < g->view.profile->nr_stacks; i++)
		r = count_stack(g, i);
	if (g->nr_edges > 0)
		qsort(g->edges, g->nr_edges, sizeof(*g->edges), compare_edges);
	if (g->nr_edges > most)
		g->nr_edges = most;
	return r;
}

/* ---- text ---------------------------------------------------------------------------------- */

/* Within a quoted string. */
static void add_text(struct graph *g, const char *text)
{
	struct buf shown;

	buf_init(&shown, TEXT_MAX_BUFFER);
	writer_fail(g->writer, text_add_short(&shown, text, MAX_LABEL));
	for (size_t i = 0; i < shown.len; i++) {
		if (strchr("\"\\", shown.data[i]))
			writer_addstr(g->writer, "\\");
		writer_add(g->writer, &shown.data[i], 1);
	}
	buf_done(&shown);
}

/* In thousandths. */
static unsigned share(uint64_t part, uint64_t whole)
{
	if (whole == 0 || whole == PROFILE_UNKNOWN || part == PROFILE_UNKNOWN)
		return 0;
	return part >= whole ? 1000 : (unsigned)((unsigned __int128)part * 1000 / whole);
}

/* White to red. */
static void add_colour(struct graph *g, unsigned thousandths)
{
	writer_addf(g->writer, "fillcolor=\"0.000 %u.%03u 1.000\"", thousandths / 1000,
		    thousandths % 1000);
}

static uint64_t weight_of_all(const struct profile *p)
{
	uint64_t all = 0;

	for (size_t i = 0; i < p->nr_tests; i++)
		all += weight(&p->tests[i]);
	return all;
}

static bool has_edge(const struct graph *g, size_t node)
{
	for (size_t i = 0; i < g->nr_edges; i++)
		if (g->edges[i].from == node)
			return true;
	return false;
}

static void write_test(struct graph *g, size_t i, uint64_t all)
{
	const struct test *t = g->tests[i];
	const char *file = t->source && *t->source ? t->source : t->file;

	if (share(weight(t), all) < SHORT && !has_edge(g, TESTS_FIRST + i))
		return;
	writer_addf(g->writer, "  n%zu [shape=box label=\"", TESTS_FIRST + i);
	add_text(g, *t->full_name ? t->full_name : "(unnamed)");
	writer_addstr(g->writer, "\\n");
	add_text(g, file ? file : "");
	if (t->line > 0)
		writer_addf(g->writer, ":%d", t->line);
	writer_addf(g->writer, "\\n%s\" ", number_duration(t->body.wall_ns).text);
	add_colour(g, share(weight(t), all));
	writer_addstr(g->writer, "];\n");
}

static void write_function(struct graph *g, size_t i)
{
	const struct function_tally *f = g->functions[i];
	struct buf name, where;

	buf_init(&name, TEXT_MAX_BUFFER);
	buf_init(&where, TEXT_MAX_BUFFER);
	writer_fail(g->writer, view_add_name(&g->view, f->function, &name));
	writer_fail(g->writer, view_add_location(&g->view, f->function, &where));
	writer_addf(g->writer, "  n%zu [label=\"", g->nr_tests + i);
	add_text(g, name.data ? name.data : "");
	if (where.len > 0)
		writer_addstr(g->writer, "\\n");
	add_text(g, where.data ? where.data : "");
	writer_addf(g->writer, "\\n%s of samples, itself %s\" ",
		    number_share(f->total, g->tally.samples).text,
		    number_share(f->self, g->tally.samples).text);
	add_colour(g, share(f->self, g->tally.samples));
	writer_addstr(g->writer, "];\n");
	buf_done(&name);
	buf_done(&where);
}

static void write_edge(struct graph *g, const struct edge *e)
{
	unsigned width = 1000 + share(e->samples, g->tally.samples) * 6;

	writer_addf(g->writer,
		    "  n%" PRIu32 " -> n%" PRIu32 " [label=\"%" PRIu64 "\" penwidth=%u.%03u];\n",
		    e->from, e->to, e->samples, width / 1000, width % 1000);
}

static void write_graph(struct graph *g)
{
	const uint64_t all = weight_of_all(g->view.profile);

	writer_addstr(g->writer, "// dot -Tsvg slowest.dot -o slowest.svg\n"
				 "digraph slowest {\n"
				 "  rankdir=LR;\n"
				 "  node [style=filled fontname=\"sans-serif\" fontsize=11];\n"
				 "  edge [fontname=\"sans-serif\" fontsize=9 color=gray40];\n");
	for (size_t i = 0; i < g->nr_tests; i++)
		write_test(g, i, all);
	for (size_t i = 0; i < g->nr_functions; i++)
		write_function(g, i);
	for (size_t i = 0; i < g->nr_edges; i++)
		write_edge(g, &g->edges[i]);
	writer_addstr(g->writer, "}\n");
}

/* ---- all of it ----------------------------------------------------------------------------- */

static void graph_done(struct graph *g)
{
	tally_done(&g->tally);
	view_done(&g->view);
	id_map_done(&g->by_ends);
	free(g->tests);
	free(g->functions);
	free(g->of_test);
	free(g->of_function);
	free(g->edges);
}

static int write_dot(const struct profile *p, const struct output_opts *o, FILE *out)
{
	struct writer w;
	struct graph g = {.writer = &w};
	int r = view_init(&g.view, p, o);

	if (r == 0)
		r = tally_compute(&g.tally, &g.view);
	if (r == 0)
		r = choose_tests(&g, o->top);
	if (r == 0)
		r = choose_functions(&g, o->top);
	if (r == 0)
		r = find_edges(&g);
	if (r == 0) {
		writer_init(&w, out);
		write_graph(&g);
		r = writer_finish(&w);
	}
	graph_done(&g);
	return r;
}

const struct output_ops output_dot = {
	.name = "dot",
	.summary = "the slowest tests and what they call, for graphviz",
	.kind = OUTPUT_FILE,
	.file_name = "slowest.dot",
	.write = write_dot,
};
