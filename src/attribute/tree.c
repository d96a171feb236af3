/* SPDX-License-Identifier: MIT */
/*
 * Announcements to nodes. The tree is right whenever the announcements are complete; where some are
 * missing, the depth in each scope's announcement tells how many scopes must be open, and the open
 * nodes are brought to that before anything is added.
 *
 * Source: busted 2.1.1, core.lua (safe, safe_publish, execute), init.lua (the executors),
 * block.lua.
 */
#include "tree.h"

#include <errno.h>
#include <string.h>

/* ---- nodes ---------------------------------------------------------------------------------- */

int node_new(struct attribute *a, const struct node *like, uint32_t *ret)
{
	int r;

	if (a->nr_nodes >= NONE)
		return -ENOMEM;
	r = arena_grow((void **)&a->nodes, a->nr_nodes, &a->nodes_room, sizeof(*a->nodes));
	if (r < 0)
		return r;
	*ret = (uint32_t)a->nr_nodes;
	a->nodes[a->nr_nodes++] = *like;
	return 0;
}

int node_new_test(struct attribute *a, uint32_t node, uint32_t iteration, bool pending_block)
{
	int r = arena_grow((void **)&a->tests, a->nr_tests, &a->tests_room, sizeof(*a->tests));

	if (r < 0)
		return r;
	a->nodes[node].test = (uint32_t)a->nr_tests;
	a->tests[a->nr_tests++] = (struct test_run){
		.node = node,
		.body = NONE,
		.iteration = iteration,
		.status = TEST_UNKNOWN,
		.pending_block = pending_block,
	};
	return 0;
}

/* Blocks that users register themselves: those with a name can hold others. */
enum node_kind node_kind_of(const char *descriptor, bool named)
{
	static const struct {
		const char *descriptor;
		enum node_kind kind;
	} known[] = {
		{"it", NODE_TEST},
		{"pending", NODE_TEST},
		{"describe", NODE_DESCRIBE},
		{"file", NODE_FILE},
		{"before_each", NODE_FIXTURE},
		{"after_each", NODE_FIXTURE},
		{"setup", NODE_FIXTURE},
		{"teardown", NODE_FIXTURE},
		{"strict_setup", NODE_FIXTURE},
		{"strict_teardown", NODE_FIXTURE},
		{"lazy_setup", NODE_FIXTURE},
		{"lazy_teardown", NODE_FIXTURE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(known[i].descriptor, descriptor) == 0)
			return known[i].kind;
	}
	return named ? NODE_DESCRIBE : NODE_FIXTURE;
}

enum phase node_phase(const struct attribute *a, enum node_kind kind, uint32_t parent)
{
	const struct node *above = &a->nodes[parent];

	if (kind == NODE_FIXTURE)
		return above->test != NONE ? PHASE_TEST_FIXTURE : PHASE_FIXTURE;
	if (kind != NODE_BODY)
		return PHASE_BUSTED;
	if (above->kind == NODE_TEST)
		return PHASE_TEST;
	return above->kind == NODE_FILE ? PHASE_LOADING : PHASE_DESCRIBE;
}

/* ---- the stack of open nodes ---------------------------------------------------------------- */

static struct node *top_node(const struct attribute *a, const struct process *p)
{
	return p->nr_open ? &a->nodes[p->open[p->nr_open - 1]] : NULL;
}

static void step_to_top(const struct attribute *a, struct process *p)
{
	uint32_t top;

	if (!p->nr_open) {
		p->now = (struct place){p->node, PHASE_SHUTDOWN};
		return;
	}
	top = p->open[p->nr_open - 1];
	p->now = (struct place){top, a->nodes[top].phase};
}

static int push_node(struct attribute *a, struct process *p, const struct node *like, uint32_t *ret)
{
	int r;

	if (p->nr_open >= MAX_OPEN)
		return -E2BIG;
	r = arena_grow((void **)&p->open, p->nr_open, &p->open_room, sizeof(*p->open));
	if (r < 0)
		return r;
	r = node_new(a, like, ret);
	if (r < 0)
		return r;
	p->open[p->nr_open++] = *ret;
	return 0;
}

/* ---- endings -------------------------------------------------------------------------------- */

