/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * LuaJIT: where a thread is in compiled code, and the frames that exist only there.
 *
 * Compiled code keeps neither a pc nor the frames of the functions it has inlined. Each of its
 * guards has a snapshot: what the Lua stack must look like if the guard fails. The last snapshot
 * passed tells the place, from guard to guard:
 *
 *	ip -> trace -> last snapshot whose code begins at or before ip -> its pc and its frames
 *
 *	J.trace[number] -> GCtrace: mcode, mcode_bytes, snapshots[], entries[], constants
 *	(walk_luajit_snapshot.h; where it does not say where its code begins, walk_luajit_guard.h)
 *
 *	slot    0         1      2 ...          n-2        n-1   n ...
 *	      function  link   | slots of the   function  link  | slots of the inlined function
 *	      at jit_base - 16 | trace's frame  of an inlined   |
 *
 * (Without GC64 function and link share a slot.)
 *
 * Function and link of an inlined frame are constants of the trace, so a walk down from the
 * innermost base takes them from the snapshot, and from the Lua stack once it has come to jit_base.
 * A function that is no constant was specialised to its prototype: that one is among the constants.
 *
 * Facts: lj_snap.c, lj_jit.h, lj_ir.h, lj_asm.c, lj_trace.c of LuaJIT 2.1 (copyright Mike Pall,
 * MIT).
 */
#ifndef BPROF_WALK_LUAJIT_TRACE_H
#define BPROF_WALK_LUAJIT_TRACE_H

#define LUAJIT_MAX_CHAIN   48  /* traces of one prototype that are looked at */
#define LUAJIT_MAX_NUMBERS 256 /* of all traces */
#define LUAJIT_TAIL_BYTES  19  /* the longest end of a trace that moves jit_base */

/* ---- which trace, and where in it ---------------------------------------------------------- */

/* Does the thread run the trace just read? Either ip lies in it, or C that it has called runs. */
WALK_STEP int luajit_runs_trace(struct walk *w)
{
	struct luajit_work *j;

	if (!w)
		return 0;
	j = &w->luajit;
	if (luajit_take_mcode(j, w->reg[BPROF_REG_IP])) {
		w->record.s.flags |= BPROF_SAMPLE_IN_MCODE;
		return 1;
	}
	return luajit_is_called_by_trace(w);
}

/* The next trace of the prototype: the side traces of each of its root traces. */
WALK_STEP int luajit_chain_step(struct walk *w)
{
	struct luajit_work *j;

	if (!w)
		return 1;
	j = &w->luajit;
	if (luajit_load_trace(w, j->chain_side ? j->chain_side : j->chain_root))
		return 1;
	if (!j->chain_side)
		j->chain_root = j->trace.next_root;
	j->chain_side = j->trace.next_side;
	return luajit_runs_trace(w) || !(j->chain_side | j->chain_root);
}

WALK_LOOP_BODY(luajit_chain_body, luajit_chain_step)

#ifdef BPROF_ARCH_ARM64
/* The next trace of all. */
WALK_STEP int luajit_number_step(struct walk *w)
{
	struct luajit_work *j;

	if (!w)
		return 1;
	j = &w->luajit;
	if (++j->chain_root >= j->nr_traces)
		return 1;
	return !luajit_load_trace(w, j->chain_root) && luajit_runs_trace(w);
}

WALK_LOOP_BODY(luajit_number_body, luajit_number_step)
#endif

/*
 * arm64 does not keep vmstate on a trace. One that has returned to its caller is none of the
 * function at jit_base.
 */
WALK_INLINE int luajit_find_trace_by_number(struct walk *w)
{
#ifdef BPROF_ARCH_ARM64
	w->luajit.chain_root = 0;
	WALK_LOOP(LUAJIT_MAX_NUMBERS, luajit_number_body, w);
#endif
	return (int)w->luajit.trace_found;
}

/*
 * The trace that runs: vmstate names it. The collector, called from a trace, puts its own state
 * there; then it is one of the traces of the function at jit_base.
 */
WALK_STEP int luajit_find_trace(struct walk *w)
{
	struct luajit_work *j;

	if (!w)
		return 0;
	j = &w->luajit;
	j->trace_found = 0;
	if (luajit_read_trace_table(w))
		return 0;
	if (j->vmstate > 0)
		return !luajit_load_trace(w, (u32)j->vmstate) && luajit_runs_trace(w);
	if (luajit_function(w, j->jit_base) != LUAJIT_LUA)
		return 0;
	j->chain_root = j->proto.trace;
	j->chain_side = 0;
	WALK_LOOP(LUAJIT_MAX_CHAIN, luajit_chain_body, w);
	return j->trace_found || luajit_find_trace_by_number(w);
}

#include "walk_luajit_snapshot.h"
#include "walk_luajit_guard.h"

/* ---- the leaf ------------------------------------------------------------------------------ */

/*
 * The place is where the trace starts; that of a side trace may be anywhere, so the root of its
 * tree counts.
 */
