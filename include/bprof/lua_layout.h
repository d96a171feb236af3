/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Where one build of Lua keeps what a stack walk reads: byte offsets, as data.
 *
 * A layout is discovered and proved on a running process (unwind/discover.c), never taken from a
 * version string alone. The walkers (bpf/walk_*.h) read it in the kernel and on the host. Offsets
 * of 8-byte fields are multiples of 8, of 4-byte fields multiples of 4: the walkers rely on it, and
 * lua_layout_valid() checks it once.
 *
 * Facts were taken from the public headers and sources of Lua 5.1-5.5 (lstate.h, lobject.h;
 * copyright Lua.org, PUC-Rio, MIT) and LuaJIT 2.1 (lj_obj.h, lj_frame.h, lj_dispatch.h; copyright
 * Mike Pall, MIT).
 */
#ifndef BPROF_LUA_LAYOUT_H
#define BPROF_LUA_LAYOUT_H

#ifndef BPROF_KERNEL_TYPES
#include <linux/types.h>
#endif

#include <bprof/registers.h>
#include <bprof/wire.h>

/* Which bytecode numbering, constant encoding and object layout a VM uses. */
enum lua_dialect {
	LUA_DIALECT_UNKNOWN = 0,
	LUA_DIALECT_51,
	LUA_DIALECT_52,
	LUA_DIALECT_53,
	LUA_DIALECT_54,
	LUA_DIALECT_55,
	LUA_DIALECT_LUAJIT,	 /* BC_FUNCC = 95: 2.1 up to 2025, and OpenResty's fork */
	LUA_DIALECT_LUAJIT_2026, /* BC_FUNCC = 102: seven opcodes more */
	LUA_NR_DIALECTS
};

/* How exact the place in code compiled by LuaJIT shall be. */
enum bprof_jit {
	BPROF_JIT_SNAPSHOT, /* the last guard passed, with inlined functions */
	BPROF_JIT_START,    /* the start of the trace */
	BPROF_JIT_BASE,	    /* the function alone */
	BPROF_NR_JIT
};

/* LuaJIT 2.1. Offsets are from the global_State G unless said otherwise. */
struct luajit_layout {
	__u16 cur_L;	/* running lua_State */
	__u16 jit_base; /* base of the running trace, 0 off trace */
	__u16 vmstate;
	__u16 mainthread; /* G->mainthref */
	__u16 registry;	  /* G->registrytv: a TValue */
	__u16 bc_cfunc; /* G->bc_cfunc_int: two instructions just before cur_L; proves the build */
	__u16 dispatch; /* the dispatch table: text addresses of the interpreter */
	__u16 state_bytes;   /* sizeof(lua_State): G = main lua_State + this */
	__u16 string_data;   /* GCstr: offset of the characters (see string_len) */
	__u16 trace_table;   /* G -> J.trace: pointer to the array of traces, its u32 size at +12; 0
				unknown */
	__u8 funcc_op;	     /* BC_FUNCC of this build */
	__u8 string_len;     /* GCstr: offset of the u32 length; 20, before July 2020: 16 */
	__u8 snapshot_mcode; /* SnapShot: offset of the u16 mcofs, 6; before March 2021 and where
				not known: 0 */
	__u8 refs32;	     /* 1: without GC64, references have 32 bits and frames one slot */
	__u8 old_cframe;     /* arm64, 1: CFRAMEs are those before September 2021 (421c4c79) */
	__u64 vm_offset;     /* dispatch[0] - start of the interpreter's assembler code */
	__u64 vm_bytes;	     /* length of that code */
};

#define PUC_MAX_WINDOWS	 32  /* a power of two */
#define PUC_MAX_ENTRIES	 512 /* likewise */
#define PUC_TABLE_PLACES 32  /* likewise */

