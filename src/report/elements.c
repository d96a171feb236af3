/* SPDX-License-Identifier: MIT */
#include "elements.h"

#include <errno.h>
#include <string.h>

#include "base.h"

static bool hash_failed; /* uthash reports a failed allocation only through this hook */
#define HASH_NONFATAL_OOM      1
#define uthash_nonfatal_oom(e) (hash_failed = true)
#include <uthash.h>

/* By address: of an element's table, or of a descriptor's string. */
struct entry {
	struct entry_key {
		uint64_t address;
		uint32_t pid, zero;
	} key;
	char *descriptor, *name, *source;
	int32_t line;
	uint32_t fingerprint;
	UT_hash_handle hh;
};

struct elements {
	struct entry *entries;
};

int elements_new(struct elements **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

static void entry_free(struct entry *e)
{
	free(e->descriptor);
	free(e->name);
	free(e->source);
	free(e);
}

void elements_free(struct elements *e)
{
	struct entry *entry, *next;

	if (!e)
		return;
	HASH_ITER (hh, e->entries, entry, next) {
		HASH_DEL(e->entries, entry);
		entry_free(entry);
	}
	free(e);
}

/* A NUL ends a name, as it does in an announcement of the hook. */
static char *copy(struct text t)
{
	return strndup(t.data, t.len);
}

static struct entry *find(const struct elements *e, uint32_t pid, uint64_t address)
{
	struct entry_key key;
	struct entry *entry;

	memset(&key, 0, sizeof(key));
	key.address = address;
	key.pid = pid;
	HASH_FIND(hh, e->entries, &key, sizeof(key), entry);
	return entry;
}

/*
 * Not one that was read later, or earlier, at the same address. One whose strings could not be read
 * at the sample, or when it was captured, proves nothing, except where nobody ever asked for them:
 * in a recording of an older version.
 */
static const struct entry *find_seen(const struct elements *e, uint32_t pid,
				     const struct bprof_span *span)
{
	const struct entry *entry = find(e, pid, span->element);

	return entry && entry->fingerprint == span->fingerprint ? entry : NULL;
}

int elements_add(struct elements *e, const struct decoded *d)
{
	const struct bprof_element *fixed = d->element.fixed;
	struct entry *entry = calloc(1, sizeof(*entry));
	struct entry *old;

	if (!entry)
		return -ENOMEM;
	entry->key.address = fixed->element;
	entry->key.pid = fixed->pid;
	entry->line = fixed->line;
	entry->fingerprint = fixed->fingerprint;
	entry->source = copy(d->element.source);
	if (d->element.descriptor.len)
		entry->descriptor = copy(d->element.descriptor);
	if (d->element.name.len)
		entry->name = copy(d->element.name);
	if (!entry->source || (d->element.descriptor.len && !entry->descriptor) ||
	    (d->element.name.len && !entry->name)) {
		entry_free(entry);
		return -ENOMEM;
	}
	old = find(e, fixed->pid, fixed->element);
	if (old) {
		HASH_DEL(e->entries, old);
		entry_free(old);
	}
	hash_failed = false;
	HASH_ADD(hh, e->entries, key, sizeof(entry->key), entry);
	if (hash_failed)
		entry_free(entry);
	return hash_failed ? -ENOMEM : 0;
}

size_t elements_of_sample(const struct elements *e, const struct bprof_sample *s,
			  const struct bprof_span *spans,
			  struct attribute_element ret[BPROF_MAX_SPANS])
{
	size_t nr = 0;

	for (size_t i = s->nr_spans; i-- > 0;) {
		const struct entry *element = find_seen(e, s->pid, &spans[i]);
		const struct entry *passed = find(e, s->pid, spans[i].descriptor);

		ret[nr] = (struct attribute_element){.address = spans[i].element};
		if (passed)
			ret[nr].passed = passed->descriptor;
		if (element) {
			ret[nr].descriptor = element->descriptor;
			ret[nr].name = element->name;
			ret[nr].source = element->source;
			ret[nr].line = element->line;
		}
		nr++;
	}
	return nr;
}
