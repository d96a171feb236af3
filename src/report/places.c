/* SPDX-License-Identifier: MIT */
#include "places.h"

#include <errno.h>
#include <stdio.h>

#include "base.h"

static bool hash_failed; /* uthash reports a failed allocation only through this hook */
#define HASH_NONFATAL_OOM      1
#define uthash_nonfatal_oom(e) (hash_failed = true)
#include <uthash.h>

struct place {
	struct place_key {
		uint32_t node, phase;
	} key;
	const char **names;
	size_t nr;
	uint32_t test;
	UT_hash_handle hh;
};

struct places {
	struct place *by_key;
	char **strings; /* made here */
	size_t nr_strings, size_strings;
};

int places_new(struct places **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void places_free(struct places *all)
{
	struct place *p, *next;

	if (!all)
		return;
	HASH_ITER (hh, all->by_key, p, next) {
		HASH_DEL(all->by_key, p);
		free(p->names);
		free(p);
	}
	for (size_t i = 0; i < all->nr_strings; i++)
		free(all->strings[i]);
	free(all->strings);
	free(all);
}

static const char *keep(struct places *all, char *s)
{
	if (s && all->nr_strings == all->size_strings) {
		size_t size = all->size_strings ? 2 * all->size_strings : 256;
		char **grown = reallocarray(all->strings, size, sizeof(*grown));

		if (!grown) {
			free(s);
			return NULL;
		}
		all->strings = grown;
		all->size_strings = size;
	}
	if (s)
		all->strings[all->nr_strings++] = s;
	return s;
}

static const char *bracketed(struct places *all, const char *name)
{
	char *s;

	return asprintf(&s, "[%s]", name ? name : "?") < 0 ? NULL : keep(all, s);
}

static const char *node_name(struct places *all, const struct profile *p,
			     const struct profile_node *n)
{
	const struct test *t;
	char *s;

	if (n->kind == NODE_FIXTURE)
		return bracketed(all, n->name);
	if (n->kind != NODE_TEST || n->test >= p->nr_tests)
		return n->name && n->name[0] ? n->name : "describe";
	t = &p->tests[n->test];
	if (t->line > 0 && asprintf(&s, "it %s (%s:%d)", t->name,
				    t->source && t->source[0] ? t->source : t->file, t->line) >= 0)
		return keep(all, s);
	return asprintf(&s, "it %s (%s)", t->name, t->file) < 0 ? NULL : keep(all, s);
}

static bool is_named(enum node_kind kind)
{
	return kind == NODE_FILE || kind == NODE_DESCRIBE || kind == NODE_TEST ||
	       kind == NODE_FIXTURE;
}

static int name_place(struct places *all, const struct profile *p, uint32_t node, enum phase phase,
		      struct place *ret)
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
			ret->names[--at] = node_name(all, p, &p->nodes[n]);
	}
	if (outside) {
		ret->names[0] = "[outside tests]";
		ret->names[1] = bracketed(all, phase_name(phase));
	}
	for (at = 0; at < ret->nr; at++)
		if (!ret->names[at])
			return -ENOMEM;
	return 0;
}

int places_give(struct places *all, const struct profile *p, uint32_t node, enum phase phase,
		struct profile_stack *stack)
{
	struct place_key key = {.node = node, .phase = (uint32_t)phase};
	struct place *place;

	HASH_FIND(hh, all->by_key, &key, sizeof(key), place);
	if (!place) {
		place = calloc(1, sizeof(*place));
		if (!place)
			return -ENOMEM;
		place->key = key;
		hash_failed = name_place(all, p, node, phase, place) < 0;
		if (!hash_failed)
			HASH_ADD(hh, all->by_key, key, sizeof(key), place);
		if (hash_failed) {
			free(place->names);
			free(place);
			return -ENOMEM;
		}
	}
	stack->prefix = place->names;
	stack->nr_prefix = place->nr;
	stack->test = place->test;
	return 0;
}
