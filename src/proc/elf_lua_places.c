/* SPDX-License-Identifier: MIT */
/* The places of the pc, from the bytes of a file: what lua_pc_places.c proves, in few entries. */
#include <errno.h>
#include <string.h>

#include "elf_image.h"
#include "lua_dispatch.h"
#include "lua_pc_places.h"

#define MIN_OPCODES    38     /* Lua 5.1 */
#define MIN_FUNCTION   0x1000 /* bytes; that of Lua 5.1 has 5,000 */
#define MAX_CANDIDATES 64

_Static_assert(LUA_PC_FRAMES <= ELF_MAX_FRAME && LUA_PC_REGISTERS == ELF_PLACE_FRAME,
	       "cells are numbered alike");

/* The flow of a function that fetches instructions, and where it does. Both are the caller's. */
static int read_dispatch(struct elf_image *image, const struct elf_range *range,
			 unsigned opcode_mask, struct x86_64_flow *flow, bool **ret_fetches)
{
	int r = x86_64_flow_read(image, range, flow);

	*ret_fetches = NULL;
	if (!r)
		r = lua_dispatch_is_likely(flow, opcode_mask) ? x86_64_flow_follow(image, flow)
							      : -ENODATA;
	if (!r && flow->nr_listed < MIN_OPCODES)
		r = -ENODATA;
	if (r < 0)
		return r;
	*ret_fetches = calloc(flow->nr, sizeof(**ret_fetches));
	return *ret_fetches ? lua_dispatch_fetches(flow, opcode_mask, *ret_fetches) : -ENOMEM;
}

/* ---- which function -------------------------------------------------------------------------- */

static bool is_candidate(const struct elf_range *range)
{
	return range->end - range->start >= MIN_FUNCTION;
}

static size_t count_candidates(const struct elf_image *image)
{
	size_t nr = 0;

	for (size_t i = 0; i < image->nr_ranges; i++)
		nr += is_candidate(&image->range[i]);
	return nr;
}

int elf_lua_execute(struct elf_image *image, unsigned opcode_mask, struct elf_range *ret)
{
	unsigned nr = 0;
	int r = elf_read_ranges(image);

	if (!r && count_candidates(image) > MAX_CANDIDATES)
		return -ENODATA;
	for (size_t i = 0; r == 0 && i < image->nr_ranges; i++) {
		const struct elf_range *range = &image->range[i];
		struct x86_64_flow flow;
		bool *fetches;

		if (!is_candidate(range))
			continue;
		r = read_dispatch(image, range, opcode_mask, &flow, &fetches);
		if (r == 0) {
			*ret = *range;
			nr++;
		}
		free(fetches);
		x86_64_flow_done(&flow);
		r = r == -ENODATA ? 0 : r;
	}
	if (r < 0)
		return r;
	return nr == 1 ? 0 : -ENODATA;
}

/* ---- where its pc is ------------------------------------------------------------------------- */

/* How deep the stack is where most instructions of Lua run. */
static int32_t usual_depth(const struct x86_64_flow *flow)
{
	int32_t depth = X86_64_NO_DEPTH;

	for (size_t i = 0; i < flow->nr && depth == X86_64_NO_DEPTH; i++)
		if (flow->is_listed[i])
			depth = flow->depth[i];
	return depth;
}

static int add_place(struct elf_lua_places *to, uint16_t from, struct lua_pc_place place)
{
	struct elf_lua_place *last = to->nr ? &to->at[to->nr - 1] : NULL;
	uint8_t cell = place.cell;

	if (cell == LUA_PC_SAVED)
		cell = ELF_PLACE_SAVED;
	else if (cell == LUA_PC_UNKNOWN)
		cell = ELF_PLACE_NOWHERE;
	if (last && last->cell == cell && last->add == place.add)
		return 0;
	if (to->nr == ELF_MAX_PLACES)
		return -ENODATA;
	to->at[to->nr++] = (struct elf_lua_place){from, cell, place.add};
	return 0;
}

static int put_places(const struct x86_64_flow *flow, const struct lua_pc_place *place,
		      struct elf_lua_places *ret)
{
	const int32_t depth = usual_depth(flow);
	int r = 0;

	ret->nr = 0;
	for (size_t i = 0; r == 0 && i < flow->nr; i++) {
		struct lua_pc_place at = place[i];

		if (flow->depth[i] == X86_64_NO_DEPTH) /* never runs */
			continue;
		if (at.cell >= LUA_PC_REGISTERS && at.cell < LUA_PC_SAVED &&
		    flow->depth[i] != depth)
			at = (struct lua_pc_place){LUA_PC_UNKNOWN, 0};
		r = add_place(ret, ret->nr ? flow->start[i] : 0, at);
	}
	for (size_t i = 0; i < LUA_PC_FRAMES; i++)
		ret->frame[i] += depth;
	return r;
}

int elf_lua_places(struct elf_image *image, const struct elf_range *execute, unsigned opcode_mask,
		   unsigned savedpc, struct elf_lua_places *ret)
{
	struct lua_pc_place *place = NULL;
	struct x86_64_flow flow;
	bool *fetches;
	int r = read_dispatch(image, execute, opcode_mask, &flow, &fetches);

	if (!r) {
		place = calloc(flow.nr, sizeof(*place));
		r = place ? lua_pc_places(&flow, fetches, savedpc, place, ret->frame) : -ENOMEM;
	}
	if (!r)
		r = put_places(&flow, place, ret);
	free(place);
	free(fetches);
	x86_64_flow_done(&flow);
	return r;
}