/* PUC Lua. */
struct puc_layout {
	/* lua_State */
	__u16 state_status; /* u8 */
	__u16 state_global; /* l_G */
	__u16 state_ci;
	__u16 state_savedpc; /* 5.1 only: pc of the running function */
	__u16 state_base_ci; /* 5.1: pointer to the array; else the embedded CallInfo */
	__u16 state_error_jmp;
	__u16 state_bytes; /* G - main lua_State (5.1-5.4); 0 = 5.5 */
	/* global_State */
	__u16 global_mainthread; /* 5.1-5.4: pointer to the main lua_State; 5.5: that itself */
	__u16 global_registry;
	/* CallInfo */
	__u16 ci_func, ci_previous, ci_savedpc, ci_status, ci_bytes;
	__u8 ci_status_width;	 /* 1, 2 or 4 bytes */
	__u8 ci_is_array;	 /* 5.1: the caller is the previous element */
	__u8 savedpc_is_live;	 /* 5.2, 5.3: savedpc is right even in the leaf */
	__u8 pc_reg;		 /* enum bprof_reg that holds the pc in the interpreter loop */
	__u8 pc_reg_proved;	 /* by the code of this build; else it is that of Debian's */
	__u8 has_pc_table;	 /* 5.1, 5.4, 5.5: struct puc_pc_table has it instead */
	__u32 ci_tail_mask;	 /* bit of ci_status: was tail called (0 = 5.1, see ci_tailcalls) */
	__u32 ci_hook_mask;	 /* runs a debug hook: what it called is the hook (0 = not known) */
	__u32 ci_finalizer_mask; /* runs a finalizer, likewise */
	__u32 ci_c_mask, ci_lua_mask; /* runs C, or Lua: a version has one of the two; 5.1: none */
	__u16 ci_tailcalls;	      /* 5.1: int count */
	/* closures: C function pointer, prototype; 5.1 also isC */
	__u16 closure_is_c; /* 5.1: u8; else 0 and the TValue's tag tells */
	__u16 cclosure_f, lclosure_proto;
	/* Proto */
	__u16 proto_code, proto_code_len, proto_lines, proto_lines_len, proto_abs_lines,
		proto_abs_lines_len;
	__u16 proto_first_line, proto_last_line, proto_source, proto_constants, proto_constants_len;
	__u16 proto_locals, proto_locals_len, proto_upvalues, proto_upvalues_len;
	__u16 proto_is_vararg, proto_nr_params;
	/* TString: characters; where the length is depends on the dialect */
	__u16 string_data;
	/* Table */
	__u16 table_nodes, table_array, table_array_len;
	/* code of this build, relative to the probe at lua_newstate; 0 bytes = not known */
	__s32 execute_offset; /* luaV_execute */
	__u32 execute_bytes;
	__s32 gc_offset; /* the hull of all ways into the collector */
	__u32 gc_bytes;
	/* 5.2, 5.3: stretches of luaV_execute in which savedpc is an instruction still to be
	 * fetched */
	__u16 fetch_proved; /* all of them are known */
	__u16 nr_windows;
	struct puc_window {
		__u16 from, bytes; /* from its start */
	} window[PUC_MAX_WINDOWS];
};

/*
 * Where a build of 5.1, 5.4 or 5.5 has its pc in luaV_execute, by machine instruction: the bytes
 * from its start to the first one of which an entry is true. What the cell holds plus add is the
 * pc.
 */
struct puc_pc_table {
	__u32 nr;		       /* >= 1; the first is from 0 */
	__u32 frame[PUC_TABLE_PLACES]; /* bytes from rsp */
	struct puc_pc_entry {
		__u16 from;
		__u8 cell; /* enum bprof_reg; or PUC_TABLE_FRAME and a number of @frame */
		__s8 add;
	} at[PUC_MAX_ENTRIES];
};

#define PUC_TABLE_FRAME	  64
#define PUC_TABLE_SAVED	  254 /* the saved pc */
#define PUC_TABLE_NOWHERE 255

struct lua_layout {
	__u32 family;  /* enum bprof_family */
	__u32 dialect; /* enum lua_dialect */
	union {
		struct luajit_layout luajit;
		struct puc_layout puc;
	};
};

/* One VM of one process. */
struct lua_vm {
	__u64 global; /* address of global_State */
	__u64 main;   /* address of the main lua_State */
	/* in this process; 0 and 0 = not known */
	__u64 vm_start, vm_end; /* LuaJIT: the interpreter's assembler code; PUC: luaV_execute */
	__u64 gc_start, gc_end; /* PUC: holds every way into the collector */
	__u32 layout;		/* index into the layout table */
	__u32 family;		/* enum bprof_family */
};

struct lua_vms {
	__u32 nr;     /* <= BPROF_MAX_VMS */
	__u32 missed; /* VMs that live in the process and found no room here */
	struct lua_vm vm[BPROF_MAX_VMS];
};

#define BPROF_MAX_LAYOUTS 32 /* distinct builds in one run; index 0 means none */

#endif
