/* SPDX-License-Identifier: MIT */
/*
 * From the tree to the list of tests: names, tags, costs, and an id that is the same in every run.
 *
 * The id is the name-based MD5 UUID of file, describe path, name and ordinal, NUL between them, in
 * a namespace of our own. The ordinal tells tests of one name apart: by line of definition, then by
 * the order they ran, so that --shuffle leaves it alone unless both name and line are shared.
 */
#include "tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <uuid/uuid.h>

#include "buf.h"

#define MAX_NAME_BYTES ((size_t)1 << 20)

/* 8d0f9a52-6c1e-5b6b-9d5e-2f3b7c1a4e60: of this program, for ids of tests. */
static const uuid_t test_namespace = {0x8d, 0x0f, 0x9a, 0x52, 0x6c, 0x1e, 0x5b, 0x6b,
				      0x9d, 0x5e, 0x2f, 0x3b, 0x7c, 0x1a, 0x4e, 0x60};

/* Tests of one run of one suite with the same key have the same file, path and name. */
struct same_name {
	uuid_t key;
	uint32_t suite, index;
	int32_t line;
};

/* The name busted uses for an element: its own, or what kind of block it is. */
static const char *display_name(const struct node *node)
{
	return node->name ? node->name : node->descriptor;
}

/* ---- names ---------------------------------------------------------------------------------- */

static size_t count_describes(const struct attribute *a, uint32_t node)
{
	size_t nr = 0;

	for (uint32_t at = a->nodes[node].parent; at != NONE; at = a->nodes[at].parent)
		nr += a->nodes[at].kind == NODE_DESCRIBE;
	return nr;
}

/* Fills file and path; the name of a test outside any file is that of the file it was written in.
 */
static int fill_path(struct attribute *a, uint32_t node, struct test *test)
{
	size_t at = count_describes(a, node);

	test->file = a->nodes[node].source;
	test->nr_path = at;
	test->path = arena_alloc(&a->arena, (at + 1) * sizeof(*test->path));
	if (!test->path)
		return -ENOMEM;
	for (uint32_t up = a->nodes[node].parent; up != NONE; up = a->nodes[up].parent) {
		if (a->nodes[up].kind == NODE_DESCRIBE)
			test->path[--at] = display_name(&a->nodes[up]);
		else if (a->nodes[up].kind == NODE_FILE)
			test->file = display_name(&a->nodes[up]);
	}
	return 0;
}

static bool has_file(const struct attribute *a, uint32_t node)
{
	for (uint32_t up = a->nodes[node].parent; up != NONE; up = a->nodes[up].parent) {
		if (a->nodes[up].kind == NODE_FILE)
			return true;
	}
	return false;
}

/* As busted's handlers make it: without a file the suite itself is part of the name. */
static int fill_full_name(struct attribute *a, uint32_t node, struct test *test)
{
	struct buf name;
	int r = 0;

	buf_init(&name, MAX_NAME_BYTES);
	if (!has_file(a, node))
		r = buf_addstr(&name, "suite ");
	for (size_t i = 0; i < test->nr_path && r == 0; i++)
		r = buf_addf(&name, "%s ", test->path[i]);
	if (r == 0)
		r = buf_addstr(&name, test->name);
	if (r == -E2BIG)
		r = 0; /* what fits is kept */
	if (r == 0) {
		test->full_name = arena_intern(&a->arena, name.data, name.len);
		r = test->full_name ? 0 : -ENOMEM;
	}
	buf_done(&name);
	return r;
}

/* ---- tags ----------------------------------------------------------------------------------- */

static bool has_tag(const struct test *test, const char *tag)
{
	for (size_t i = 0; i < test->nr_tags; i++) {
		if (test->tags[i] == tag) /* interned */
			return true;
	}
	return false;
}

/* "#" and what follows, up to a space or another "#". */
static int add_tags(struct attribute *a, const char *text, struct test *test, size_t room)
{
	const char *hash = strchr(text, '#');

	while (hash) {
		size_t len = strcspn(hash + 1, "# \t\r\n\v\f");
		const char *tag;

		if (len) {
			tag = arena_intern(&a->arena, hash + 1, len);
			if (!tag)
				return -ENOMEM;
			if (test->nr_tags < room && !has_tag(test, tag))
				test->tags[test->nr_tags++] = tag;
		}
		hash = strchr(hash + 1 + len, '#');
	}
	return 0;
}

static size_t count_hashes(const char *text)
{
	size_t nr = 0;

	for (; *text; text++)
		nr += *text == '#';
	return nr;
}

static int fill_tags(struct attribute *a, struct test *test)
{
	size_t room = count_hashes(test->file) + count_hashes(test->full_name);
	int r;

	if (!room)
		return 0;
	if (room > 256)
		room = 256;
	test->tags = arena_alloc(&a->arena, room * sizeof(*test->tags));
	if (!test->tags)
		return -ENOMEM;
	r = add_tags(a, test->file, test, room);
	return r < 0 ? r : add_tags(a, test->full_name, test, room);
}

