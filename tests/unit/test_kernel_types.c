/* SPDX-License-Identifier: MIT */
/* What is cut out of the kernel's types is what the kernel has, and nothing broken gets through. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include "kernel_types.h"

/* ---- helpers ------------------------------------------------------------------------------- */

/* Structs that programs know, by name alone. */
static struct btf *wanted(const char *const *names)
{
	struct btf *btf = btf__new_empty();

	while (*names)
		cr_assert(btf__add_struct(btf, *names++, 8) > 0);
	return btf;
}

static const struct btf_type *struct_of(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);

	return id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
}

/* Its number, -1 = there is none. */
static int member_of(const struct btf *btf, const struct btf_type *t, const char *name)
{
	for (int i = 0; i < btf_vlen(t); i++) {
		if (strcmp(btf__name_by_offset(btf, btf_members(t)[i].name_off), name) == 0)
			return i;
	}
	return -1;
}

static void expect_member(const struct btf *btf, const struct btf_type *t, const char *name,
			  uint32_t offset, long long bytes, unsigned kind)
{
	int i = member_of(btf, t, name);

	cr_assert(i >= 0, "%s is missing", name);
	cr_expect(btf_member_bit_offset(t, (uint32_t)i) == 8 * offset, "%s", name);
	cr_expect(btf__resolve_size(btf, btf_members(t)[i].type) == bytes, "%s", name);
	cr_expect(btf_kind(btf__type_by_id(btf, btf_members(t)[i].type)) == kind, "%s", name);
}

/*
 *	struct inner { u64 word; };                     struct stranger { u32 x; };
 *	struct task {
 *		const pid_t pid;   u32 flags : 3;   struct inner in;   struct stranger s;
 *		struct task *next; u32 list[4];     union { u64 whole; struct { u32 low, high; }; };
 *	};
 */
static struct btf *made(void)
{
	struct btf *btf = btf__new_empty();
	int u64 = btf__add_int(btf, "u64", 8, 0), u32 = btf__add_int(btf, "u32", 4, 0);
	int s32 = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	int pid = btf__add_const(btf, btf__add_typedef(btf, "pid_t", s32));
	int inner = btf__add_struct(btf, "inner", 8), stranger, pair, either, list, next;

	btf__add_field(btf, "word", u64, 0, 0);
	stranger = btf__add_struct(btf, "stranger", 4);
	btf__add_field(btf, "x", u32, 0, 0);
	pair = btf__add_struct(btf, "", 8);
	btf__add_field(btf, "low", u32, 0, 0);
	btf__add_field(btf, "high", u32, 32, 0);
	either = btf__add_union(btf, "", 8);
	btf__add_field(btf, "whole", u64, 0, 0);
	btf__add_field(btf, "", pair, 0, 0);
	list = btf__add_array(btf, u32, u32, 4);
	next = btf__add_ptr(btf, btf__type_cnt(btf) + 1);
	btf__add_struct(btf, "task", 64);
	btf__add_field(btf, "pid", pid, 0, 0);
	btf__add_field(btf, "flags", u32, 32, 3);
	btf__add_field(btf, "in", inner, 64, 0);
	btf__add_field(btf, "s", stranger, 128, 0);
	btf__add_field(btf, "next", next, 192, 0);
	btf__add_field(btf, "list", list, 256, 0);
	btf__add_field(btf, "", either, 384, 0);
	return btf;
}

/* ---- tests --------------------------------------------------------------------------------- */

Test(kernel_types, a_struct_keeps_what_a_relocation_asks_for)
{
	struct btf *btf = made(), *names, *cut = NULL;
	const struct btf_type *task, *either;
	uint32_t bytes;
	const void *raw = btf__raw_data(btf, &bytes);
	int i;

	names = wanted((const char *const[]){"task", "inner", "not_there", NULL});
	cr_assert(eq(int, kernel_types_cut(raw, bytes, names, &cut), 0));
	task = struct_of(cut, "task");
	cr_assert(task != NULL && struct_of(cut, "inner") != NULL);
	cr_expect(struct_of(cut, "stranger") == NULL && struct_of(cut, "not_there") == NULL);
	cr_expect(eq(u32, task->size, 64));
	expect_member(cut, task, "pid", 0, 4, BTF_KIND_INT);
	expect_member(cut, task, "in", 8, 8, BTF_KIND_STRUCT);
	expect_member(cut, task, "next", 24, 8, BTF_KIND_PTR);
	expect_member(cut, task, "list", 32, 16, BTF_KIND_ARRAY);
	expect_member(cut, task, "", 48, 8, BTF_KIND_UNION);
	cr_expect(member_of(cut, task, "flags") < 0 && member_of(cut, task, "s") < 0);
	i = member_of(cut, task, "");
	either = btf__type_by_id(cut, btf_members(task)[i].type);
	expect_member(cut, either, "whole", 0, 8, BTF_KIND_INT);
	expect_member(cut, either, "", 0, 8, BTF_KIND_STRUCT);
	btf__free(cut);
	btf__free(names);
	btf__free(btf);
}

