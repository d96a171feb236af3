/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * LuaJIT on arm64: a function in Lua is being left, and not for Lua.
 *
 * A return puts the link of its frame into the pc before it looks at it: where the function was is
 * forgotten. But the instruction itself stays in x16 until the next one is fetched. If the function
 * has it once, this is the place:
 *
 *	ldr PC, [BASE, #-8]		RET: pc = link
 *	ands x0, PC, #3			C, a metamethod's continuation, the frame of varargs?
 *	bne ...				then x16 is that RET still
 *	ldr w16, [PC, #-4]		else it is the caller's CALL
 *
 * And RET and RETM, which return any number of values, count BASE up while they move them. Where it
 * was is kept in x2, 16 below.
 *
 * Facts: vm_arm64.dasc (BC_RET, vm_return), lj_bc.h of LuaJIT 2.1 (copyright Mike Pall, MIT).
 */
#ifndef BPROF_WALK_LUAJIT_RETURN_H
#define BPROF_WALK_LUAJIT_RETURN_H

#ifdef BPROF_ARCH_ARM64

#define LUAJIT_REG_INS	     (BPROF_REG_X0 + 16)
#define LUAJIT_REG_RB	     (BPROF_REG_X0 + 17)
#define LUAJIT_REG_RETURNED  (BPROF_REG_X0 + 2)
#define LUAJIT_RETM_TO_FUNCC 22 /* RETM, RET, RET0 and RET1 follow each other */
#define LUAJIT_RET1_TO_FUNCC 19
#define LUAJIT_MAX_SEARCHED  1024 /* instructions of a function */

/* Is instruction @i, without the header, the one that runs? Non-zero ends the search. */
WALK_STEP int luajit_match_return(struct walk *w, u32 i)
{
	struct luajit_work *j;
	u32 code = 0;
	u64 next;

	if (!w)
		return 1;
	j = &w->luajit;
	next = j->proto.bytecode + 4ULL * (i + 2ULL);
	if (walk_must_read(w, &code, sizeof(code), next - 4)) {
		j->return_pc = 0;
		return 1;
	}
	if (code != (u32)w->reg[LUAJIT_REG_INS])
		return 0;
	if (j->return_pc) { /* which of the two? */
		j->return_pc = 0;
		return 1;
	}
	j->return_pc = next;
	return 0;
}

WALK_LOOP_BODY_AT(luajit_match_return_body, luajit_match_return)

/* The pc of the function under @base, which is being left; 0 if it is not known. */
WALK_STEP u64 luajit_pc_of_return(struct walk *w, u64 base)
{
	struct luajit_work *j;
	u32 below;

	if (!w)
		return 0;
	j = &w->luajit;
	below = w->chosen.luajit.funcc_op - (u32)(w->reg[LUAJIT_REG_INS] & 0xff);
	if (below > LUAJIT_RETM_TO_FUNCC || below < LUAJIT_RET1_TO_FUNCC ||
	    w->reg[LUAJIT_REG_INS] >> 32 || w->reg[LUAJIT_REG_RB] == base)
		return 0;
	if (luajit_function(w, base) != LUAJIT_LUA || j->proto.code_len > LUAJIT_MAX_SEARCHED ||
	    !j->proto.code_len)
		return 0;
	j->return_pc = 0;
	WALK_LOOP(j->proto.code_len - 1, luajit_match_return_body, w);
	return j->return_pc;
}

/* RET or RETM moves its values to where the frame was: @pc is the link, @popped that to its caller.
 */
WALK_STEP int luajit_leaf_of_return(struct walk *w, u64 pc, u64 popped)
{
	u64 handler[3] = {}, caller;
	u32 retm;

	if (!w)
		return 0;
	retm = w->chosen.luajit.funcc_op - LUAJIT_RETM_TO_FUNCC;
	if (walk_must_read(w, handler, sizeof(handler),
			   w->vm.global + w->chosen.luajit.dispatch + 8ULL * retm))
		return 0;
	if (w->reg[BPROF_REG_IP] < handler[0] || w->reg[BPROF_REG_IP] >= handler[2])
		return 0;
	caller = w->reg[LUAJIT_REG_RETURNED] + LUAJIT_FRAME_BYTES - popped;
	return luajit_frame_valid(w, caller, pc) == LUAJIT_LUA &&
	       luajit_take(w, caller, pc, WALK_LEAF_VM_RETURN_BASE);
}

#else

WALK_INLINE u64 luajit_pc_of_return(struct walk *w, u64 base)
{
	(void)w;
	(void)base;
	return 0;
}

WALK_INLINE int luajit_leaf_of_return(struct walk *w, u64 pc, u64 popped)
{
	(void)w;
	(void)pc;
	(void)popped;
	return 0;
}

#endif

#endif