static enum test_status status_of(char letter)
{
	switch (letter) {
	case 's':
		return TEST_SUCCESS;
	case 'f':
		return TEST_FAILURE;
	case 'e':
		return TEST_ERROR;
	case 'p':
		return TEST_PENDING;
	default:
		return TEST_UNKNOWN;
	}
}

static bool is_bad(char letter)
{
	return letter == 'f' || letter == 'e';
}

static void end_test_body(struct test_run *test, char letter)
{
	test->body_ended = letter != LETTER_UNSAID;
	test->status = status_of(letter);
}

/* Runs after the body. busted lets an error here replace success, but not an earlier failure. */
static void end_finally(struct attribute *a, struct test_run *test, char letter)
{
	if (!is_bad(letter))
		return;
	if (test->status == TEST_SUCCESS || test->status == TEST_PENDING)
		test->status = TEST_ERROR;
	else
		a->suite.errors_outside_tests++;
}

static void end_fixture(struct attribute *a, const struct node *node, char letter)
{
	bool of_test = node->test != NONE;

	if (of_test && strcmp(node->descriptor, "finally") == 0) {
		end_finally(a, &a->tests[node->test], letter);
		return;
	}
	if (is_bad(letter))
		a->suite.errors_outside_tests++;
	else if (letter == 'p' && of_test)
		a->tests[node->test].fixture_pending = true;
}

/* The scope of a test is over: what became of it, if its body did not already say. */
static void end_test(struct test_run *test)
{
	if (test->body_seen)
		return;
	if (test->pending_block) {
		test->status = TEST_PENDING;
		return;
	}
	test->inferred = true;
	test->status = test->fixture_pending ? TEST_PENDING : TEST_ERROR;
}

/* @letter: as announced; LETTER_UNSAID: nobody announced this end. */
static void close_node(struct attribute *a, uint32_t index, uint64_t time_ns, char letter)
{
	struct node *node = &a->nodes[index];

	if (node->closed)
		return;
	node->end_ns = time_ns;
	node->closed = true;
	if (letter == LETTER_UNSAID)
		node->incomplete = true;
	if (node->kind == NODE_FIXTURE) {
		end_fixture(a, node, letter);
	} else if (node->kind == NODE_BODY && a->nodes[node->parent].kind == NODE_TEST) {
		end_test_body(&a->tests[node->test], letter);
	} else {
		if (is_bad(letter))
			a->suite.errors_outside_tests++;
		if (node->kind == NODE_TEST && letter != LETTER_UNSAID)
			end_test(&a->tests[node->test]);
	}
}

static void close_top(struct attribute *a, struct process *p, uint64_t time_ns, char letter)
{
	uint32_t top = p->open[--p->nr_open];

	/* A child that was forked inside a suite shares its parent's open nodes. */
	if (a->nodes[top].pid == p->pid)
		close_node(a, top, time_ns, letter);
}

void tree_close_all(struct attribute *a, struct process *p, uint64_t time_ns)
{
	while (p->nr_open)
		close_top(a, p, time_ns, LETTER_UNSAID);
	step_to_top(a, p);
}

void tree_doubt(struct attribute *a, struct process *p)
{
	for (size_t i = 0; i < p->nr_open; i++) {
		struct node *node = &a->nodes[p->open[i]];

		node->incomplete = true;
		if (node->kind == NODE_TEST)
			a->tests[node->test].doubtful = true;
	}
}

/* ---- announcements -------------------------------------------------------------------------- */

static int open_suite(struct attribute *a, struct process *p, const struct bprof_mark *r)
{
	struct node suite = {
		.kind = NODE_SUITE,
		.phase = PHASE_BUSTED,
		.parent = p->node,
		.test = NONE,
		.pid = r->pid,
		.tid = r->tid,
		.start_ns = r->h.time_ns,
	};
	uint32_t node;

	p->iteration++;
	a->suite.seen = true;
	a->suites_started++;
	if (p->iteration > a->suite.iterations)
		a->suite.iterations = p->iteration;
	return push_node(a, p, &suite, &node);
}

/* Open nodes up to and including the suite stay. */
static void close_to_suite(struct attribute *a, struct process *p, uint64_t time_ns)
{
	while (p->nr_open && top_node(a, p)->kind != NODE_SUITE)
		close_top(a, p, time_ns, LETTER_UNSAID);
}

