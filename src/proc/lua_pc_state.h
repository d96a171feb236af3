/* SPDX-License-Identifier: MIT */
/* What is known of the cells of luaV_execute before one of its instructions. See lua_pc_places.c.
 */
#ifndef BPROF_LUA_PC_STATE_H
#define BPROF_LUA_PC_STATE_H

#include "lua_pc_places.h"

#define LUA_PC_FETCHED	    (LUA_PC_CELLS + 1) /* lua_pc_value.of: F */
#define LUA_PC_BIT(cell)    (1ULL << (cell))
#define LUA_CELL_MAX_ADD    64 /* a cell that differs by more is another value */
#define LUA_PC_IS_NEAR(add) ((add) <= LUA_CELL_MAX_ADD && (add) >= -LUA_CELL_MAX_ADD)

/* What a cell holds: something that is not known, but for its difference from the like; or F. */
struct lua_pc_value {
	uint16_t of; /* number of that something, up to LUA_PC_CELLS */
	int16_t add;
};

struct lua_pc_state {
	struct lua_pc_value cell[LUA_PC_CELLS];
	bool is_reached;
};

/* Each of @cells, a bit for each, holds something else than all others. */
void lua_pc_state_forget(struct lua_pc_state *s, uint64_t cells);

/* What cell @base holds, plus @displacement, is F now, and so what differs from it by a constant.
 */
void lua_pc_state_fetch(struct lua_pc_state *s, unsigned base, int displacement);

/* A bit for each cell that holds F plus something. */
uint64_t lua_pc_state_fetched(const struct lua_pc_state *s);

/* Keeps of @known what is true in @other, too. Return: is that less than before? */
bool lua_pc_state_join(struct lua_pc_state *known, const struct lua_pc_state *other);

#endif
