/* SPDX-License-Identifier: MIT */
/*
 * The layout of one LuaJIT, read off its own headers: compiled to assembly by tools/layouts, never
 * linked or run, so that a cross compiler serves as well. -I must name its src/; the options that
 * its build was given (LUAJIT_DISABLE_GC64) are to be given here, too.
 *
 * What the headers cannot be asked for is defined by tools/layouts: HAVE_MCOFS.
 */
#include <stddef.h>

#include "lj_obj.h"

#include "lj_dispatch.h"
#include "lj_jit.h"

#define FIELD(name, value) __asm__ volatile("\n->" #name " %c0" : : "i"((long)(value)))

#define OF_GLOBAL(field) (offsetof(GG_State, g) + offsetof(global_State, field) - OF_G)
#define OF_G		 offsetof(GG_State, g)

void layout(void);

static void global_state(void)
{
	FIELD(gc64, LJ_GC64);
	FIELD(state_bytes, OF_G - offsetof(GG_State, L));
	FIELD(mainthread, OF_GLOBAL(mainthref));
	FIELD(vmstate, OF_GLOBAL(vmstate));
	FIELD(registry, OF_GLOBAL(registrytv));
	FIELD(bc_cfunc, OF_GLOBAL(bc_cfunc_int));
	FIELD(cur_L, OF_GLOBAL(cur_L));
	FIELD(jit_base, OF_GLOBAL(jit_base));
	FIELD(dispatch, offsetof(GG_State, dispatch) - OF_G);
	FIELD(trace_table, offsetof(GG_State, J) + offsetof(jit_State, trace) - OF_G);
	FIELD(trace_table_len, offsetof(jit_State, sizetrace) - offsetof(jit_State, trace));
	FIELD(funcc_op, BC_FUNCC);
	FIELD(string_len, offsetof(GCstr, len));
	FIELD(string_data, sizeof(GCstr));
#ifdef HAVE_MCOFS
	FIELD(snapshot_mcode, offsetof(SnapShot, mcofs));
#else
	FIELD(snapshot_mcode, 0);
#endif
}

/* The same in every 2.1 of one object model: bpf/walk_luajit_read.h and discover_luajit.c. */
static void objects(void)
{
	FIELD(object_type, offsetof(GChead, gct));
	FIELD(state_glref, offsetof(lua_State, glref));
	FIELD(state_base, offsetof(lua_State, base));
	FIELD(state_maxstack, offsetof(lua_State, maxstack));
	FIELD(state_stack, offsetof(lua_State, stack));
	FIELD(state_cframe, offsetof(lua_State, cframe));
	FIELD(function_ffid, offsetof(GCfuncL, ffid));
	FIELD(function_pc, offsetof(GCfuncL, pc));
	FIELD(function_c, offsetof(GCfuncC, f));
	FIELD(proto_code_len, offsetof(GCproto, sizebc));
	FIELD(proto_constants, offsetof(GCproto, k));
	FIELD(proto_chunkname, offsetof(GCproto, chunkname));
	FIELD(proto_first_line, offsetof(GCproto, firstline));
	FIELD(proto_lines, offsetof(GCproto, lineinfo));
	FIELD(proto_bytes, sizeof(GCproto));
	FIELD(table_array, offsetof(GCtab, array));
	FIELD(table_nodes, offsetof(GCtab, node));
	FIELD(table_array_len, offsetof(GCtab, asize));
	FIELD(table_hmask, offsetof(GCtab, hmask));
	FIELD(node_key, offsetof(Node, key));
	FIELD(node_bytes, sizeof(Node));
}

static void traces(void)
{
	FIELD(trace_nr_snapshots, offsetof(GCtrace, nsnap));
	FIELD(trace_ir, offsetof(GCtrace, ir));
	FIELD(trace_snapshots, offsetof(GCtrace, snap));
	FIELD(trace_snapshot_map, offsetof(GCtrace, snapmap));
	FIELD(trace_startpt, offsetof(GCtrace, startpt));
	FIELD(trace_startpc, offsetof(GCtrace, startpc));
	FIELD(trace_startins, offsetof(GCtrace, startins));
	FIELD(trace_mcode_len, offsetof(GCtrace, szmcode));
	FIELD(trace_mcode, offsetof(GCtrace, mcode));
	FIELD(trace_number, offsetof(GCtrace, traceno));
	FIELD(trace_link, offsetof(GCtrace, link));
	FIELD(trace_root, offsetof(GCtrace, root));
	FIELD(trace_bytes, sizeof(GCtrace));
	FIELD(snapshot_bytes, sizeof(SnapShot));
	FIELD(snapshot_ref, offsetof(SnapShot, ref));
	FIELD(snapshot_nr_entries, offsetof(SnapShot, nent));
}

void layout(void)
{
	global_state();
	objects();
	traces();
}
