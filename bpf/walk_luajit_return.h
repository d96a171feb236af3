/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * LuaJIT: the interpreter calls, or returns from, a function in Lua, and BASE or the pc are no
 * more, or not yet, those of its frame.
 *
 * A return, and a tail call, put the link of the frame into the pc before they look at it: where
 * the function was is forgotten. What is known is the instruction (walk_luajit_seek.h): on x86-64
 * by ip, its operands are in ecx and eax; on arm64 all of it stays in x16:
 *
 *	ldr PC, [BASE, #-8]		RET: pc = link
 *	ands x0, PC, #3			C, a metamethod's continuation, the frame of varargs?
 *	bne ...				then x16 is that RET still
 *	ldr w16, [PC, #-4]		else it is the caller's CALL
 *
 * On arm64 BASE is kept elsewhere while it changes:
 *
 *	RET, RETM	BASE counts up while values are moved	x2 + 16 = BASE
 *	CALL, CALLM	BASE is that of the callee, less 16	x17 = BASE
 *	varargs		BASE is that of the fixed arguments	BASE + link
 *	metamethods	BASE is that of the caller		x3 = BASE
 *
 * Facts: vm_x64.dasc, vm_arm64.dasc (BC_RET, BC_CALL, BC_CALLT, vm_return, cont_dispatch),
 * lj_bc.h of LuaJIT 2.1 (copyright Mike Pall, MIT).
 */
#ifndef BPROF_WALK_LUAJIT_RETURN_H
#define BPROF_WALK_LUAJIT_RETURN_H

/* Does ip lie in the code of the instructions from @first on, before that of @end? */
WALK_STEP int luajit_is_in_handlers(struct walk *w, u32 first, u32 end)
{
	u64 table, from = 0, to = 0;

	if (!w)
		return 0;
	table = w->vm.global + w->chosen.luajit.dispatch;
	if (walk_must_read(w, &from, sizeof(from), table + 8ULL * first) ||
	    walk_must_read(w, &to, sizeof(to), table + 8ULL * end))
		return 0;
	return w->reg[BPROF_REG_IP] >= from && w->reg[BPROF_REG_IP] < to;
}

#ifdef BPROF_ARCH_X86_64

#define LUAJIT_CODE_OF_ENTRY 0x205d8b48 /* mov rbx, [rbp+0x20]: pc = bytecode of the callee */

/* RET0 or RET1 with its operands, by the place of ip; 0 if neither runs. */
WALK_STEP u32 luajit_running_return(struct walk *w)
{
	if (!w)
		return 0;
	if (luajit_is_in_handlers(w, LUAJIT_OP_RET1, LUAJIT_OP_FORI))
		return 2U << 16 | ((u32)w->reg[BPROF_REG_CX] >> 3 & 0xff) << 8 | LUAJIT_OP_RET1;
	if (luajit_is_in_handlers(w, LUAJIT_OP_RET0, LUAJIT_OP_RET1))
		return 1U << 16 | LUAJIT_OP_RET0;
	return 0;
}

/*
 * The pc of the function under @base, whose link is in the register of the pc: it is being entered
 * or left. 0: it is not known.
 */
WALK_STEP u64 luajit_pc_at_link(struct walk *w, u64 base)
{
	struct luajit_work *j;
	u32 code = 0;

	if (!w)
		return 0;
	j = &w->luajit;
	if (luajit_has_refs32(w) || luajit_function(w, base) != LUAJIT_LUA)
		return 0;
	if (!WALK_READ(w, &code, sizeof(code), w->reg[BPROF_REG_IP]) &&
	    code == LUAJIT_CODE_OF_ENTRY)
		return j->proto.bytecode + 4;
	code = luajit_running_return(w);
	return code ? luajit_seek(w, code, 0) : 0;
}

#define LUAJIT32_TYPE_FUNCTION 0xfffffff7U /* where a frame without GC64 will have its link */

/* Is there a function to be called? Its link is not stored yet. */
WALK_INLINE int luajit_has_callee(struct walk *w, u64 base)
{
	int kind = luajit_function(w, base);

	if (luajit_has_refs32(w))
		return w->luajit.slots.link == LUAJIT32_TYPE_FUNCTION;
	return kind != LUAJIT_NOTHING;
}

/*
 * x86-64: the function that C enters, or has left, has no frame, and its CFRAME is the innermost
 * still. This is the base of its caller; 0: nothing says so.
 *
 *	entered	ecx is its base; L->base that of its caller; no pc was saved, but L in its place
 *	left	the pc becomes the base of its caller: while it is a distance, then as it is
 */
WALK_INLINE u64 luajit_caller_in_c(struct walk *w)
{
	struct luajit_work *j = &w->luajit;
	u64 pc = w->reg[LUAJIT_REG_PC], entered = w->reg[LUAJIT_REG_NEW_BASE];

	if (w->reg[BPROF_REG_SP] != j->cframe.address)
		return 0;
	if (j->vmstate == LUAJIT_VMSTATE_C && luajit_base_plausible(j, pc))
		return pc;
	if (j->cframe.pc == j->state && entered > j->saved_base &&
	    luajit_base_plausible(j, entered) && luajit_has_callee(w, entered))
		return j->saved_base;
	if (j->vmstate == LUAJIT_VMSTATE_C && pc <= j->stack_limit - j->stack)
		return w->reg[LUAJIT_REG_BASE] - luajit_delta(pc);
	return 0;
}

/*
 * A debug hook is entered or left: the C function that calls it has no frame either, so its caller
 * is the Lua function that was interrupted. The pc of that is in the CFRAME below.
 */
WALK_STEP int luajit_leaf_around_hook(struct walk *w)
{
	struct luajit_work *j;
	u64 base;

	if (!w)
		return 0;
	j = &w->luajit;
	base = luajit_caller_in_c(w);
	if (!luajit_base_plausible(j, base) || luajit_function(w, base) != LUAJIT_LUA ||
	    luajit_frame_valid(w, base, j->proto.bytecode) != LUAJIT_LUA)
		return 0;
	luajit_leave_cframe(w);
	if (luajit_function(w, base) == LUAJIT_LUA && !luajit_pc_inside(j, j->pc))
		j->pc = 0;
	return luajit_take(w, base, j->pc, WALK_LEAF_VM_EDGE);
}

WALK_INLINE int luajit_leaf_by_kept_base(struct walk *w, u64 pc, u64 popped)
{
	(void)w;
	(void)pc;
	(void)popped;
	return 0;
}

WALK_INLINE u64 luajit_left_base(const struct walk *w, u64 base, u64 pc)
{
	(void)w;
	(void)base;
	(void)pc;
	return 0;
}

#else

#define LUAJIT_REG_INS	    (BPROF_REG_X0 + 16)
#define LUAJIT_REG_RB	    (BPROF_REG_X0 + 17)
#define LUAJIT_REG_CALLEE   (BPROF_REG_X0 + 2)
#define LUAJIT_REG_RETURNED (BPROF_REG_X0 + 2)
#define LUAJIT_REG_LEFT	    (BPROF_REG_X0 + 3)

#define LUAJIT_CODE_OF_ENTRY 0xf9401055 /* ldr x21, [x2, #32]: pc = bytecode of the callee */

/*
 * The pc of the function under @base, whose link is in the register of the pc: it is being entered,
 * is left, or makes a tail call. 0: it is not known.
 */
WALK_STEP u64 luajit_pc_at_link(struct walk *w, u64 base)
{
	struct luajit_work *j;
	u64 instruction;
	u32 code = 0, op;

	if (!w)
		return 0;
	j = &w->luajit;
	if (luajit_function(w, base) != LUAJIT_LUA)
		return 0;
	if (!WALK_READ(w, &code, sizeof(code), w->reg[BPROF_REG_IP]) &&
	    code == LUAJIT_CODE_OF_ENTRY)
		return j->proto.bytecode + 4;
	instruction = w->reg[LUAJIT_REG_INS];
	op = (u32)instruction & 0xff;
	if (instruction >> 32 || w->reg[LUAJIT_REG_RB] == base)
		return 0;
	if (op == LUAJIT_OP_CALLMT || op == LUAJIT_OP_CALLT) {
		if (!luajit_is_in_handlers(w, LUAJIT_OP_CALLMT, LUAJIT_OP_ITERC))
			return 0;
		if (j->slots.function == w->reg[LUAJIT_REG_CALLEE]) /* it is there already */
			return j->proto.bytecode + 4;
	} else if (op < LUAJIT_OP_RETM || op > LUAJIT_OP_RET1) {
		return 0;
	}
	return luajit_seek(w, (u32)instruction, 0);
}

/* @popped: the distance that @pc, taken for a link, says to its caller; 0 if it says none. */
WALK_STEP int luajit_leaf_by_kept_base(struct walk *w, u64 pc, u64 popped)
{
	u64 base, distance = luajit_delta(pc);

	if (!w)
		return 0;
	base = w->reg[LUAJIT_REG_RETURNED] + LUAJIT_FRAME_BYTES - popped;
	if (popped && luajit_frame_valid(w, base, pc) == LUAJIT_LUA &&
	    luajit_is_in_handlers(w, LUAJIT_OP_RETM, LUAJIT_OP_RET0))
		return luajit_take(w, base, pc, WALK_LEAF_VM_RETURN_BASE);
	base = w->reg[LUAJIT_REG_RB];
	if (popped && luajit_frame_valid(w, base, pc) == LUAJIT_LUA &&
	    luajit_is_in_handlers(w, LUAJIT_OP_CALLM, LUAJIT_OP_CALLMT))
		return luajit_take(w, base, pc, WALK_LEAF_VM_PARKED_BASE);
	if ((pc & 7) != LUAJIT_LINK_VARG || distance > w->luajit.stack_limit - w->luajit.stack)
		return 0;
	base = w->reg[LUAJIT_REG_BASE] + distance;
	if (!luajit_base_plausible(&w->luajit, base) || luajit_function(w, base) != LUAJIT_LUA ||
	    w->luajit.slots.link != pc ||
	    luajit_frame_valid(w, base, w->luajit.proto.bytecode) != LUAJIT_LUA)
		return 0;
	return luajit_take(w, base, luajit_pc_at_link(w, base), WALK_LEAF_VM_LINK);
}

/* arm64: luajit_leaf_at_exact_edge() */
WALK_INLINE int luajit_leaf_around_hook(struct walk *w)
{
	(void)w;
	return 0;
}

/* A metamethod has returned: BASE is its caller's, the pc not yet. */
WALK_INLINE u64 luajit_left_base(const struct walk *w, u64 base, u64 pc)
{
	u64 left = w->reg[LUAJIT_REG_LEFT];

	return left - luajit_delta(pc) == base ? left : 0;
}

#endif

#endif
