/* SPDX-License-Identifier: MIT */
/* The cells in which luaV_execute may have its pc, and what instructions do to them. */
#ifndef BPROF_LUA_CELLS_H
#define BPROF_LUA_CELLS_H

#include "lua_pc_state.h"

/*
 * Of one instruction: cell @to becomes cell @from plus @add; LUA_PC_UNKNOWN: none. Those of @lost,
 * a bit for each, become something that is not followed.
 */
struct lua_cell_effect {
	uint8_t to, from;
	int16_t add;
	uint64_t lost;
};

/* Those of one function: registers, the places of its frame that are used most, the saved pc. */
struct lua_cells {
	const struct x86_64_flow *flow;
	unsigned savedpc;
	int32_t frame[LUA_PC_FRAMES];
	size_t nr_frames;
	struct lua_cell_effect *effect; /* by number of instruction */
};

/* The caller's, until lua_cells_done(), also after an error. Return: 0; -ENOMEM. */
int lua_cells_choose(const struct x86_64_flow *flow, unsigned savedpc, struct lua_cells *ret);
void lua_cells_done(struct lua_cells *c);

/* Is this register a cell? Those that hold the frame's address are none. */
bool lua_cells_have_register(const struct lua_cells *c, unsigned reg);

/* Is the memory operand at the offset where a pc is saved? */
bool lua_cells_is_savedpc(const struct lua_cells *c, const struct x86_64_instruction *is);

#endif
