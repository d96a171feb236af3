/* SPDX-License-Identifier: MIT */
/*
 * The builds of Lua whose layout we know, as tables; and what makes a layout usable.
 *
 * A row is only a candidate. It becomes the layout of a process when discover.c has proved it
 * there.
 */
#ifndef BPROF_LUA_VMS_H
#define BPROF_LUA_VMS_H

#include <bprof/lua_layout.h>

#include "base.h"

/* One build of PUC Lua: the offsets that walkers use, and what only a proof looks at. */
struct lua_build {
	const char *name;		      /* "5.4.3-5.4.8" */
	const char *source;		      /* where the row comes from */
	unsigned first_release, last_release; /* 50403, 50408 */
	enum lua_dialect dialect;
	struct puc_layout puc;

	uint16_t state_stack;	  /* lua_State.stack */
	uint16_t ci_next;	  /* CallInfo.next; 5.1: 0, an array */
	uint16_t table_metatable; /* Table.metatable */
	uint8_t table_tag;	  /* tag of a value that is a table */
};

extern const struct lua_build lua_builds[];
extern const size_t lua_nr_builds;

/* LuaJIT: fields whose place depends on the era of G's first half. Found by mainthread. */
struct luajit_era {
	const char *name;
	uint16_t mainthread, vmstate, registry;
	bool supported;
	uint8_t refs32; /* without GC64 */
};

extern const struct luajit_era luajit_eras[];
extern const size_t luajit_nr_eras;

/* LuaJIT: what nothing in memory gives away, by three offsets that memory does. */
struct luajit_build {
	const char *name;
	uint16_t bc_cfunc, dispatch, state_bytes;
	uint16_t trace_table;
	uint8_t snapshot_mcode;
};

extern const struct luajit_build luajit_builds[];
extern const size_t luajit_nr_builds;

/**
 * lua_layout_valid() - may the walkers use this layout?
 *
 * Alignment: fields of 8 bytes at multiples of 8, of 4 at multiples of 4.
 * Bounds: lua_State fields that are read below 176, CallInfo at most 80 bytes, Proto fields below
 * 128, closure fields below 40, Table fields below 64, the characters of a string at most 32 in,
 * fields of a LuaJIT global_State below 1024, anything else from G below 8192, the assembler code
 * at most 1 MiB. Others: jit_base one or two words after cur_L; pc_reg not the instruction pointer.
 */
bool lua_layout_valid(const struct lua_layout *layout);

/* "Lua 5.4.4" -> 50404; 0 if @version is not of this form. */
unsigned lua_release(const char *version);

#endif
