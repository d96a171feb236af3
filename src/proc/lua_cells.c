/* SPDX-License-Identifier: MIT */
/*
 * Manages what an instruction of luaV_execute does to the cells that are followed: see
 * lua_pc_places.c.
 *
 * What is not understood changes the registers that it may change, and places that it may store to;
 * a call changes those registers that a callee need not save. No address of a followed place may be
 * taken.
 */
#include <errno.h>

#include "lua_cells.h"

#define RBP	 5
#define MAX_USES 4096 /* places of a frame; luaV_execute has some hundreds at most */

/* ---- the places of the frame ----------------------------------------------------------------- */

struct use {
	int32_t place;
	unsigned times;
	bool is_taken;
};

static int most_used_first(const void *left, const void *right)
{
	const struct use *a = left, *b = right;

	return (a->times < b->times) - (a->times > b->times);
}

static struct use *use_of(struct use *use, size_t *nr, int32_t place)
{
	for (size_t i = 0; i < *nr; i++)
		if (use[i].place == place)
			return &use[i];
	if (*nr == MAX_USES)
		return NULL;
	use[*nr] = (struct use){.place = place};
	return &use[(*nr)++];
}

/* Has its address been taken, or that of a value of 16 bytes that it may be a part of? */
static bool is_taken(const struct use *use, size_t nr, int32_t place)
{
	for (size_t i = 0; i < nr; i++)
		if (use[i].is_taken && place >= use[i].place && place < use[i].place + 16)
			return true;
	return false;
}

/* Those that are loaded and stored most often. */
static int choose_frames(struct lua_cells *c)
{
	const struct x86_64_flow *f = c->flow;
	struct use *use = calloc(MAX_USES, sizeof(*use));
	size_t nr = 0;

	if (!use)
		return -ENOMEM;
	for (size_t i = 0; i < f->nr; i++) {
		const struct x86_64_instruction *is = &f->at[i];
		struct use *at;
		int32_t place;

		if (f->depth[i] == X86_64_NO_DEPTH || !x86_64_frame_place(f, i, &place))
			continue;
		at = use_of(use, &nr, place);
		if (!at)
			break;
		at->times += is->kind == X86_64_LOAD || is->kind == X86_64_STORE;
		at->is_taken |= is->kind == X86_64_ADDRESS;
	}
	if (nr == MAX_USES)
		nr = 0;
	qsort(use, nr, sizeof(*use), most_used_first);
	for (size_t i = 0; i < nr && c->nr_frames < LUA_PC_FRAMES; i++)
		if (use[i].times && !is_taken(use, nr, use[i].place) && !(use[i].place & 7))
			c->frame[c->nr_frames++] = use[i].place;
	free(use);
	return 0;
}

/* The cell of the memory operand of instruction @i; LUA_PC_UNKNOWN if it has none. */
static unsigned memory_cell(const struct lua_cells *c, size_t i)
{
	int32_t place;

	if (!x86_64_frame_place(c->flow, i, &place))
		return LUA_PC_UNKNOWN;
	for (size_t k = 0; k < c->nr_frames; k++)
		if (c->frame[k] == place)
			return LUA_PC_REGISTERS + (unsigned)k;
	return LUA_PC_UNKNOWN;
}

/* ---- what an instruction does, as far as it is followed -------------------------------------- */

bool lua_cells_have_register(const struct lua_cells *c, unsigned reg)
{
	return reg < LUA_PC_REGISTERS && reg != X86_64_RSP &&
	       (reg != RBP || c->flow->frame == X86_64_NO_DEPTH);
}

/* Places that a store may change. With an index it may be all. */
static uint64_t lost_places(const struct lua_cells *c, size_t i)
{
	const struct x86_64_instruction *is = &c->flow->at[i];
	bool is_frame =
		is->base == X86_64_RSP || (is->base == RBP && c->flow->frame != X86_64_NO_DEPTH);
	int32_t bytes = (int32_t)is->stored_bytes, place;
	uint64_t lost = 0;

	if (!bytes || !is_frame)
		return 0;
	for (size_t k = 0; k < c->nr_frames; k++) {
		if (x86_64_frame_place(c->flow, i, &place) &&
		    (place >= c->frame[k] + 8 || place + bytes <= c->frame[k]))
			continue;
		lost |= LUA_PC_BIT(LUA_PC_REGISTERS + k);
	}
	return lost;
}