/* Member by member against libbpf's own reader. */
Test(kernel_types, of_the_running_kernel)
{
	static const char *const structs[] = {
		"task_struct", "mm_struct", "sched_entity", "rq",	   "thread_struct",
		"sched_info",  "file",	    "inode",	    "super_block", "pt_regs",
		NULL};
	struct btf *kernel = btf__load_vmlinux_btf(), *names = wanted(structs), *cut = NULL;
	uint32_t bytes;
	const void *raw;
	unsigned compared = 0;

	if (!kernel)
		cr_skip_test("this kernel does not describe its types");
	raw = btf__raw_data(kernel, &bytes);
	cr_assert(eq(int, kernel_types_cut(raw, bytes, names, &cut), 0));
	for (size_t s = 0; structs[s]; s++) {
		const struct btf_type *all = struct_of(kernel, structs[s]);
		const struct btf_type *some = struct_of(cut, structs[s]);

		cr_assert(all != NULL && some != NULL, "%s", structs[s]);
		cr_expect(eq(u32, some->size, all->size));
		for (uint32_t i = 0; i < btf_vlen(some); i++) {
			const char *name = btf__name_by_offset(cut, btf_members(some)[i].name_off);
			int k = *name ? member_of(kernel, all, name) : -1;

			if (!*name)
				continue;
			cr_assert(k >= 0, "%s.%s", structs[s], name);
			cr_expect(btf_member_bit_offset(some, i) ==
					  btf_member_bit_offset(all, (uint32_t)k),
				  "%s.%s", structs[s], name);
			cr_expect(btf__resolve_size(cut, btf_members(some)[i].type) ==
					  btf__resolve_size(kernel, btf_members(all)[k].type),
				  "%s.%s", structs[s], name);
			compared++;
		}
	}
	cr_expect(gt(u32, compared, 100));
	btf__free(cut);
	btf__free(names);
	btf__free(kernel);
}

Test(kernel_types, a_struct_inside_itself_is_refused)
{
	struct btf *btf = btf__new_empty(), *cut = NULL;
	struct btf *names = wanted((const char *const[]){"task", NULL});
	int task = btf__add_struct(btf, "task", 8);
	uint32_t bytes;
	const void *raw;

	btf__add_field(btf, "again", task, 0, 0);
	raw = btf__raw_data(btf, &bytes);
	cr_expect(eq(int, kernel_types_cut(raw, bytes, names, &cut), -EBADMSG));
	btf__free(names);
	btf__free(btf);
}

/* Cut anywhere or with any byte changed: an error or a result, never a read beyond the end. */
Test(kernel_types, broken_ones_do_no_harm)
{
	struct btf *btf = made(), *names = wanted((const char *const[]){"task", "inner", NULL});
	uint32_t bytes;
	const void *raw = btf__raw_data(btf, &bytes);
	unsigned refused = 0;

	for (uint32_t i = 0; i < bytes; i++) {
		char *copy = malloc(i ? i : 1), *changed = malloc(bytes);
		struct btf *cut = NULL;

		memcpy(copy, raw, i);
		cr_expect(eq(int, kernel_types_cut(copy, i, names, &cut), -EBADMSG));
		memcpy(changed, raw, bytes);
		changed[i] = (char)~changed[i];
		if (kernel_types_cut(changed, bytes, names, &cut) < 0)
			refused++;
		else
			btf__free(cut);
		free(changed);
		free(copy);
	}
	cr_expect(gt(u32, refused, 16)); /* the header's at least */
	btf__free(names);
	btf__free(btf);
}
