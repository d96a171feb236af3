/* SPDX-License-Identifier: MIT */
/*
 * Manages the proof of which functions of a PUC Lua build are its collector, its interpreter and
 *its calls. Static functions have no symbols in a stripped file, so they are known by who calls
 *them:
 *
 *	luaC_step      the one function that every part of the API that makes objects calls directly
 *	luaV_execute   the longest function of the file, and it calls luaC_step directly; or,
 *		       where no symbols say what that is, the one that fetches instructions and
 *jumps by them (lua_dispatch.c) luaD_call      lua_call() calls it directly luaC_fullgc    and its
 *like: lua_gc() calls them directly, and hardly anyone else does (the allocator, when memory is
 *short)
 *
 * What the collector jumps to instead of calling it is one of its ways in as well: its own frame is
 * gone then. A function that calls nothing and is short (luaE_setdebt) is none, wherever it is
 * called.
 *
 * Where a compiler has merged functions across files one of these sentences is not true, and there
 *is no proof.
 *
 * Facts: lapi.c, lgc.c, lgc.h, ldo.c of Lua 5.1-5.5 (copyright Lua.org, PUC-Rio, MIT), and the code
 *of Debian's builds.
 */
#include <errno.h>

#include "elf_image.h"

#define MAX_TARGETS	    64 /* functions called by one */
#define SHORT_BYTES	    64
#define MAX_FOREIGN_CALLERS 3

struct target_set {
	uint64_t at[MAX_TARGETS];
	size_t nr;
};

static bool set_has(const struct target_set *set, uint64_t at)
{
	for (size_t i = 0; i < set->nr; i++)
		if (set->at[i] == at)
			return true;
	return false;
}

static bool set_add(struct target_set *set, uint64_t at)
{
	if (set_has(set, at))
		return true;
	if (set->nr == MAX_TARGETS)
		return false;
	set->at[set->nr++] = at;
	return true;
}

