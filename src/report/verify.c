/* SPDX-License-Identifier: MIT */
#include "verify.h"

#include <errno.h>
#include <string.h>

static bool hash_failed; /* uthash reports a failed allocation only through this hook */
#define HASH_NONFATAL_OOM      1
#define uthash_nonfatal_oom(e) (hash_failed = true)
#include <uthash.h>

/* A VM of a process; forked children have theirs at the same address. */
struct vm_key {
	uint64_t vm;
	uint32_t pid, family;
};

struct counted {
	struct vm_key key;
	struct verification counts;
	UT_hash_handle hh;
};

struct build {
	struct vm_key key;
	char *version;
};

struct verify {
	struct counted *counted;
	struct build *builds;
	size_t nr_builds, room;
	struct verification *merged;
	size_t nr_merged;
};

int verify_new(struct verify **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void verify_free(struct verify *v)
{
	struct counted *c, *next;

	if (!v)
		return;
	HASH_ITER (hh, v->counted, c, next) {
		HASH_DEL(v->counted, c);
		free(c);
	}
	for (size_t i = 0; i < v->nr_builds; i++)
		free(v->builds[i].version);
	free(v->builds);
	free(v->merged);
	free(v);
}

/* ---- one sample ---------------------------------------------------------------------------- */

static bool has_mark(const struct bprof_frame *f, enum frame_mark mark)
{
	bool lua = f->flags & BPROF_FRAME_LUA;
	bool trace = f->flags & BPROF_FRAME_TRACE;

	switch (mark) {
	case FRAME_MARK_UNKNOWN:
		return f->flags & BPROF_FRAME_UNKNOWN;
	case FRAME_MARK_NO_POS:
		return lua && f->flags & BPROF_FRAME_NO_POS;
	case FRAME_MARK_GUARD:
		return f->flags & BPROF_FRAME_GUARD;
	case FRAME_MARK_TRACE_START:
		return lua && trace && !(f->flags & (BPROF_FRAME_GUARD | BPROF_FRAME_NO_POS));
	case FRAME_MARK_INLINED:
		return f->flags & BPROF_FRAME_INLINED;
	case FRAME_MARK_TAILCALL:
		return f->flags & BPROF_FRAME_TAILCALL;
	case NR_FRAME_MARKS:
		break;
	}
	return false;
}

/* Most frames have none of them, and there are many frames. */
#define MARKED                                                                                     \
	(BPROF_FRAME_UNKNOWN | BPROF_FRAME_NO_POS | BPROF_FRAME_TRACE | BPROF_FRAME_GUARD |        \
	 BPROF_FRAME_INLINED | BPROF_FRAME_TAILCALL)

static void count_marks(const struct bprof_sample *s, const struct bprof_frame *frames,
			uint64_t by_mark[NR_FRAME_MARKS])
{
	for (unsigned i = 0; i < s->nr_frames; i++) {
		if (!(frames[i].flags & MARKED))
			continue;
		for (int k = 0; k < NR_FRAME_MARKS; k++)
			by_mark[k] += has_mark(&frames[i], (enum frame_mark)k);
	}
}

static enum confidence confidence(const struct bprof_sample *s,
				  const uint64_t by_mark[NR_FRAME_MARKS])
{
	switch ((enum bprof_walk_status)s->status) {
	case BPROF_WALK_NO_VM:
	case BPROF_WALK_IDLE:
		return CONFIDENCE_OUTSIDE;
	case BPROF_WALK_NO_LEAF:
		return CONFIDENCE_UNKNOWN_LEAF;
	case BPROF_WALK_TRUNCATED:
		return CONFIDENCE_TRUNCATED;
	case BPROF_WALK_OK:
		break;
	default:
		return CONFIDENCE_INCOMPLETE;
	}
	if (by_mark[FRAME_MARK_UNKNOWN])
		return CONFIDENCE_UNKNOWN_LEAF;
	if (by_mark[FRAME_MARK_NO_POS])
		return CONFIDENCE_FUNCTION_ONLY;
	if (by_mark[FRAME_MARK_TRACE_START])
		return CONFIDENCE_TRACE_START;
	return by_mark[FRAME_MARK_GUARD] ? CONFIDENCE_GUARD : CONFIDENCE_EXACT;
}

enum confidence verify_confidence(const struct bprof_sample *s, const struct bprof_frame *frames)
{
	uint64_t by_mark[NR_FRAME_MARKS] = {0};

	count_marks(s, frames, by_mark);
	return confidence(s, by_mark);
}

static struct counted *find(struct verify *v, const struct bprof_sample *s)
{
	struct vm_key key = {.vm = s->vm, .pid = s->pid, .family = s->family};
	struct counted *c;

	/* what never had a VM is all the same */
	if (s->family == BPROF_FAMILY_NONE)
		key = (struct vm_key){0};
	HASH_FIND(hh, v->counted, &key, sizeof(key), c);
	if (c)
		return c;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->key = key;
	hash_failed = false;
	HASH_ADD(hh, v->counted, key, sizeof(key), c);
	if (hash_failed) {
		free(c);
		return NULL;
	}
	return c;
}

int verify_sample(struct verify *v, const struct bprof_sample *s, const struct bprof_frame *frames)
{
	struct counted *found = find(v, s);
	uint64_t by_mark[NR_FRAME_MARKS] = {0};
	struct verification *c;

	if (!found)
		return -ENOMEM;
	c = &found->counts;
	count_marks(s, frames, by_mark);
	for (int i = 0; i < NR_FRAME_MARKS; i++)
		c->by_mark[i] += by_mark[i];
	c->samples++;
	c->frames += s->nr_frames;
	c->by_confidence[confidence(s, by_mark)]++;
	c->by_status[s->status]++;
	c->by_leaf[s->leaf_how % VERIFICATION_LEAF_RULES]++;
	c->leaf_skipped += (s->leaf_how & WALK_LEAF_PUC_SKIPPED) != 0;
	if (s->family == BPROF_FAMILY_PUC && s->nr_frames && s->vmstate >= 0 &&
	    s->vmstate < BPROF_NR_GC_STATES)
		c->by_gc[s->vmstate]++;
	c->spans_cut += (s->flags & BPROF_SAMPLE_MAIN_CUT) != 0;
	return 0;
}

/* ---- builds -------------------------------------------------------------------------------- */

int verify_runtime(struct verify *v, const struct decoded *d)
{
	const struct bprof_runtime *fixed = d->runtime.fixed;
	struct build build = {.key = {fixed->vm, fixed->pid, fixed->family}};

	if (v->nr_builds == v->room) {
		size_t room = v->room ? 2 * v->room : 16;
		struct build *grown = reallocarray(v->builds, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		v->builds = grown;
		v->room = room;
	}
	build.version = strndup(d->runtime.version.data, d->runtime.version.len);
	if (!build.version)
		return -ENOMEM;
	v->builds[v->nr_builds++] = build;
	return 0;
}

/* Of this very process, else of one that forked it: then the address is the same. */
static const char *version_of(const struct verify *v, const struct vm_key *key)
{
	const char *forked = NULL;

	for (size_t i = 0; i < v->nr_builds; i++) {
		const struct vm_key *known = &v->builds[i].key;

		if (known->vm != key->vm || known->family != key->family)
			continue;
		if (known->pid == key->pid)
			return v->builds[i].version;
		forked = v->builds[i].version;
	}
	return forked;
}

static const char *kind_of(uint32_t family)
{
	switch ((enum bprof_family)family) {
	case BPROF_FAMILY_LUAJIT:
		return "luajit";
	case BPROF_FAMILY_PUC:
		return "lua";
	default:
		return NULL;
	}
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void add_counts(struct verification *sum, const struct verification *part)
{
	sum->samples += part->samples;
	sum->frames += part->frames;
	sum->leaf_skipped += part->leaf_skipped;
	sum->spans_cut += part->spans_cut;
	for (size_t i = 0; i < NR_CONFIDENCES; i++)
		sum->by_confidence[i] += part->by_confidence[i];
	for (size_t i = 0; i < BPROF_NR_WALK_STATUS; i++)
		sum->by_status[i] += part->by_status[i];
	for (size_t i = 0; i < BPROF_NR_GC_STATES; i++)
		sum->by_gc[i] += part->by_gc[i];
	for (size_t i = 0; i < NR_FRAME_MARKS; i++)
		sum->by_mark[i] += part->by_mark[i];
	for (size_t i = 0; i < VERIFICATION_LEAF_RULES; i++)
		sum->by_leaf[i] += part->by_leaf[i];
}

static void merge(struct verify *v, const struct counted *c)
{
	const char *kind = kind_of(c->key.family), *version = version_of(v, &c->key);
	size_t i = 0;

	while (i < v->nr_merged &&
	       !(same_text(v->merged[i].kind, kind) && same_text(v->merged[i].version, version)))
		i++;
	if (i == v->nr_merged)
		v->merged[v->nr_merged++] = (struct verification){.kind = kind, .version = version};
	add_counts(&v->merged[i], &c->counts);
}

int verify_fill(struct verify *v, struct profile *p)
{
	v->merged = calloc(HASH_COUNT(v->counted) + 1, sizeof(*v->merged));
	if (!v->merged)
		return -ENOMEM;
	for (const struct counted *c = v->counted; c; c = c->hh.next)
		merge(v, c);
	p->verifications = v->merged;
	p->nr_verifications = v->nr_merged;
	return 0;
}
