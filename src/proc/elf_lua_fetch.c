/* SPDX-License-Identifier: MIT */
/*
 * Manages one question about a build of Lua 5.2 or 5.3: where has a branch been taken, while the
 * instruction it leads to is not fetched?
 *
 * These versions keep the pc in memory (CallInfo.savedpc). A branch stores its target there, and
 * only the fetch that follows moves on: in between, the instruction before the pc is any that lies
 * before the target, perhaps one that never runs.
 *
 *	S	mov %rcx,0x28(%rbx)	savedpc = target
 *	 :	...
 *	 :	jmp fetch
 *	L	mov 0x28(%rbx),%rax	fetch: pc = savedpc
 *	 :	lea 0x4(%rax),%rcx
 *	T	mov %rcx,0x28(%rbx)	savedpc = pc + 1
 *		mov (%rax),%r13d
 *		...
 *		jmp *%rax		to the code of the instruction; the only such jump
 *
 * From S the code is followed as long as it goes straight. If it comes to L then all that lies
 * between, up to L and T, is such a window: whatever the way there, the pc that L reads is in
 * savedpc already. From L to T that is so unless something else leads there, as in builds by gcc
 * that have the pc in a register then; those store it only once, and have no windows.
 *
 * The cell of savedpc is known by its distance from a CallInfo, or because T stores there: clang
 * keeps its address in a register. Another cell that is taken for it makes no window that is wrong,
 * for that depends on L and T alone.
 *
 * Facts: lvm.c of Lua 5.2 and 5.3 (vmfetch, dojump; copyright Lua.org, PUC-Rio, MIT), and the code
 * of builds by gcc 12 and clang 14.
 */
#include <errno.h>
#include <string.h>

#include "arm64_fetch.h"
#include "elf_image.h"
#include "x86_64.h"

#define MAX_FUNCTION UINT16_MAX
#define MAX_FETCH    160 /* instructions from T to the jump: hooks are in between */
#define MAX_NEXT_PC  8	 /* from lea to T */
#define MAX_STRAIGHT 64
#define NOT_A_START  UINT16_MAX

struct sweep {
	struct x86_64_instruction *at; /* in their order */
	uint16_t *start;	       /* offset of each */
	uint16_t *by_offset;	       /* which begins there, or NOT_A_START */
	bool *is_target;	       /* of a jump or branch; by number */
	size_t nr;
	unsigned displacement;
	/* by number */
	size_t next_pc, store; /* lea, T */
};

static void sweep_free(struct sweep *s)
{
	free(s->at);
	free(s->start);
	free(s->by_offset);
	free(s->is_target);
}

static int sweep_alloc(struct sweep *s, uint64_t len)
{
	s->at = calloc(len, sizeof(*s->at));
	s->start = calloc(len, sizeof(*s->start));
	s->by_offset = malloc(len * sizeof(*s->by_offset));
	s->is_target = calloc(len, sizeof(*s->is_target));
	if (!s->at || !s->start || !s->by_offset || !s->is_target)
		return -ENOMEM;
	memset(s->by_offset, 0xff, len * sizeof(*s->by_offset));
	return 0;
}

/* Where a jump or branch leads to, by number; nr if that is not in the function. */
static size_t target_of(const struct sweep *s, size_t i, uint64_t len)
{
	int64_t offset = (int64_t)s->start[i] + s->at[i].bytes + s->at[i].distance;

	if (offset < 0 || (uint64_t)offset >= len || s->by_offset[offset] == NOT_A_START)
		return s->nr;
	return s->by_offset[offset];
}

static int sweep_code(struct sweep *s, const uint8_t *code, uint64_t len)
{
	for (uint64_t at = 0; at < len; at += s->at[s->nr++].bytes) {
		if (x86_64_decode(code + at, len - at, &s->at[s->nr]) < 0)
			return -ENODATA;
		s->start[s->nr] = (uint16_t)at;
		s->by_offset[at] = (uint16_t)s->nr;
	}
	for (size_t i = 0; i < s->nr; i++) {
		size_t target = s->nr;

		if (s->at[i].kind == X86_64_JUMP || s->at[i].kind == X86_64_BRANCH)
			target = target_of(s, i, len);
		if (target < s->nr)
			s->is_target[target] = true;
	}
	return 0;
}

static bool is_at_savedpc(const struct sweep *s, const struct x86_64_instruction *i)
{
	return !i->has_index && i->base != X86_64_NO_BASE && i->base != X86_64_RSP &&
	       i->displacement == (int32_t)s->displacement;
}

static bool is_same_cell(const struct x86_64_instruction *a, const struct x86_64_instruction *b)
{
	return !a->has_index && a->base == b->base && a->base != X86_64_NO_BASE &&
	       a->displacement == b->displacement;
}

static bool is_savedpc(const struct sweep *s, size_t i)
{
	return is_at_savedpc(s, &s->at[i]) || is_same_cell(&s->at[i], &s->at[s->store]);
}

