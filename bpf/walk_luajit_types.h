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

#define LUAJIT_STATE_WORDS  12 /* of lua_State, up to and including cframe */
#define LUAJIT_CFRAME_WORDS 11 /* up to and including the word at the caller's sp */
#define LUAJIT_FUNC_WORDS   6
#define LUAJIT_PROTO_WORDS  13
#define LUAJIT_TRACE_WORDS  16
#define LUAJIT_PUSHED_WORDS 40 /* searched below a CFRAME */
#define LUAJIT_MAX_PCS	    16
#define LUAJIT_MAX_BASES    8
#define LUAJIT_HOST_WORDS   64 /* of one chunk of native stack */

struct luajit_work {
	/* the running state, and the one whose frames are being walked */
	u64 state;
	u64 state_word[LUAJIT_STATE_WORDS];
	u64 saved_base, stack, stack_limit, bottom;
	u64 cframe; /* address of the CFRAME that cframe_word copies */
	u64 cframe_word[LUAJIT_CFRAME_WORDS];
	u64 jit_base;
	s32 vmstate;
	u32 level; /* coroutines left behind */

	/* cursor */
	u64 base, pc;
	u32 pc_is_start; /* pc is the instruction itself (start of a trace), not the next one */
	u32 leaf_on_trace;

	/* the function under the base last looked at */
	u64 slot[4];
	u64 function;
	u64 function_word[LUAJIT_FUNC_WORDS];
	u64 proto_word[LUAJIT_PROTO_WORDS];
	u64 bytecode;
	u32 code_len, ffid;
	u64 known_function; /* what the above describes; 0 = nothing */
	u32 known_kind;
	u32 last_call; /* instruction at last_link - 4 */
	u64 last_link;
	u64 link; /* of the frame last validated */

	/* leaf search */
	u64 pushed[LUAJIT_PUSHED_WORDS];
	u64 candidate_pc[LUAJIT_MAX_PCS];
	u64 candidate_base[LUAJIT_MAX_BASES];
	u32 nr_pcs, nr_bases;

	u64 trace_word[LUAJIT_TRACE_WORDS];

	/* search for the state under C code that resumed a coroutine */
	u64 host_word[LUAJIT_HOST_WORDS];
	u64 host_state[LUAJIT_STATE_WORDS];
	u64 host_next, host_end, host_found;
};

#endif