bool lua_cells_is_savedpc(const struct lua_cells *c, const struct x86_64_instruction *is)
{
	return is->has_memory && !is->has_index && lua_cells_have_register(c, is->base) &&
	       is->displacement == (int32_t)c->savedpc;
}

/* May what it stores be a part of a saved pc, or all of it? */
static bool may_store_savedpc(const struct lua_cells *c, const struct x86_64_instruction *is)
{
	int64_t at = is->displacement, bytes = is->stored_bytes;

	if (!bytes || is->has_index)
		return bytes != 0;
	return lua_cells_have_register(c, is->base) && at < (int64_t)c->savedpc + 8 &&
	       at + bytes > (int64_t)c->savedpc;
}

/* What is moved, and by how much it is changed on the way. */
struct move {
	unsigned to, from;
	int32_t add;
};

/* A move of 64 bits, or an addition of a constant. */
static void find_move(const struct lua_cells *c, size_t i, struct move *e)
{
	const struct x86_64_instruction *is = &c->flow->at[i];
	unsigned cell = memory_cell(c, i);

	if (is->kind == X86_64_LOAD) {
		e->to = is->reg;
		e->from = lua_cells_is_savedpc(c, is) ? LUA_PC_SAVED : cell;
	} else if (is->kind == X86_64_STORE) {
		e->to = cell;
		e->from = is->reg;
	} else if (is->kind == X86_64_ADD_STORE) {
		e->to = e->from = cell;
		e->add = is->constant;
	} else if (is->kind == X86_64_ADDRESS && !is->has_index &&
		   lua_cells_have_register(c, is->base)) {
		e->to = is->reg;
		e->from = is->base;
		e->add = is->displacement;
	} else if (is->is_wide && is->opcode == 0x89 && !is->has_memory) {
		e->to = is->rm;
		e->from = is->reg;
	} else if (is->is_wide && is->opcode == 0x8b && !is->has_memory) {
		e->to = is->reg;
		e->from = is->rm;
	} else if (is->is_wide && (is->opcode == 0x81 || is->opcode == 0x83) && !is->has_memory &&
		   (is->extension == 0 || is->extension == 5)) {
		e->to = e->from = is->rm;
		e->add = is->extension && is->constant != INT32_MIN ? -is->constant : is->constant;
	}
}

static bool is_cell(const struct lua_cells *c, unsigned cell)
{
	return cell < LUA_PC_CELLS &&
	       (cell >= LUA_PC_REGISTERS || lua_cells_have_register(c, cell));
}

static struct lua_cell_effect effect_of(const struct lua_cells *c, size_t i)
{
	const struct x86_64_instruction *is = &c->flow->at[i];
	struct move move = {.to = LUA_PC_UNKNOWN, .from = LUA_PC_UNKNOWN};
	struct lua_cell_effect e = {.to = LUA_PC_UNKNOWN, .from = LUA_PC_UNKNOWN};

	e.lost = is->written | lost_places(c, i);
	if (may_store_savedpc(c, is))
		e.lost |= LUA_PC_BIT(LUA_PC_SAVED);
	find_move(c, i, &move);
	if (!is_cell(c, move.to) || !is_cell(c, move.from) || !LUA_PC_IS_NEAR(move.add))
		return e;
	e.to = (uint8_t)move.to;
	e.from = (uint8_t)move.from;
	e.add = (int16_t)move.add;
	return e;
}

int lua_cells_choose(const struct x86_64_flow *flow, unsigned savedpc, struct lua_cells *ret)
{
	int r;

	*ret = (struct lua_cells){.flow = flow, .savedpc = savedpc};
	ret->effect = calloc(flow->nr, sizeof(*ret->effect));
	r = ret->effect ? choose_frames(ret) : -ENOMEM;
	for (size_t i = 0; r == 0 && i < flow->nr; i++)
		ret->effect[i] = effect_of(ret, i);
	return r;
}

void lua_cells_done(struct lua_cells *c)
{
	free(c->effect);
}