WALK_STEP int luajit_start_of_trace(struct walk *w)
{
	struct luajit_work *j;

	if (!w)
		return 0;
	j = &w->luajit;
	j->base = j->jit_base;
	j->pc = 0;
	j->has_snapshot = 0;
	if (w->jit == BPROF_JIT_BASE)
		return 0;
	if (!j->trace_found && (j->vmstate <= 0 || luajit_load_trace(w, (u32)j->vmstate)))
		return 0;
	if (j->trace.root && luajit_load_trace(w, j->trace.root))
		return 0;
	j->pc = j->trace.start_pc;
	j->pc_is_start = 1;
	return 0;
}

#ifdef BPROF_ARCH_X86_64

/*
 * mov [r14+disp32], rdx, without GC64 mov [addr32], edx: the store of jit_base, where the end of a
 * trace moves it.
 */
WALK_INLINE u32 luajit_stores_base(const struct walk *w, const u8 *code)
{
	if (luajit_has_refs32(w))
		return code[0] == 0x89 && code[1] == 0x14 && code[2] == 0x25;
	return code[0] == 0x49 && code[1] == 0x89 && code[2] == 0x96;
}

/*
 * The last instructions of a recursive trace move jit_base to the frame with which the linked trace
 * begins: the frames of its last snapshot lie on the old one. In memory: the store, perhaps an
 * addition to rsp (4 or 7 bytes), the jump (5 bytes).
 *
 * Facts: lj_asm.c, asm_tail_link(); lj_asm_x86.h, asm_tail_fixup().
 */
WALK_STEP int luajit_has_moved_base(struct walk *w)
{
	u8 code[LUAJIT_TAIL_BYTES];
	struct luajit_work *j;
	u64 end, left;

	if (!w)
		return 0;
	j = &w->luajit;
	end = j->trace.mcode + j->trace.mcode_bytes;
	left = end - w->reg[BPROF_REG_IP];
	if (left > 12 || WALK_READ(w, code, sizeof(code), end - sizeof(code)))
		return 0;
	if (left == 5 && luajit_stores_base(w, code + 7))
		return 1;
	if (left <= 9 && code[10] == 0x48 && code[11] == 0x83 && luajit_stores_base(w, code + 3))
		return 1;
	return code[7] == 0x48 && code[8] == 0x81 && luajit_stores_base(w, code);
}

#else

#define LUAJIT_CODE_STORE 0xf90002d3U /* str x19, [x22, #0]: BASE, below the global_State */
#define LUAJIT_CODE_ADD	  0x910003ffU /* add sp, sp, #0 */

/*
 * arm64: the same, by the instruction before the branch to the linked trace; perhaps an addition to
 * sp lies between them.
 */
WALK_STEP int luajit_has_moved_base(struct walk *w)
{
	u32 code[3], store;
	u64 end, left;

	if (!w)
		return 0;
	store = LUAJIT_CODE_STORE | (u32)w->chosen.luajit.jit_base >> 3 << 10;
	end = w->luajit.trace.mcode + w->luajit.trace.mcode_bytes;
	left = end - w->reg[BPROF_REG_IP];
	if (left > 8 || walk_must_read(w, code, sizeof(code), end - sizeof(code)))
		return 0;
	if (code[1] == store)
		return left == 4;
	return code[0] == store && (code[1] & ~0x3ffc00U) == LUAJIT_CODE_ADD;
}

#endif

/* The number of the last snapshot passed; below 0: it is not known. */
WALK_INLINE int luajit_last_snapshot(struct walk *w)
{
	struct luajit_work *j = &w->luajit;

	if (luajit_has_offsets(w)) {
		j->search_low = 0;
		j->search_high = j->trace.nr_snapshots;
		WALK_LOOP(LUAJIT_SNAPSHOT_ROUNDS, luajit_search_body, w);
		return (int)j->search_low - 1;
	}
	if (w->chosen.luajit.snapshot_mcode || !j->trace.snapshot_bytes)
		return -1;
	return luajit_last_guard(w);
}

/* Sets the cursor to the innermost frame of compiled code. */
WALK_STEP int luajit_leaf_on_trace(struct walk *w)
{
	struct luajit_work *j;
	int found, number;

	if (!w)
		return 0;
	j = &w->luajit;
	w->record.s.leaf_how = WALK_LEAF_TRACE;
	found = luajit_find_trace(w);
	if (found && luajit_has_moved_base(w)) {
		j->base = j->jit_base;
		j->pc = 0;
		j->has_snapshot = 0;
		return 1;
	}
	if (found && w->jit == BPROF_JIT_SNAPSHOT) {
		number = luajit_last_snapshot(w);
		if (number >= 0 && luajit_take_snapshot(w, (u32)number) &&
		    luajit_compiled_function(w, j->base) == LUAJIT_LUA &&
		    luajit_pc_inside(j, j->pc))
			return 1;
	}
	luajit_start_of_trace(w);
	return 1;
}

#endif
