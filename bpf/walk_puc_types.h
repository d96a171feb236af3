/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Work area of the PUC walker. Facts: see walk_puc.h and walk_puc_state.h. */
#ifndef BPROF_WALK_PUC_TYPES_H
#define BPROF_WALK_PUC_TYPES_H

#ifdef BPROF_ARCH_X86_64
#define PUC_JUMP_PC 64 /* offset of the saved pc in a lua_longjmp, see walk_puc_state.h */
#else
#define PUC_JUMP_PC 96
#endif
#define PUC_STATE_WORDS	   22 /* of lua_State, up to and including errorJmp */
#define PUC_CALLINFO_WORDS 10
#define PUC_CLOSURE_WORDS  5
#define PUC_PROTO_WORDS	   16
/* A valid layout has no offset beyond what is read: a mask does, where a test were two paths. */
#define PUC_STATE_MASK	   31
#define PUC_CALLINFO_MASK  15
#define PUC_CLOSURE_MASK   7
#define PUC_MAX_STATES	   32 /* in a chain of resumed coroutines */
#define PUC_SCAN_WORDS	   64 /* one chunk of native stack */
#define PUC_RETURN_CHUNKS  4
#define PUC_DEEP_CHUNKS	   16 /* snprintf() alone may have 6 KiB */
#define PUC_CALL_BYTES	   64 /* of code before a call, and as many behind it */
#define PUC_CALL_OPCODE	   5  /* bytes of the call itself */
#define PUC_TABLE_REGISTER 1  /* the pc is in a register, in the frame */
#define PUC_TABLE_IN_FRAME 2
#define PUC_TABLE_IS_SAVED 3
#define PUC_JUMP_BELOW	   64 /* bytes below a lua_longjmp where L is looked for */
#define PUC_JUMP_WORDS	   ((PUC_JUMP_BELOW + PUC_JUMP_PC) / 8 + 1)
#define PUC_MAX_DELTAS	   128 /* instructions between two absolute line entries */
#define PUC_DELTA_WORDS	   (PUC_MAX_DELTAS / 8 + 1)

/* A lua_State that runs or waits on this stack, and its innermost error handler. */
struct puc_active {
	u64 state, jump;
};

struct puc_work {
	u64 state; /* the one in state_word, since the walk began; 0 = none */
	u64 state_word[PUC_STATE_MASK + 1];

	/* chain of active states, the running one first */
	struct puc_active active[PUC_MAX_STATES];
	u32 nr_active, level;

	/* search for them on the native stack */
	u64 jump_word[PUC_JUMP_WORDS];
	u64 jump_pc;	  /* what setjmp() saved as pc: the same in every lua_longjmp */
	u32 state_places; /* set of places near a lua_longjmp that had its L, see puc_try_place() */
	u32 jump_is_doubtful;
	u64 jump;		    /* the lua_longjmp that is looked at */
	struct puc_active unlinked; /* a state whose innermost handler lies below that */
	u64 scan_word[PUC_SCAN_WORDS];
	u64 scan_next, scan_end;
	u32 scan_end_known;
	u64 last_candidate;
	u64 handler; /* while the outermost one is looked for */

	/* cursor */
	u64 callinfo, callinfo_end;
	u32 is_leaf;
	u32 has_callee; /* the frame emitted last was called by the CallInfo at the cursor */

	struct walk_window calls; /* CallInfos; the Lua stack is in walk.stack */
	u64 callinfo_word[PUC_CALLINFO_MASK + 1];
	u64 value[2]; /* the function slot */
	u64 object;   /* what lies there: prototype, or address of the C function */

	/* last closure and prototype read */
	u64 known_closure;
	u64 closure_word[PUC_CLOSURE_MASK + 1];
	u64 known_proto, known_chunkname;
	u64 proto_word[PUC_PROTO_WORDS];

	/* the leaf, while its caller is looked at */
	u64 leaf_word[PUC_CALLINFO_WORDS];
	u64 leaf_value, leaf_object;
	u32 leaf_kind;
	u64 leaf_pc;	      /* of a Lua function; 0 = not known */
	u64 loop_pc, fetch51; /* 5.1: the pc as the loop has it; the instruction fetched */
	u64 lowest_called;    /* the leaf cannot lie below; 0 = not known */
	u64 iterator;	      /* of the loop that the leaf's caller runs lies there; 0 = none */
	u32 called_results;   /* that the leaf's caller wants; 0 = none, or not known */
	u64 pushed_pc, last_word;
	/* the call of the interpreter loop that a helper returns to */
	u64 return_to, return_at, reload_at;
	u8 call_code[2 * PUC_CALL_BYTES + 8]; /* and slack for a masked index */
	u32 call_saves;
	u32 table_low, table_high, table_offset; /* search in the table of the pc */
	u64 table_pc, table_add;
	u32 has_loop; /* the return address into the loop was found */

	/* is the instruction at the pc still to be fetched? */
	u64 fetch_at;
	u32 fetch_copy;	   /* register that has a copy of the pc */
	u32 fetch_is_jump; /* nothing falls through what is before the pc */
	u32 fetch;	   /* enum puc_fetch */

	/* 5.2 and 5.3: the same, of a pc in memory */
	u64 window_offset; /* of ip */
	u32 is_ahead;
	u32 target, is_target; /* position that a jump of the function may lead to */

	/* line of a position */
	u32 abs_low, abs_high;
	s32 abs_pc, abs_line;
	u32 delta_sum;
	u64 delta_word[PUC_DELTA_WORDS];
};

#endif
