/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Work area and constants of the LuaJIT walker. Facts: see walk_luajit.h. */
#ifndef BPROF_WALK_LUAJIT_TYPES_H
#define BPROF_WALK_LUAJIT_TYPES_H

/* What the function slot under a base holds. */
enum luajit_kind {
	LUAJIT_NOTHING = 0,
	LUAJIT_LUA,
	LUAJIT_C,      /* C function or builtin */
	LUAJIT_THREAD, /* the thread itself: a dummy frame of an error path */
};

/* Instructions whose numbers are the same in all of 2.1; those of functions come later (funcc_op).
 */
enum luajit_op {
	LUAJIT_OP_UCLO = 50,
	LUAJIT_OP_CALLM = 65,
	LUAJIT_OP_CALLMT = 67,
	LUAJIT_OP_CALLT = 68,
	LUAJIT_OP_ITERC = 69,
	LUAJIT_OP_RETM = 73,
	LUAJIT_OP_RET0 = 75,
	LUAJIT_OP_RET1 = 76,
	LUAJIT_OP_FORI = 77,
	LUAJIT_OP_JFORI = 78,
	LUAJIT_OP_JFORL = 81,
	LUAJIT_OP_JITERL = 84,
	LUAJIT_OP_JLOOP = 87,
};

#define LUAJIT_STATE_WORDS 12 /* of lua_State, up to and including cframe */
#ifdef BPROF_ARCH_X86_64
#define LUAJIT_CFRAME_WORDS 10 /* up to and including the return address */
#define LUAJIT_RAW_WORDS    16
#define LUAJIT_PUSHED_WORDS 40 /* searched below a CFRAME */
#define LUAJIT_PUSHED_MASK  63
#define LUAJIT_MAX_PCS	    16
#define LUAJIT_MAX_BASES    8
#else
#define LUAJIT_CFRAME_WORDS 26
#define LUAJIT_RAW_WORDS    26
#define LUAJIT_PUSHED_WORDS 128
#define LUAJIT_PUSHED_MASK  127
#define LUAJIT_MAX_PCS	    64
#define LUAJIT_MAX_BASES    16
#define LUAJIT_MAX_RETURNS  4
#endif
#define LUAJIT_FUNC_WORDS  6
#define LUAJIT_PROTO_WORDS 13
#define LUAJIT_TRACE_WORDS 15
#define LUAJIT_CODE_WORDS  32  /* of bytecode, up to a call; a short function begins there, too */
#define LUAJIT_HOST_WORDS  64  /* of one chunk of native stack */
#define LUAJIT_IR_WORDS	   128 /* of a trace's constants */
#define LUAJIT_MAX_ENTRIES 256 /* of a snapshot */
#define LUAJIT_MCODE_BYTES 128 /* of one chunk of machine code */
#define LUAJIT_MCODE_MASK  255

/* Structures of the target, decoded: see walk_luajit_read.h. */

struct luajit_state {
	u64 base, limit, stack, cframe;
};

struct luajit_cframe {
	u64 address, pc, previous, return_address;
	s32 results; /* below 0: a protected C call, no Lua frame */
};

/* The words below a base. function is an address; 0 and is_computed: only the trace knows it */
struct luajit_slots {
	u64 function, link;
	u64 continuation, continuation_pc; /* frames of type CONT only */
	u32 is_computed;
};

struct luajit_function {
	u64 pc;	    /* a Lua function's bytecode; a builtin's own header */
	u64 c_code; /* address of the C function */
	u32 ffid;   /* 0 a Lua function, 1 C, others builtins */
};

struct luajit_proto {
	u64 source, lineinfo, bytecode;
	u32 code_len, first_line, nr_lines;
	u32 flags;
	u32 trace; /* the first root trace that starts in it, 0 = none */
};

struct luajit_trace {
	u64 start_pc, mcode, snapshots, entries, constants;
	u32 number, root, next_root, next_side;
	u32 mcode_bytes, nr_snapshots, nr_entries, lowest_constant;
	u32 stack_adjust;   /* native stack used by the machine code */
	u32 snapshot_bytes; /* of a snapshot's header; 0 = not known */
};

struct luajit_work {
	/* the running state, and the one whose frames are being walked */
	u64 state;
	struct luajit_state seen; /* the lua_State last read */
	u64 saved_base, stack, stack_limit, bottom;
	struct luajit_cframe cframe;
	u64 jit_base; /* of the state being walked: 0 if it is not on a trace */
	s32 vmstate;
	u32 level; /* coroutines left behind */

	/* cursor */
	u64 base, pc;
	u32 pc_is_start;  /* pc is the instruction itself, not the next one */
	u32 vararg_flags; /* of compiled code, from the pseudo frame of the next function */

	/* the function under the base last looked at */
	struct luajit_slots slots;
	struct luajit_function function;
	struct luajit_proto proto;
	u64 known_function; /* what the two above describe; 0 = nothing */
	u32 known_kind;
	u32 last_call; /* instruction at last_link - 4 */
	u64 last_link;
	u64 link; /* of the frame last validated */
	u64 code_start;
	u64 code_word[LUAJIT_CODE_WORDS + LUAJIT_PROTO_WORDS]; /* slack for a masked index */

	u64 raw[LUAJIT_RAW_WORDS]; /* the structure being decoded */

	/* leaf search */
	u32 nr_pushed;
#ifdef BPROF_ARCH_ARM64
	u64 helper_return;		      /* where C called by the interpreter returns to */
	u64 mcode_return[LUAJIT_MAX_RETURNS]; /* C called by machine code may return there */
	u32 nr_returns;
#endif
	u64 pushed[LUAJIT_PUSHED_MASK + 1];
	u64 candidate_pc[LUAJIT_MAX_PCS];
	u64 candidate_base[LUAJIT_MAX_BASES];
	u32 nr_pcs, nr_bases;
	u64 inside_pc; /* the first candidate inside a function */

	/* search for an instruction: it or its target, and the pc behind it */
	u32 sought_code;
	u64 sought_target, sought_pc;

	/* on a trace */
	struct luajit_trace trace;
	u64 trace_table;
	u32 nr_traces;
	u32 chain_root, chain_side; /* numbers of the traces to look at next */
	u32 trace_found;	    /* trace is the running one, mcode_offset is in it */
	u32 mcode_offset;
	u32 search_low, search_high; /* snapshots that may be the last one passed */
	u32 has_snapshot;
	u32 nr_entries, first_entry;
	u32 link_entry, nr_links; /* behind which entry links are counted, and how many there are */
	u32 entry[LUAJIT_MAX_ENTRIES + 8]; /* of the snapshot */
	u64 constant;			   /* value of the snapshot's slot last looked at */
	u32 is_specialised;		   /* proto is the one a computed function has */
	u64 ir_word[LUAJIT_IR_WORDS + 8];

#ifdef BPROF_ARCH_X86_64
	/* search for the last guard */
	struct luajit_trace running;
	u64 code_from; /* offset of code in the trace's */
	u32 guard_at;
	s32 guard_step, guard_exit;
	u64 guard_target;
	u8 code[LUAJIT_MCODE_MASK + 1];
#endif

	/* search for the state under C code that resumed a coroutine */
	u64 host_word[LUAJIT_HOST_WORDS];
	u64 host_from, host_next, host_end, host_found;
	u32 host_is_unread; /* the chunk in host_word is not readable */
};

#endif