/* ---- ids ------------------------------------------------------------------------------------ */

/* @ordinal 0: the key that tests of the same name share. */
static int make_id(const struct test *test, uint32_t ordinal, uuid_t ret)
{
	struct buf name;
	int r;

	buf_init(&name, 4 * MAX_NAME_BYTES);
	r = buf_add(&name, test->file, strlen(test->file) + 1);
	for (size_t i = 0; i < test->nr_path && r == 0; i++)
		r = buf_add(&name, test->path[i], strlen(test->path[i]) + 1);
	if (r == 0)
		r = buf_add(&name, test->name, strlen(test->name) + 1);
	if (r == 0 && ordinal)
		r = buf_addf(&name, "%u", ordinal);
	if (r == 0 || r == -E2BIG) {
		uuid_generate_md5(ret, test_namespace, name.data ? name.data : "", name.len);
		r = 0;
	}
	buf_done(&name);
	return r;
}

static uint32_t suite_of(const struct attribute *a, uint32_t node)
{
	uint32_t at = node;

	while (a->nodes[at].kind != NODE_SUITE && a->nodes[at].parent != NONE)
		at = a->nodes[at].parent;
	return at;
}

static int compare_same_name(const void *left, const void *right)
{
	const struct same_name *x = left, *y = right;
	int r = memcmp(x->key, y->key, sizeof(uuid_t));

	if (r)
		return r;
	if (x->suite != y->suite)
		return (x->suite > y->suite) - (x->suite < y->suite);
	if (x->line != y->line)
		return (x->line > y->line) - (x->line < y->line);
	return (x->index > y->index) - (x->index < y->index);
}

static int fill_ids(struct attribute *a, struct test *tests, size_t nr)
{
	CLEANUP(cleanup_free) struct same_name *same = calloc(nr + 1, sizeof(*same));
	uint32_t ordinal = 0;
	uuid_t id;
	int r = 0;

	if (!same)
		return -ENOMEM;
	for (size_t i = 0; i < nr && r == 0; i++) {
		same[i].suite = suite_of(a, a->tests[i].node);
		same[i].index = (uint32_t)i;
		same[i].line = tests[i].line;
		r = make_id(&tests[i], 0, same[i].key);
	}
	qsort(same, nr, sizeof(*same), compare_same_name);
	for (size_t i = 0; i < nr && r == 0; i++) {
		struct test *test = &tests[same[i].index];
		bool again = i && same[i].suite == same[i - 1].suite &&
			     memcmp(same[i].key, same[i - 1].key, sizeof(uuid_t)) == 0;

		ordinal = again ? ordinal + 1 : 1;
		test->ordinal = ordinal;
		r = make_id(test, ordinal, id);
		if (r == 0)
			uuid_unparse_lower(id, test->id);
	}
	return r;
}

/* ---- costs ---------------------------------------------------------------------------------- */

static void fill_costs(const struct attribute *a, struct test *tests)
{
	for (size_t i = 0; i < a->nr_nodes; i++) {
		const struct node *node = &a->nodes[i];
		struct costs costs = node_costs(node);
		struct test *test;

		if (node->test == NONE)
			continue;
		test = &tests[node->test];
		if (node->kind == NODE_BODY)
			costs_add(&test->body, &costs);
		else if (node->kind == NODE_FIXTURE)
			costs_add(&test->fixtures, &costs);
		if (node->by_stack && node->kind == NODE_TEST) {
			costs_forget_times(&test->body);
			costs_forget_times(&test->fixtures);
		}
	}
}

static int fill_test(struct attribute *a, const struct test_run *run, struct test *test)
{
	const struct node *node = &a->nodes[run->node];
	int r;

	test->name = display_name(node);
	test->source = node->source;
	test->line = node->line;
	test->status = run->doubtful ? TEST_UNKNOWN : run->status;
	test->incomplete =
		node->incomplete || (run->body != NONE && a->nodes[run->body].incomplete);
	test->iteration = run->iteration;
	test->children = run->children;
	r = fill_path(a, run->node, test);
	if (r == 0)
		r = fill_full_name(a, run->node, test);
	return r < 0 ? r : fill_tags(a, test);
}

int fill_tests(struct attribute *a, struct profile *p)
{
	struct test *tests = arena_alloc(&a->arena, (a->nr_tests + 1) * sizeof(*tests));
	int r = 0;

	if (!tests)
		return -ENOMEM;
	for (size_t i = 0; i < a->nr_tests && r == 0; i++)
		r = fill_test(a, &a->tests[i], &tests[i]);
	if (r == 0)
		r = fill_ids(a, tests, a->nr_tests);
	if (r < 0)
		return r;
	fill_costs(a, tests);
	p->tests = tests;
	p->nr_tests = a->nr_tests;
	return 0;
}
