/* SPDX-License-Identifier: MIT */
#include "vm_repeat.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct counted {
	char id[37];
	uint32_t iteration;
	uint64_t count;
};

static uint64_t count_of(const struct test *t)
{
	return t->body.meters.value[BPROF_METER_VM_INSTRUCTIONS];
}

int vm_repeat_write(const struct profile *p, struct buf *ret)
{
	int r = 0;

	for (size_t i = 0; i < p->nr_tests && r == 0; i++) {
		const struct test *t = &p->tests[i];

		if (count_of(t) != PROFILE_UNKNOWN)
			r = buf_addf(ret, "%s %" PRIu32 " %" PRIu64 "\n", t->id, t->iteration,
				     count_of(t));
	}
	return r;
}

static int compare_keys(const void *left, const void *right)
{
	const struct counted *a = left, *b = right;
	int order = strcmp(a->id, b->id);

	return order ? order : (a->iteration > b->iteration) - (a->iteration < b->iteration);
}

static size_t count_lines(const char *text)
{
	size_t nr = 1;

	for (; *text; text++)
		nr += *text == '\n';
	return nr;
}

static size_t read_lines(const char *text, struct counted *ret)
{
	size_t nr = 0;

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
		if (sscanf(text, "%36s %" SCNu32 " %" SCNu64, ret[nr].id, &ret[nr].iteration,
			   &ret[nr].count) == 3)
			nr++;
	return nr;
}

static enum vm_repeat repeat_of(const struct test *t, const struct counted *earlier, size_t nr)
{
	struct counted key = {.iteration = t->iteration};
	const struct counted *found;

	memcpy(key.id, t->id, sizeof(key.id));
	found = bsearch(&key, earlier, nr, sizeof(*earlier), compare_keys);
	if (!found || count_of(t) == PROFILE_UNKNOWN)
		return VM_REPEAT_UNKNOWN;
	return found->count == count_of(t) ? VM_REPEAT_SAME : VM_REPEAT_DIFFERS;
}

int vm_repeat_apply(const char *text, struct profile *p)
{
	struct counted *earlier;
	size_t nr;

	if (!*text)
		return 0;
	earlier = calloc(count_lines(text), sizeof(*earlier));
	if (!earlier)
		return -ENOMEM;
	nr = read_lines(text, earlier);
	qsort(earlier, nr, sizeof(*earlier), compare_keys);
	for (size_t i = 0; i < p->nr_tests; i++)
		p->tests[i].vm_repeat = repeat_of(&p->tests[i], earlier, nr);
	p->vm_counted_twice = true;
	free(earlier);
	return 0;
}