static void end_suite(struct attribute *a, struct process *p, uint64_t time_ns)
{
	close_to_suite(a, p, time_ns);
	if (!p->nr_open)
		return;
	close_top(a, p, time_ns, 's');
	a->suites_ended++;
}

/*
 * A scope, and no suite of this process is open: its start was lost, or the process was forked in
 * the middle of a suite and goes on with the elements it inherited.
 */
static int adopt_suite(struct attribute *a, struct process *p, const struct bprof_mark *r)
{
	uint32_t chain[MAX_OPEN];
	size_t nr = 0;
	int ret;

	for (uint32_t at = p->home.node; at != NONE && nr < MAX_OPEN; at = a->nodes[at].parent) {
		if (a->nodes[at].kind == NODE_PROCESS)
			break;
		if (a->nodes[at].kind != NODE_BODY && a->nodes[at].kind != NODE_FIXTURE)
			chain[nr++] = at;
	}
	if (!nr) {
		ret = open_suite(a, p, r);
		if (ret == 0)
			top_node(a, p)->incomplete = true;
		return ret;
	}
	while (nr) {
		ret = arena_grow((void **)&p->open, p->nr_open, &p->open_room, sizeof(*p->open));
		if (ret < 0)
			return ret;
		p->open[p->nr_open++] = chain[--nr];
	}
	p->iteration = p->iteration ? p->iteration : 1;
	return 0;
}

static size_t scopes_open(const struct attribute *a, const struct process *p)
{
	size_t nr = 0;

	for (size_t i = 0; i < p->nr_open; i++) {
		enum node_kind kind = a->nodes[p->open[i]].kind;

		nr += kind != NODE_SUITE && kind != NODE_BODY;
	}
	return nr;
}

/* Brings the number of open scopes to @depth - 1, closing what must have ended unheard. */
static void close_to_depth(struct attribute *a, struct process *p, uint32_t depth, uint64_t time_ns)
{
	while (p->nr_open) {
		enum node_kind top = top_node(a, p)->kind;

		if (top == NODE_SUITE)
			break;
		if (top != NODE_BODY && scopes_open(a, p) < depth)
			break;
		close_top(a, p, time_ns, LETTER_UNSAID);
	}
}

/*
 * What a node of this kind can stand in. An error that escapes busted.safe() leaves a test on
 * busted's own stack that is over: it must not become the parent of the next one. It ends here and
 * had no body, so it is an error; that one was counted when the scope around it ended.
 */
static uint32_t parent_for(struct attribute *a, struct process *p, enum node_kind kind,
			   uint64_t time_ns)
{
	size_t at = p->nr_open;

	while (at > 1 && kind != NODE_FIXTURE) {
		struct node *node = &a->nodes[p->open[at - 1]];

		if (node->kind != NODE_TEST && node->kind != NODE_FIXTURE)
			break;
		if (node->pid == p->pid)
			close_node(a, p->open[at - 1], time_ns, 's');
		at--;
	}
	return p->open[at - 1];
}

/* Scopes whose beginning was lost stand in the tree without a name, so that their ends fit. */
static int fill_depth(struct attribute *a, struct process *p, const struct bprof_mark *r,
		      uint32_t depth)
{
	int ret = 0;

	while (ret == 0 && depth <= MAX_OPEN / 2 && scopes_open(a, p) + 1 < depth) {
		struct node missing = {
			.kind = NODE_DESCRIBE,
			.phase = PHASE_BUSTED,
			.descriptor = "?",
			.source = "",
			.parent = parent_for(a, p, NODE_DESCRIBE, r->h.time_ns),
			.test = NONE,
			.pid = r->pid,
			.tid = r->tid,
			.start_ns = r->h.time_ns,
			.incomplete = true,
		};
		uint32_t node;

		ret = push_node(a, p, &missing, &node);
	}
	return ret;
}

static int intern_part(struct attribute *a, struct part part, const char **ret)
{
	*ret = arena_intern(&a->arena, part.at, part.len);
	return *ret ? 0 : -ENOMEM;
}