/* lea 4(%pc),%REG just before the store of REG at @store; nr if there is none. */
static size_t next_pc_of(const struct sweep *s, size_t store)
{
	for (size_t i = store; i-- > 0 && store - i <= MAX_NEXT_PC;) {
		const struct x86_64_instruction *at = &s->at[i];

		if (at->kind == X86_64_ADDRESS && at->reg == s->at[store].reg && !at->has_index &&
		    at->displacement == 4)
			return i;
	}
	return s->nr;
}

/* Sets next_pc and store. */
static int find_fetch(struct sweep *s)
{
	size_t nr = 0, dispatch = 0;

	for (size_t i = 0; i < s->nr; i++) {
		if (s->at[i].kind == X86_64_JUMP_TO) {
			dispatch = i;
			nr++;
		}
	}
	if (nr != 1)
		return -ENODATA;
	for (size_t i = dispatch; i-- > 0 && dispatch - i <= MAX_FETCH;) {
		if (s->at[i].kind != X86_64_STORE || s->at[i].has_index)
			continue;
		s->next_pc = next_pc_of(s, i);
		s->store = i;
		if (s->next_pc < s->nr)
			return 0;
	}
	return -ENODATA;
}

struct windows {
	struct elf_lua_fetch *to;
	uint64_t base;
	bool is_full;
};

static void add_window(struct windows *w, const struct sweep *s, size_t first, size_t last)
{
	struct elf_range range = {w->base + s->start[first],
				  w->base + s->start[last] + s->at[last].bytes};
	struct elf_lua_fetch *to = w->to;

	for (size_t i = 0; i < to->nr; i++) {
		struct elf_range *known = &to->window[i];

		if (range.start > known->end || range.end < known->start)
			continue;
		if (range.start < known->start)
			known->start = range.start;
		if (range.end > known->end)
			known->end = range.end;
		return;
	}
	if (to->nr == ELF_MAX_WINDOWS)
		w->is_full = true;
	else
		to->window[to->nr++] = range;
}

/* From L, up to T: is there one way only? */
static bool is_entered(const struct sweep *s, size_t load)
{
	for (size_t i = load + 1; i <= s->store; i++)
		if (s->is_target[i])
			return true;
	return load + 1 != s->next_pc;
}

/* Straight on from what follows the store of a target. */
static void follow(struct windows *w, const struct sweep *s, size_t from, uint64_t len)
{
	size_t path[MAX_STRAIGHT], nr = 0, load = s->nr;

	for (size_t i = from; i < s->nr && i != s->next_pc;) {
		const struct x86_64_instruction *at = &s->at[i];

		if (nr == MAX_STRAIGHT || at->kind >= X86_64_BRANCH ||
		    ((at->kind == X86_64_STORE || at->kind == X86_64_ADD_STORE) &&
		     is_savedpc(s, i)))
			return;
		path[nr++] = i;
		if (at->kind != X86_64_JUMP)
			load = i;
		i = at->kind == X86_64_JUMP ? target_of(s, i, len) : i + 1;
		if (i == s->nr)
			return;
	}
	if (load == s->nr || s->at[load].kind != X86_64_LOAD || !is_savedpc(s, load) ||
	    s->at[load].reg != s->at[s->next_pc].base)
		return;
	for (size_t i = 0; i < nr; i++)
		add_window(w, s, path[i], path[i]);
	if (!is_entered(s, load))
		add_window(w, s, load, s->store);
}

static int find_windows(struct sweep *s, const uint8_t *code, uint64_t len, struct windows *w)
{
	int r = sweep_alloc(s, len);

	if (!r)
		r = sweep_code(s, code, len);
	if (!r)
		r = find_fetch(s);
	for (size_t i = 0; r == 0 && i < s->nr; i++) {
		if (i != s->store && is_savedpc(s, i) &&
		    (s->at[i].kind == X86_64_STORE || s->at[i].kind == X86_64_ADD_STORE))
			follow(w, s, i + 1, len);
	}
	if (!r && w->is_full)
		r = -ENODATA;
	return r;
}

int elf_lua_fetch(struct elf_image *image, const struct elf_range *execute, unsigned displacement,
		  struct elf_lua_fetch *ret)
{
	uint64_t len = execute->end - execute->start;
	struct sweep s = {.displacement = displacement};
	struct windows w = {.to = ret, .base = execute->start};
	const uint8_t *code = NULL;
	int r;

	ret->nr = 0;
	if (image->machine == EM_AARCH64) {
		code = elf_bytes(image, execute->start, len);
		return code ? arm64_stores_next_only(code, len, displacement) : -ENODATA;
	}
	if (image->machine == EM_X86_64 && len && len < MAX_FUNCTION)
		code = elf_bytes(image, execute->start, len);
	if (!code)
		return -ENODATA;
	r = find_windows(&s, code, len, &w);
	sweep_free(&s);
	return r;
}
