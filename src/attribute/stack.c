/* SPDX-License-Identifier: MIT */
/*
 * Boundaries without the hook: every sample of a busted run has frames of
 * busted.safe(descriptor, run, element) on the main thread's stack, and their arguments name the
 * file, the describes and the test.
 *
 * A path of elements is looked up node by node; an element is known by its parent, its address, its
 * line and its name, since addresses come again when elements are collected.
 */
#include "tree.h"

#include <errno.h>
#include <string.h>

/* Readers cap names; from this length on a common beginning counts as equal. */
#define NAME_CERTAIN 200
#define MAX_PATH     64

/* One step of the path from the suite to where a sample was taken. */
struct step {
	enum node_kind kind;
	const struct attribute_element *element;
};

static bool same_element(const struct attribute_element *x, const struct attribute_element *y)
{
	return x->address && x->address == y->address;
}

static bool is_text(const char *text, const char *expected)
{
	return text && strcmp(text, expected) == 0;
}

/*
 * The first frame of an element is its scope. A second one is the body, or an event that busted
 * publishes about the element: events of tests are told by what was passed, those of files and
 * describes look like a body and are taken for one.
 * Returns false for an event, which is busted's own work in the scope.
 */
static bool repeated_step(const struct attribute_element *element, enum node_kind *ret)
{
	if (is_text(element->passed, "finally")) {
		*ret = NODE_FIXTURE;
		return true;
	}
	if (is_text(element->passed, "test") || is_text(element->descriptor, "pending"))
		return false;
	*ret = NODE_BODY;
	return true;
}

static size_t stack_path(const struct attribute_element *elements, size_t nr, struct step *path)
{
	size_t len = 0;

	for (size_t i = 0; i < nr && len < MAX_PATH; i++) {
		const struct attribute_element *element = &elements[i];
		enum node_kind kind;

		if (!element->descriptor || is_text(element->descriptor, "suite"))
			break;
		if (i && same_element(&elements[i - 1], element)) {
			if (!repeated_step(element, &kind))
				break;
		} else {
			kind = node_kind_of(element->descriptor, element->name != NULL);
		}
		path[len++] = (struct step){kind, element};
		/* Below user code: a busted inside a test belongs to that test. */
		if (kind == NODE_BODY || kind == NODE_FIXTURE)
			break;
	}
	return len;
}

/* ---- nodes by element ----------------------------------------------------------------------- */

static bool same_text(const char *x, const char *y)
{
	return x == y || (x && y && strcmp(x, y) == 0);
}

static bool node_is_step(const struct node *node, uint32_t parent, const struct step *step)
{
	return node->parent == parent && node->kind == step->kind &&
	       node->address == step->element->address && node->line == step->element->line &&
	       same_text(node->name, step->element->name);
}

static uint32_t *find_node(const struct attribute *a, uint32_t *table, size_t size, uint32_t parent,
			   const struct step *step)
{
	uint64_t hash = (step->element->address ^ (uint64_t)parent << 32 ^ step->kind) *
			0x9E3779B97F4A7C15ULL;
	size_t at = (hash >> 32) & (size - 1);

	while (table[at] && !node_is_step(&a->nodes[table[at] - 1], parent, step))
		at = (at + 1) & (size - 1);
	return &table[at];
}

static int grow_table(struct attribute *a)
{
	size_t size = a->by_element_size ? a->by_element_size * 2 : 256;
	uint32_t *table = calloc(size, sizeof(*table));

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < a->by_element_size; i++) {
		const struct node *node;
		struct attribute_element element;
		struct step step;

		if (!a->by_element[i])
			continue;
		node = &a->nodes[a->by_element[i] - 1];
		element = (struct attribute_element){
			.name = node->name, .line = node->line, .address = node->address};
		step = (struct step){node->kind, &element};
		*find_node(a, table, size, node->parent, &step) = a->by_element[i];
	}
	free(a->by_element);
	a->by_element = table;
	a->by_element_size = size;
	return 0;
}

static int intern_text(struct attribute *a, const char *text, const char **ret)
{
	*ret = arena_intern(&a->arena, text ? text : "", text ? strlen(text) : 0);
	return *ret ? 0 : -ENOMEM;
}

