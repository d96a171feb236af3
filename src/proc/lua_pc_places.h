/* SPDX-License-Identifier: MIT */
/* Where luaV_execute has its pc, instruction by instruction. See lua_pc_places.c. */
#ifndef BPROF_LUA_PC_PLACES_H
#define BPROF_LUA_PC_PLACES_H

#include "x86_64_flow.h"

#define LUA_PC_REGISTERS 16
#define LUA_PC_FRAMES	 32 /* places of the frame that are followed */
#define LUA_PC_SAVED	 (LUA_PC_REGISTERS + LUA_PC_FRAMES)
#define LUA_PC_CELLS	 (LUA_PC_SAVED + 1)
#define LUA_PC_UNKNOWN	 LUA_PC_CELLS

/**
 * struct lua_pc_place - before an instruction of luaV_execute
 * @cell: number of a register, or LUA_PC_REGISTERS + number of a place of the frame;
 *        LUA_PC_SAVED: the pc that was saved, and is about to be loaded; LUA_PC_UNKNOWN: in none
 *        for certain
 * @add:  what it holds plus this is the pc: the address of the Lua instruction that runs, plus 4.
 *        Between a jump and its fetch that is the instruction it leads to
 */
struct lua_pc_place {
	uint8_t cell;
	int8_t add;
};

/**
 * lua_pc_places() - where the pc is, before each of @flow->nr instructions
 * @is_fetch: of lua_dispatch_fetches(); those are added by which luaV_execute goes on to the next
 *            instruction without a dispatch
 * @savedpc:  where the pc is saved: offset in a CallInfo, in 5.1 in a lua_State
 * @ret:      flow->nr of them
 * @ret_frame: the places of the frame, in bytes from the entry's rsp; LUA_PC_FRAMES of them
 *
 * Return: 0; -ENODATA: there is no one place that has it mostly; -ENOMEM.
 */
int lua_pc_places(const struct x86_64_flow *flow, bool *is_fetch, unsigned savedpc,
		  struct lua_pc_place *ret, int32_t *ret_frame);

#endif
