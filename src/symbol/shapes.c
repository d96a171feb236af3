/* SPDX-License-Identifier: MIT */
/* Counts the shapes at each place: chunk, first line, dialect. */
#include "shapes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base.h"

static bool hash_failed; /* uthash reports a failed allocation only through this hook */
#define HASH_NONFATAL_OOM      1
#define uthash_nonfatal_oom(e) (hash_failed = true)
#include <uthash.h>

struct place {
	char *key;
	uint64_t shape[SHAPES_MAX];
	size_t nr; /* SHAPES_MAX + 1 = more */
	UT_hash_handle hh;
};

struct shapes {
	struct place *places;
};

static char *key_of(const struct proto_fact *fact)
{
	char *key;
	int len = asprintf(&key, "%u:%d:%s", fact->view.body.dialect, fact->first_line,
			   fact->chunk ? fact->chunk : "");

	return len < 0 ? NULL : key;
}

/* The key becomes the place's, or is freed. */
static struct place *place_of(struct shapes *s, char *key)
{
	struct place *p;

	HASH_FIND_STR(s->places, key, p);
	if (p) {
		free(key);
		return p;
	}
	p = calloc(1, sizeof(*p));
	hash_failed = !p;
	if (p) {
		p->key = key;
		HASH_ADD_KEYPTR(hh, s->places, p->key, strlen(p->key), p);
	}
	if (hash_failed) {
		free(key);
		free(p);
		return NULL;
	}
	return p;
}

static int add_fact(void *arg, const struct proto_fact *fact)
{
	char *key = fact->body ? key_of(fact) : NULL;
	struct place *p;

	if (!fact->body)
		return 0;
	p = key ? place_of(arg, key) : NULL;
	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < p->nr && i < SHAPES_MAX; i++) {
		if (p->shape[i] == fact->shape)
			return 0;
	}
	if (p->nr < SHAPES_MAX)
		p->shape[p->nr] = fact->shape;
	if (p->nr <= SHAPES_MAX)
		p->nr++;
	return 0;
}

int shapes_new(const struct spaces *spaces, struct shapes **ret)
{
	struct shapes *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	r = spaces_each_proto(spaces, add_fact, s);
	if (r < 0) {
		shapes_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void shapes_free(struct shapes *s)
{
	struct place *p, *next;

	if (!s)
		return;
	HASH_ITER (hh, s->places, p, next) {
		HASH_DEL(s->places, p);
		free(p->key);
		free(p);
	}
	free(s);
}

uint64_t shapes_discriminator(const struct shapes *s, const struct proto_fact *fact,
			      bool *ret_crowd)
{
	CLEANUP(cleanup_free) char *key = fact->body ? key_of(fact) : NULL;
	struct place *p = NULL;

	if (key)
		HASH_FIND_STR(s->places, key, p);
	*ret_crowd = p && p->nr > SHAPES_MAX;
	return p && p->nr > 1 && !*ret_crowd ? fact->shape : 0;
}