static int new_step_node(struct attribute *a, const struct process *p, uint32_t parent,
			 const struct step *step, uint64_t time_ns, uint32_t *ret)
{
	const struct attribute_element *element = step->element;
	struct node node = {
		.kind = step->kind,
		.parent = parent,
		.phase = node_phase(a, step->kind, parent),
		.test = step->kind == NODE_TEST ? NONE : a->nodes[parent].test,
		.pid = p->pid,
		.tid = p->pid,
		.line = element->line,
		.address = element->address,
		.start_ns = time_ns,
		.closed = true,
		.by_stack = true,
	};
	bool finally = step->kind == NODE_FIXTURE && is_text(element->passed, "finally");
	int r;

	if (step->kind == NODE_SUITE)
		node.phase = PHASE_BUSTED;
	r = intern_text(a, finally ? "finally" : element->descriptor, &node.descriptor);
	if (r == 0)
		r = intern_text(a, element->source, &node.source);
	if (r == 0 && element->name)
		r = intern_text(a, element->name, &node.name);
	if (r == 0)
		r = node_new(a, &node, ret);
	if (r == 0 && step->kind == NODE_TEST)
		r = node_new_test(a, *ret, p->iteration, is_text(element->descriptor, "pending"));
	return r;
}

static int step_node(struct attribute *a, const struct process *p, uint32_t parent,
		     const struct step *step, uint64_t time_ns, uint32_t *ret)
{
	uint32_t *place;
	int r;

	if (a->nr_by_element * 2 >= a->by_element_size) {
		r = grow_table(a);
		if (r < 0)
			return r;
	}
	place = find_node(a, a->by_element, a->by_element_size, parent, step);
	if (!*place) {
		r = new_step_node(a, p, parent, step, time_ns, ret);
		if (r < 0)
			return r;
		*place = *ret + 1;
		a->nr_by_element++;
	}
	*ret = *place - 1;
	a->nodes[*ret].end_ns = time_ns;
	return 0;
}

static int place_path(struct attribute *a, struct process *p, const struct step *path, size_t len,
		      uint64_t time_ns)
{
	static const struct attribute_element no_element = {.descriptor = "suite"};
	struct step suite = {NODE_SUITE, &no_element};
	uint32_t node;
	int r = step_node(a, p, p->node, &suite, time_ns, &node);

	for (size_t i = 0; i < len && r == 0; i++)
		r = step_node(a, p, node, &path[i], time_ns, &node);
	if (r == 0)
		p->now = (struct place){node, a->nodes[node].phase};
	return r;
}

static void set_place(const struct attribute *a, struct place place, uint32_t *ret_node,
		      enum phase *ret_phase, uint32_t *ret_test)
{
	*ret_node = place.node;
	*ret_phase = place.phase;
	if (ret_test)
		*ret_test = a->nodes[place.node].test;
}

bool attribute_is_by_stack(const struct attribute *a, uint32_t pid)
{
	const struct process *p = process_find(a, pid);

	return p && p->by_stack;
}

uint32_t attribute_place_outside(const struct attribute *a, uint32_t pid, enum phase *ret_phase)
{
	*ret_phase = PHASE_BUSTED;
	return process_find(a, pid)->node;
}

int attribute_place_stack(struct attribute *a, uint32_t pid,
			  const struct attribute_element *elements, size_t nr, uint64_t time_ns,
			  uint32_t *ret_node, enum phase *ret_phase, uint32_t *ret_test)
{
	struct step path[MAX_PATH];
	struct process *p;
	size_t len;
	int r = process_get(a, pid, time_ns, &p);

	if (r < 0)
		return r;
	if (process_inside_test(a, p) || (!nr && p->node == NONE)) {
		set_place(a, p->home, ret_node, ret_phase, ret_test);
		return 0;
	}
	if (p->node != NONE && !p->by_stack) {
		set_place(a, p->now, ret_node, ret_phase, ret_test); /* the hook speaks here */
		return 0;
	}
	if (!nr) {
		/* No busted frame any more: the suite is over, or it comes again (--repeat). */
		p->now = (struct place){p->node, PHASE_SHUTDOWN};
		set_place(a, p->now, ret_node, ret_phase, ret_test);
		return 0;
	}
	if (p->node == NONE) {
		r = process_own(a, p);
		if (r < 0)
			return r;
		p->by_stack = true;
		p->iteration = 1;
	}
	len = stack_path(elements, nr, path);
	r = place_path(a, p, path, len, time_ns);
	if (r < 0)
		return r;
	a->suite.seen = true;
	a->check.stack_seen = true;
	if (!a->suite.iterations)
		a->suite.iterations = 1;
	set_place(a, p->now, ret_node, ret_phase, ret_test);
	return 0;
}