static int open_scope(struct attribute *a, struct process *p, const struct bprof_mark *r,
		      const struct announcement *said)
{
	struct node scope = {
		.pid = r->pid,
		.tid = r->tid,
		.line = said->line,
		.start_ns = r->h.time_ns,
		.incomplete = (r->flags & BPROF_MARK_TEXT_CUT) && !said->name.at,
	};
	uint32_t node;
	int ret = 0;

	if (!p->nr_open)
		ret = adopt_suite(a, p, r);
	if (ret == 0)
		ret = intern_part(a, said->descriptor, &scope.descriptor);
	if (ret == 0)
		ret = intern_part(a, said->source, &scope.source);
	if (ret == 0 && said->name.at)
		ret = intern_part(a, said->name, &scope.name);
	if (ret < 0)
		return ret;

	close_to_depth(a, p, said->depth, r->h.time_ns);
	ret = fill_depth(a, p, r, said->depth);
	if (ret < 0)
		return ret;
	scope.kind = node_kind_of(scope.descriptor, said->name.at != NULL);
	scope.parent = parent_for(a, p, scope.kind, r->h.time_ns);
	scope.test = scope.kind == NODE_TEST ? NONE : a->nodes[scope.parent].test;
	scope.phase = node_phase(a, scope.kind, scope.parent);
	ret = push_node(a, p, &scope, &node);
	if (ret < 0 || scope.kind != NODE_TEST)
		return ret;
	return node_new_test(a, node, p->iteration, strcmp(scope.descriptor, "pending") == 0);
}

static int open_body(struct attribute *a, struct process *p, const struct bprof_mark *r)
{
	struct node body = {
		.kind = NODE_BODY,
		.pid = r->pid,
		.tid = r->tid,
		.start_ns = r->h.time_ns,
	};
	struct node *scope;
	struct test_run *test = NULL;
	uint32_t node;
	int ret;

	while (p->nr_open && top_node(a, p)->kind == NODE_BODY)
		close_top(a, p, r->h.time_ns, LETTER_UNSAID);
	if (!p->nr_open)
		return 0;
	scope = top_node(a, p);
	body.parent = p->open[p->nr_open - 1];
	body.name = scope->name;
	body.descriptor = scope->descriptor;
	body.source = scope->source;
	body.line = scope->line;
	body.test = scope->test;
	if (scope->kind == NODE_TEST) {
		test = &a->tests[scope->test];
		if (test->body_seen) {
			body.kind = NODE_FIXTURE;
			body.name = body.descriptor = "finally";
		}
		test->body_seen = true;
	}
	body.phase = node_phase(a, body.kind, body.parent);
	ret = push_node(a, p, &body, &node);
	if (ret == 0 && test && body.kind == NODE_BODY)
		test->body = node;
	return ret;
}

static void close_announced(struct attribute *a, struct process *p, uint64_t time_ns, char letter)
{
	/* Only the suite is open: the beginning of this was lost. */
	if (p->nr_open && top_node(a, p)->kind != NODE_SUITE)
		close_top(a, p, time_ns, letter);
}

int tree_announce(struct attribute *a, struct process *p, const struct bprof_mark *r,
		  const struct announcement *announcement)
{
	uint64_t now = r->h.time_ns;
	int ret = 0;

	switch (announcement->kind) {
	case ANNOUNCE_SUITE_START:
		tree_close_all(a, p, now);
		ret = open_suite(a, p, r);
		break;
	case ANNOUNCE_SUITE_END:
		end_suite(a, p, now);
		break;
	case ANNOUNCE_SUITE_RESET:
		tree_close_all(a, p, now);
		break;
	case ANNOUNCE_SUITE_NESTED:
		a->suite.nested++;
		break;
	case ANNOUNCE_SCOPE:
		ret = open_scope(a, p, r, announcement);
		break;
	case ANNOUNCE_BODY:
		ret = open_body(a, p, r);
		break;
	case ANNOUNCE_CLOSE:
		close_announced(a, p, now, announcement->letter);
		break;
	case ANNOUNCE_ERROR:
		a->suite.errors_outside_tests++;
		break;
	case ANNOUNCE_UNKNOWN:
		break;
	}
	/* Deeper than any Lua can go: not opened, and not worth ending the run. */
	if (ret == -E2BIG)
		ret = 0;
	if (announcement->kind != ANNOUNCE_ERROR || p->nr_open)
		step_to_top(a, p);
	return ret;
}
