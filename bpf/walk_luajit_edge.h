/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * LuaJIT: the interpreter enters a function from C, or returns to C.
 *
 * Then the frame under BASE is being made or is gone, and its CFRAME is the innermost still. What
 * is certain is who called it: the frame below the C link.
 *
 * Facts: vm_x64.dasc, vm_arm64.dasc (vm_call, vm_call_dispatch, vm_returnc, vm_leave_cp) of LuaJIT
 * 2.1 (copyright Mike Pall, MIT).
 */
#ifndef BPROF_WALK_LUAJIT_EDGE_H
#define BPROF_WALK_LUAJIT_EDGE_H

enum luajit_vmstate {
	LUAJIT_VMSTATE_C = -2,
	/* the collector stores base and pc; so do recorder, optimiser and assembler, below EXIT */
	LUAJIT_VMSTATE_GC = -3,
	LUAJIT_VMSTATE_EXIT = -4,
};

WALK_INLINE int luajit_take(struct walk *w, u64 base, u64 pc, enum walk_leaf how)
{
	w->luajit.base = base;
	w->luajit.pc = pc;
	w->record.s.leaf_how = (u8)how;
	return 1;
}

WALK_INLINE int luajit_inside_step(struct walk *w, u32 i)
{
	struct luajit_work *j = &w->luajit;
	u64 pc = j->candidate_pc[walk_index(i, LUAJIT_MAX_PCS - 1)];

	if (!luajit_pc_inside(j, pc))
		return 0;
	j->inside_pc = pc;
	return 1;
}

WALK_LOOP_BODY_AT(luajit_inside_body, luajit_inside_step)

/*
 * The interpreter enters a function from C or returns to C: rbx holds a frame delta or has been
 * restored, and the slots under L->base may hold results. The frame below the C link is certain.
 */
WALK_STEP int luajit_leaf_at_edge(struct walk *w)
{
	struct luajit_work *j;
	u64 link, below;
	u32 type;

	if (!w)
		return 0;
	j = &w->luajit;
	if (!luajit_base_plausible(j, j->saved_base))
		return 0;
	luajit_function(w, j->saved_base);
	link = j->slots.link;
	type = link & 7;
	if (type != LUAJIT_LINK_C && type != LUAJIT_LINK_CP)
		return 0;
	below = j->saved_base - luajit_delta(link);
	if (below >= j->saved_base || below < j->stack)
		return 0;
	if (below > j->bottom && luajit_function(w, below) != LUAJIT_C)
		return 0;
	luajit_leave_cframe(w);
	return luajit_take(w, below, 0, WALK_LEAF_VM_EDGE);
}

/*
 * arm64: the pc is the link of that function, its distance to L->base, which is that of its caller.
 *
 *	entered	BASE is its base; its link is not stored yet
 *	left	BASE lies behind the results, which are moved to where the frame was
 *
 * The caller is a C function, or one in Lua whose hook is called. pcall() calls without C: it lies
 * at that distance below BASE.
 */
WALK_STEP int luajit_leaf_at_exact_edge(struct walk *w, u64 base, u64 pc)
{
	u64 below, distance = luajit_delta(pc);
	u32 type = pc & 7;
	struct luajit_work *j;
	int kind, is_left;

	if (!w)
		return 0;
	j = &w->luajit;
	if (type >= LUAJIT_LINK_PCALL) {
		below = base - distance;
		return luajit_frame_valid(w, below, 0) == LUAJIT_C &&
		       luajit_take(w, below, 0, WALK_LEAF_VM_EDGE);
	}
	below = j->saved_base;
	if ((type != LUAJIT_LINK_C && type != LUAJIT_LINK_CP) ||
	    w->reg[BPROF_REG_SP] != j->cframe.address || distance > j->stack_limit - j->stack ||
	    below < j->bottom || base > j->stack_limit + LUAJIT_STACK_EXTRA)
		return 0;
	is_left = j->vmstate == LUAJIT_VMSTATE_C && base + LUAJIT_FRAME_BYTES >= below + distance;
	if (base != below + distance && !is_left)
		return 0;
	kind = luajit_function(w, below);
	if (below > j->bottom && luajit_frame_valid(w, below, j->proto.bytecode) != kind)
		return 0;
	luajit_leave_cframe(w);
	if (luajit_function(w, below) == LUAJIT_LUA && !luajit_pc_inside(j, j->pc))
		j->pc = 0;
	return luajit_take(w, below, j->pc, WALK_LEAF_VM_EDGE);
}

/* Does this instruction enter a trace? JFORI, JFORL, JITERL, JLOOP, JFUNCF, JFUNCV. */
WALK_INLINE int luajit_enters_trace(const struct walk *w, u32 op)
{
	u32 below_funcc = w->chosen.luajit.funcc_op - op;

	return op == LUAJIT_OP_JFORI || op == LUAJIT_OP_JFORL || op == LUAJIT_OP_JITERL ||
	       op == LUAJIT_OP_JLOOP || below_funcc == 4 || below_funcc == 1;
}

#ifdef BPROF_ARCH_X86_64

/* Of a trace that has none of its own but two saved registers, or not any more. */
WALK_INLINE int luajit_has_stack_of_vm(const struct walk *w)
{
	u64 sp = w->reg[BPROF_REG_SP], cframe = w->luajit.cframe.address;

	return sp == cframe || sp + 16 == cframe;
}

/* A trace that is entered has not set its vmstate yet. */
WALK_INLINE int luajit_is_entering(const struct walk *w, u64 pc)
{
	(void)pc;
	return w->luajit.vmstate < 0;
}

#else

WALK_INLINE int luajit_has_stack_of_vm(const struct walk *w)
{
	return w->reg[BPROF_REG_SP] == w->luajit.cframe.address;
}

/* vmstate is not kept; the instruction before @pc tells. */
WALK_INLINE int luajit_is_entering(struct walk *w, u64 pc)
{
	u32 before = 0;

	return walk_must_read(w, &before, sizeof(before), pc - 4) ||
	       luajit_enters_trace(w, before & 0xff);
}

#endif

/*
 * A trace has come to its end and left for the interpreter, which has its registers and its CFRAME
 * again, but still is said to be on the trace. So it is when it enters one. The pc of a function in
 * C or a builtin is its header.
 */
WALK_STEP int luajit_leaf_at_trace_end(struct walk *w)
{
	struct luajit_work *j;
	u64 base, pc;
	int kind;

	if (!w)
		return 0;
	j = &w->luajit;
	base = w->reg[LUAJIT_REG_BASE];
	pc = w->reg[LUAJIT_REG_PC];
	if (!luajit_in_vm(w, w->reg[BPROF_REG_IP]) || !luajit_has_stack_of_vm(w))
		return 0;
	kind = luajit_frame_valid(w, base, pc);
	if (kind == LUAJIT_C && luajit_function(w, base) == LUAJIT_C && j->function.pc == pc) {
		j->jit_base = 0;
		return luajit_take(w, base, 0, WALK_LEAF_VM_BUILTIN);
	}
	if (kind != LUAJIT_LUA)
		return 0;
	j->jit_base = 0;
	j->pc_is_start = !luajit_is_entering(w, pc);
	return luajit_take(w, base, pc, WALK_LEAF_VM_BASE);
}

#endif