/* ---- the check ------------------------------------------------------------------------------ */

static bool similar_name(const char *x, const char *y)
{
	size_t common = 0;

	/* A reader cannot tell an empty name from none. */
	x = x ? x : "";
	y = y ? y : "";
	while (x[common] && x[common] == y[common])
		common++;
	return x[common] == y[common] || common >= NAME_CERTAIN;
}

static bool step_matches(const struct node *node, const struct step *step)
{
	bool finally = is_text(step->element->passed, "finally");

	/* a line that could not be read (the table was in motion) contradicts nothing */
	bool same_line = !node->line || !step->element->line || node->line == step->element->line;

	if (node->kind != step->kind || (!same_line && !finally))
		return false;
	return finally || similar_name(node->name, step->element->name);
}

/* The path of a node below its suite, root first; the number of steps, or -1 if it is too long. */
static int node_path(const struct attribute *a, uint32_t node, uint32_t *path)
{
	int len = 0;

	for (uint32_t at = node; at != NONE; at = a->nodes[at].parent) {
		if (a->nodes[at].kind == NODE_SUITE || a->nodes[at].kind == NODE_PROCESS)
			break;
		if (len == MAX_PATH)
			return -1;
		path[len++] = at;
	}
	for (int i = 0; i < len / 2; i++) {
		uint32_t swapped = path[i];

		path[i] = path[len - 1 - i];
		path[len - 1 - i] = swapped;
	}
	return len;
}

/* busted.safe(file or describe) twice: the body, or an event of which the hook says nothing. */
static bool is_event_or_body(const struct step *step)
{
	return step->kind == NODE_BODY && !is_text(step->element->descriptor, "it");
}

/*
 * Frames of busted.safe are known once its prototype was seen, and elements once somebody read them
 * while the process lived. Before that a stack is silent, which is not a contradiction.
 */
static bool stack_speaks(struct process *p, const struct attribute_element *elements, size_t nr)
{
	p->stack_seen |= nr > 0;
	for (size_t i = 0; i < nr; i++) {
		if (!elements[i].passed || !elements[i].descriptor)
			return false;
	}
	return p->stack_seen;
}

void attribute_check_stack(struct attribute *a, uint32_t pid, uint32_t node,
			   const struct attribute_element *elements, size_t nr)
{
	struct process *p = process_find(a, pid);
	struct step by_stack[MAX_PATH];
	uint32_t by_hook[MAX_PATH];
	int hook_len, stack_len, common = 0, apart;

	if (!p || p->node == NONE || p->by_stack || process_inside_test(a, p))
		return;
	if (!stack_speaks(p, elements, nr))
		return;
	hook_len = node_path(a, node, by_hook);
	if (hook_len < 0)
		return;
	stack_len = (int)stack_path(elements, nr, by_stack);
	while (common < hook_len && common < stack_len &&
	       step_matches(&a->nodes[by_hook[common]], &by_stack[common]))
		common++;
	apart = hook_len + stack_len - 2 * common;
	a->check.stack_seen |= nr > 0;
	if (apart == 1 && stack_len > hook_len && is_event_or_body(&by_stack[stack_len - 1]))
		apart = 0;
	if (apart == 0)
		a->check.agree++;
	else if (apart == 1)
		a->check.transit++;
	else
		a->check.disagree++;
}

void attribute_count(struct attribute *a, uint32_t node, enum phase phase, enum mode mode,
		     uint64_t n, uint64_t weight)
{
	if (node >= a->nr_nodes || phase >= NR_PHASES || mode >= NR_MODES)
		return;
	a->phases[phase].samples += n;
	a->phases[phase].weight += weight;
	a->phases[phase].by_mode[mode] += n;
	if (phase == PHASE_OUTPUT)
		return;
	a->nodes[node].samples += n;
	a->nodes[node].weight += weight;
	a->nodes[node].by_mode[mode] += n;
}
