/* SPDX-License-Identifier: MIT */
/*
 * The native side of a target: its stacks unwound by the files that it has mapped.
 */
#include <errno.h>

#include "targets.h"
#include "unwind/native.h"

struct target_native {
	struct targets *all; /* borrowed, as is the target */
	struct target *target;
	struct native_unwinder *unwinder;

	/* the mapping read last: unwind data is read a word at a time */
	uaddr_t start, end;
	struct elf_image *elf;
	uint64_t bias;
};

/* What a pc in code that no file holds costs: the mappings are read again. */
static int image_at(void *ctx, uaddr_t pc, struct native_image *ret)
{
	struct target_native *n = ctx;
	const struct proc_map *map;
	struct elf_unwind_table table;
	uint64_t vaddr;
	struct elf_image *elf = targets_image_of(n->all, n->target, pc, &map, &vaddr);

	if (!elf || elf_unwind_table(elf, &table) < 0)
		return -ENOENT;
	*ret = (struct native_image){
		.start = map->start,
		.end = map->end,
		.bias = pc - vaddr,
		.header = table.header,
		.table = table.table,
		.nr = table.nr,
	};
	return 0;
}

static int read_file(void *ctx, void *dst, size_t len, uaddr_t src)
{
	struct target_native *n = ctx;

	if (src < n->start || src >= n->end) {
		const struct proc_map *map = proc_maps_find(&n->target->maps, src);
		uint64_t vaddr;
		struct elf_image *elf =
			map ? targets_image_of(n->all, n->target, src, &map, &vaddr) : NULL;

		if (!elf)
			return -EFAULT;
		n->start = map->start;
		n->end = map->end;
		n->elf = elf;
		n->bias = src - vaddr;
	}
	return elf_read(n->elf, src - n->bias, dst, len) < 0 ? -EFAULT : 0;
}

struct native_unwinder *target_unwinder(struct targets *all, struct target *t)
{
	struct native_env env = {.image = image_at, .read = read_file};
	struct target_native *n;

	if (t->native)
		return t->native->unwinder;
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->all = all;
	n->target = t;
	env.ctx = n;
	if (native_new(&env, &n->unwinder) < 0) {
		free(n);
		return NULL;
	}
	t->native = n;
	return n->unwinder;
}

void target_native_forget(struct target *t)
{
	if (!t->native)
		return;
	t->native->start = t->native->end = 0;
	native_forget(t->native->unwinder);
}

void target_native_free(struct target *t)
{
	if (!t->native)
		return;
	native_free(t->native->unwinder);
	free(t->native);
	t->native = NULL;
}