/* The first call of the function at @from; what follows it is sorted. */
static size_t first_call(const struct elf_image *image, uint64_t from)
{
	size_t low = 0, high = image->nr_calls;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (image->call[middle].from < from)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool calls_of(const struct elf_image *image, uint64_t from, bool only_jumps,
		     struct target_set *ret)
{
	ret->nr = 0;
	for (size_t i = first_call(image, from); i < image->nr_calls && image->call[i].from == from;
	     i++) {
		if (only_jumps && !image->call[i].is_jump)
			continue;
		if (!set_add(ret, image->call[i].to))
			return false;
	}
	return true;
}

static bool calls_of_named(struct elf_image *image, const char *name, struct target_set *ret)
{
	struct elf_function f;

	ret->nr = 0;
	return elf_function(image, name, &f) == 0 && calls_of(image, f.address, false, ret);
}

/* Parts of the API that make objects. */
static const char *const makers[] = {"lua_createtable", "lua_pushcclosure", "lua_newthread",
				     "lua_concat", "lua_pushvfstring"};

static bool find_step(struct elf_image *image, uint64_t *ret)
{
	struct target_set common, next;

	if (!calls_of_named(image, makers[0], &common))
		return false;
	for (size_t i = 1; i < ARRAY_SIZE(makers); i++) {
		size_t nr = 0;

		if (!calls_of_named(image, makers[i], &next))
			return false;
		for (size_t k = 0; k < common.nr; k++)
			if (set_has(&next, common.at[k]))
				common.at[nr++] = common.at[k];
		common.nr = nr;
	}
	*ret = common.at[0];
	return common.nr == 1;
}

static bool is_short_leaf(struct elf_image *image, uint64_t at)
{
	struct target_set callees;
	struct elf_range range;

	return elf_code_range(image, at, &range) == 0 && range.end - range.start <= SHORT_BYTES &&
	       calls_of(image, at, false, &callees) && callees.nr == 0;
}

/* What the functions of @collector jump to belongs to it. */
static bool follow_jumps(struct elf_image *image, struct target_set *collector)
{
	for (size_t i = 0; i < collector->nr; i++) {
		struct target_set jumps;

		if (!calls_of(image, collector->at[i], true, &jumps))
			return false;
		for (size_t k = 0; k < jumps.nr; k++)
			if (!is_short_leaf(image, jumps.at[k]) && !set_add(collector, jumps.at[k]))
				return false;
	}
	return true;
}

/* Functions outside of @collector and @gc that call the one at @at, up to one more than allowed. */
static size_t foreign_callers(const struct elf_image *image, const struct target_set *collector,
			      uint64_t gc, uint64_t at)
{
	uint64_t last = 0;
	size_t nr = 0;

	for (size_t i = 0; i < image->nr_calls && nr <= MAX_FOREIGN_CALLERS; i++) {
		const struct elf_call *call = &image->call[i];

		if (call->to != at || call->from == gc || set_has(collector, call->from) ||
		    (nr && call->from == last))
			continue;
		last = call->from;
		nr++;
	}
	return nr;
}

static bool find_collector(struct elf_image *image, uint64_t step, struct target_set *ret)
{
	struct target_set by_gc, by_step;
	struct elf_function gc;
	bool related = false;

	if (elf_function(image, "lua_gc", &gc) < 0 || !calls_of(image, gc.address, false, &by_gc) ||
	    !calls_of(image, step, false, &by_step))
		return false;
	ret->nr = 0;
	set_add(ret, step);
	for (size_t i = 0; i < by_gc.nr; i++) {
		if (is_short_leaf(image, by_gc.at[i]))
			continue;
		related |= by_gc.at[i] == step || set_has(&by_step, by_gc.at[i]);
		if (!set_add(ret, by_gc.at[i]))
			return false;
	}
	if (!related || !follow_jumps(image, ret))
		return false;
	for (size_t i = 1; i < ret->nr; i++)
		if (foreign_callers(image, ret, gc.address, ret->at[i]) > MAX_FOREIGN_CALLERS)
			return false;
	return true;
}

static bool find_callers(struct elf_image *image, struct target_set *ret)
{
	return (calls_of_named(image, "lua_callk", ret) && ret->nr) ||
	       (calls_of_named(image, "lua_call", ret) && ret->nr);
}

static bool ranges_of(struct elf_image *image, const struct target_set *set, struct elf_range *ret,
		      size_t max)
{
	if (set->nr > max)
		return false;
	for (size_t i = 0; i < set->nr; i++)
		if (elf_code_range(image, set->at[i], &ret[i]) < 0)
			return false;
	return true;
}

/* The collector, and what may call it. */
static bool find_gc(struct elf_image *image, uint64_t step, struct elf_lua_code *code)
{
	struct target_set collector, callers;

	if (!find_collector(image, step, &collector) || !find_callers(image, &callers))
		return false;
	for (size_t i = 0; i < callers.nr; i++)
		if (set_has(&collector, callers.at[i]))
			return false;
	if (!ranges_of(image, &collector, code->gc, ELF_MAX_GC) ||
	    !ranges_of(image, &callers, code->caller, ELF_MAX_CALLERS))
		return false;
	code->nr_gc = collector.nr;
	code->nr_callers = callers.nr;
	return true;
}

/* By its place among the others. */
static bool find_execute(struct elf_image *image, uint64_t step, struct elf_range *ret)
{
	struct target_set by_execute;

	return elf_largest_code_range(image, ret) == 0 &&
	       calls_of(image, ret->start, false, &by_execute) && set_has(&by_execute, step);
}

/* By what it does; opcodes have six bits or seven. */
static int find_dispatch(struct elf_image *image, struct elf_range *ret)
{
	struct elf_range other;
	int r = elf_lua_execute(image, 0x3f, ret), r7;

	if (r < 0 && r != -ENODATA)
		return r;
	r7 = elf_lua_execute(image, 0x7f, r ? ret : &other);
	if (r7 < 0)
		return r7 == -ENODATA ? r : r7;
	return r == 0 ? -ENODATA : 0;
}

int elf_lua_code(struct elf_image *image, struct elf_lua_code *ret)
{
	struct elf_lua_code code = {0};
	struct elf_function maker;
	bool has_step;
	uint64_t step;
	int r = elf_read_symbols(image);

	if (!r && elf_function(image, makers[0], &maker) == 0) /* else calls tell nothing */
		r = elf_read_calls(image);
	if (r < 0)
		return r;
	has_step = find_step(image, &step);
	if (!has_step || !find_execute(image, step, &code.execute))
		r = find_dispatch(image, &code.execute);
	if (r < 0)
		return r;
	if (has_step)
		find_gc(image, step, &code);
	*ret = code;
	return 0;
}
