/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * LuaJIT: which frame is the innermost, and where in its bytecode.
 *
 * The interpreter keeps BASE in rdx and the pc (the next instruction) in rbx. It stores them to
 * L->base and the CFRAME only where it must: fast functions and the helpers for #t, next, rawget,
 * number formatting and the C math library run without it, and then L->base and the saved pc are
 * stale together and agree with each other. So neither is believed: a candidate base counts only
 * with a pc, found in rbx or among the words pushed below the CFRAME, that lies in the bytecode of
 * the function under that base.
 *
 * On arm64 BASE is x19 and the pc x21: both survive calls of C, so what is found of them is exact
 * (walk_luajit_native.h), and L->base is asked last.
 *
 * The order of the rules is their strength; experiments on live processes gave it.
 */
#ifndef BPROF_WALK_LUAJIT_LEAF_H
#define BPROF_WALK_LUAJIT_LEAF_H

#define LUAJIT_BUILTIN_BYTES	1024 /* the longest fast function is shorter */
#define LUAJIT_CALLBACK_BYTES	512  /* the routine of FFI callbacks is shorter, and the last */
#define LUAJIT_CTSTATE_GLOBAL	24   /* offset of CTState.g */
#define LUAJIT_MAX_HELPER_BYTES 32   /* of stack that the interpreter's own code uses */

/* The first candidate pc inside the function just looked at; 0 = none. */
WALK_STEP u64 luajit_inside_pc(struct walk *w)
{
	struct luajit_work *j;

	if (!w)
		return 0;
	j = &w->luajit;
	j->inside_pc = 0;
	WALK_LOOP(j->nr_pcs, luajit_inside_body, w);
	return j->inside_pc;
}

WALK_STEP int luajit_has_pc(struct walk *w, u64 pc)
{
	struct luajit_work *j;
	u32 nr;

	if (!w)
		return 0;
	j = &w->luajit;
	nr = j->nr_pcs;
	for (u32 i = 0; i < LUAJIT_MAX_PCS; i++) {
		if (i >= nr)
			break;
		if (j->candidate_pc[i] == pc)
			return 1;
	}
	return 0;
}

/*
 * A base that was parked during a helper. A fast function inside the C library has parked its
 * caller's pc (its own link) or, in math functions, that of its own header.
 */
WALK_STEP int luajit_try_parked_base(struct walk *w, u64 base)
{
	struct luajit_work *j;
	int kind;
	u64 pc;

	if (!w)
		return 0;
	j = &w->luajit;
	if (!luajit_base_plausible(j, base))
		return 0;
	kind = luajit_function(w, base);
	if (kind == LUAJIT_C && j->function.ffid >= 2) {
		u64 header_pc = j->function.pc + 4;

		if (!luajit_has_pc(w, header_pc) && !luajit_has_pc(w, j->slots.link))
			return 0;
		if (luajit_frame_valid(w, base, 0) != LUAJIT_C)
			return 0;
		return luajit_take(w, base, 0, WALK_LEAF_BUILTIN);
	}
	if (kind == LUAJIT_LUA) {
		pc = luajit_inside_pc(w);
		if (pc && luajit_frame_valid(w, base, pc) == LUAJIT_LUA)
			return luajit_take(w, base, pc, WALK_LEAF_PARKED_BASE);
	}
	return 0;
}

WALK_INLINE int luajit_try_parked_bases(struct walk *w)
{
	u32 nr = w->luajit.nr_bases;

	for (u32 i = 0; i < LUAJIT_MAX_BASES; i++) {
		if (i >= nr)
			break;
		if (luajit_try_parked_base(w, w->luajit.candidate_base[i]))
			return 1;
	}
	return 0;
}

/* BASE and pc of the interpreter belong together: they are the leaf, or that of a builtin. */
WALK_STEP int luajit_try_pair(struct walk *w, u32 i)
{
	struct luajit_work *j;
	u64 base, pc, own_pc;
	int kind;

	if (!w)
		return 0;
	j = &w->luajit;
	luajit_load_pair(w, i, &base, &pc);
	if (!luajit_base_plausible(j, base))
		return 0;
	kind = luajit_function(w, base);
	own_pc = kind == LUAJIT_C && j->function.ffid >= 2 ? j->function.pc + 4 : 0;
	if (!kind || luajit_frame_valid(w, base, pc) != kind)
		return 0;
	if (kind == LUAJIT_LUA)
		return luajit_take(w, base, pc, WALK_LEAF_PARKED_BASE);
	return own_pc && (pc == own_pc || pc == j->link) &&
	       luajit_take(w, base, 0, WALK_LEAF_BUILTIN);
}

/*
 * next() and modf() let their helpers write the results over their own frames: base is that of the
 * builtin, pc is in its caller.
 */
WALK_STEP int luajit_try_overwritten(struct walk *w, u32 i)
{
	u64 base, pc, distance = 0;
	u32 failed_reads;

	if (!w)
		return 0;
	luajit_load_pair(w, i, &base, &pc);
	if (!luajit_base_plausible(&w->luajit, base) || !walk_is_user_address(pc) || (pc & 3))
		return 0;
	failed_reads = w->failed_reads;
	if (luajit_caller_distance(w, pc, &distance)) {
		w->failed_reads = failed_reads; /* it was a guess */
		return 0;
	}
	if (luajit_frame_valid(w, base - distance, pc) != LUAJIT_LUA)
		return 0;
	return luajit_take(w, base - distance, pc, WALK_LEAF_VM_RETURNED);
}

WALK_INLINE int luajit_leaf_by_pairs(struct walk *w)
{
	u32 nr = luajit_nr_pairs(w);

	for (u32 i = 0; i <= LUAJIT_PUSHED_WORDS; i++) {
		if (i >= nr)
			break;
		if (luajit_try_pair(w, i))
			return 1;
	}
	return 0;
}

WALK_INLINE int luajit_leaf_of_next(struct walk *w)
{
	u32 nr = luajit_nr_pairs(w);

	for (u32 i = 0; i <= LUAJIT_PUSHED_WORDS; i++) {
		if (i >= nr)
			break;
		if (luajit_try_overwritten(w, i))
			return 1;
	}
	return 0;
}

/* SAVE_PC of a callback that is entered is the CTState, until its function is known. */
WALK_STEP int luajit_enters_callback(struct walk *w)
{
	u64 global = 0;

	if (!w || !walk_is_user_address(w->luajit.cframe.pc))
		return 0;
	return !WALK_READ(w, &global, sizeof(global),
			  w->luajit.cframe.pc + LUAJIT_CTSTATE_GLOBAL) &&
	       global == w->vm.global;
}

/*
 * An FFI callback is being entered or left, by the last of the interpreter's routines or by C that
 * it called: the frame is complete, but nothing of its function runs. While it is entered SAVE_PC
 * is behind its header. When it is left SAVE_PC is behind the end of its code: it has returned to
 * the C function that called it (lj_ccallback.c).
 */
WALK_STEP int luajit_leaf_of_callback(struct walk *w)
{
	struct luajit_work *j;
	u64 from, pc, below;
	int kind;

	if (!w)
		return 0;
	j = &w->luajit;
	from = w->reg[BPROF_REG_IP];
	if (!luajit_in_vm(w, from))
		from = luajit_helper_return(w);
	if (!luajit_in_vm(w, from) || from + LUAJIT_CALLBACK_BYTES < w->vm.vm_end ||
	    !luajit_base_plausible(j, j->saved_base))
		return 0;
	kind = luajit_function(w, j->saved_base);
	if ((j->slots.link & 7) != LUAJIT_LINK_CONT ||
	    j->slots.continuation != LUAJIT_CONT_FFI_CALLBACK)
		return 0;
	pc = j->proto.bytecode;
	below = j->saved_base - luajit_delta(j->slots.link);
	if (kind == LUAJIT_NOTHING || luajit_frame_valid(w, j->saved_base, pc) != kind)
		return 0;
	if (kind == LUAJIT_LUA && j->cframe.pc == pc + 4 * (j->proto.code_len + 1ULL) &&
	    luajit_base_plausible(j, below) && luajit_frame_valid(w, below, 0) == LUAJIT_C) {
		luajit_leave_cframe(w);
		return luajit_take(w, below, 0, WALK_LEAF_CALLBACK);
	}
	if (kind == LUAJIT_LUA && (j->cframe.pc == pc + 4 || luajit_enters_callback(w)))
		return luajit_take(w, j->saved_base, pc + 4, WALK_LEAF_CALLBACK);
	return luajit_take(w, j->saved_base, 0, WALK_LEAF_CALLBACK);
}

/* C runs, called from the interpreter or from a trace that has ended. */
WALK_STEP int luajit_leaf_outside_vm(struct walk *w)
{
	struct luajit_work *j;
	int kind;
	u64 pc;

	if (!w)
		return 0;
	j = &w->luajit;
	if (j->vmstate == LUAJIT_VMSTATE_C && luajit_frame_valid(w, j->saved_base, 0) == LUAJIT_C)
		return luajit_take(w, j->saved_base, 0, WALK_LEAF_C);
	luajit_collect(w);
	if (LUAJIT_BASE_IS_EXACT && (luajit_leaf_by_pairs(w) || luajit_try_parked_bases(w)))
		return 1;
	if (luajit_function(w, j->saved_base) == LUAJIT_LUA) {
		pc = luajit_inside_pc(w);
		if (pc && luajit_frame_valid(w, j->saved_base, pc) == LUAJIT_LUA)
			return luajit_take(w, j->saved_base, pc, WALK_LEAF_SAVED_BASE);
	}
	if (!LUAJIT_BASE_IS_EXACT && luajit_try_parked_bases(w))
		return 1;
	if (luajit_leaf_of_next(w) || luajit_leaf_of_callback(w))
		return 1;
	kind = luajit_frame_valid(w, j->saved_base, j->cframe.pc);
	if (kind == LUAJIT_LUA && j->vmstate <= LUAJIT_VMSTATE_GC)
		return luajit_take(w, j->saved_base, j->cframe.pc, WALK_LEAF_SAVED_PC);
	if (kind == LUAJIT_C)
		return luajit_take(w, j->saved_base, 0, WALK_LEAF_C_SAVED_BASE);
	return 0;
}

/*
 * A fast function that has just returned a function looks like a call of that one: the result lies
 * over the function slot. It is a call if ip lies in the code of this very function.
 */
WALK_STEP int luajit_runs_builtin(struct walk *w, u64 base)
{
	struct luajit_work *j;
	u64 handler = 0, ip;
	u32 header = 0;

	if (!w)
		return 0;
	j = &w->luajit;
	ip = w->reg[BPROF_REG_IP];
	if (luajit_function(w, base) != LUAJIT_C)
		return 0;
	if (walk_must_read(w, &header, sizeof(header), j->function.pc) ||
	    walk_must_read(w, &handler, sizeof(handler),
			   w->vm.global + w->chosen.luajit.dispatch + 8ULL * (header & 0xff)))
		return 0;
	return ip >= handler && ip < handler + LUAJIT_BUILTIN_BYTES;
}

/*
 * A metamethod is being called or returns: in place of the pc there is the distance between its
 * base and its caller's, with or without a type, and the pc lies below its base. Its frame may not
 * be complete, or not be any more; its caller's is.
 */
WALK_STEP int luajit_leaf_at_continuation(struct walk *w, u64 base)
{
	struct luajit_work *j;
	u64 distance, pc;

	if (!w)
		return 0;
	j = &w->luajit;
	distance = luajit_delta(w->reg[LUAJIT_REG_PC]);
	if (!distance || !luajit_base_plausible(j, base))
		return 0;
	luajit_function(w, base);
	pc = j->slots.continuation_pc;
	if (luajit_frame_valid(w, base - distance, pc) != LUAJIT_LUA)
		return 0;
	return luajit_take(w, base - distance, pc, WALK_LEAF_VM_CONTINUATION);
}

/*
 * arm64: nothing that runs lies under BASE and has this pc. Then the function there has returned,
 * or it is a builtin, whose pc is its own header's until it needs its link.
 */
WALK_STEP int luajit_leaf_by_exact_base(struct walk *w, u64 base, u64 pc, u64 popped)
{
	if (!w)
		return 0;
	if (popped && luajit_frame_valid(w, base - popped, pc) == LUAJIT_LUA)
		return luajit_take(w, base - popped, pc, WALK_LEAF_VM_RETURN_BASE);
	if (!luajit_base_plausible(&w->luajit, base) || luajit_function(w, base) != LUAJIT_C ||
	    w->luajit.function.pc + 4 != pc || luajit_frame_valid(w, base, 0) != LUAJIT_C)
		return 0;
	return luajit_take(w, base, 0, WALK_LEAF_VM_BUILTIN);
}

/* The interpreter's own code runs: pc is rbx, and rdx is BASE except where it carries an argument.
 */
WALK_STEP int luajit_leaf_in_vm(struct walk *w)
{
	struct luajit_work *j;
	u64 pc, base, popped = 0, builtin = 0;
	int kind;

	if (!w)
		return 0;
	j = &w->luajit;
	pc = w->reg[LUAJIT_REG_PC];
	base = w->reg[LUAJIT_REG_BASE];
	kind = luajit_frame_valid(w, base, pc);
	if (kind == LUAJIT_LUA)
		return luajit_take(w, base, pc, WALK_LEAF_VM_BASE);
	if (kind == LUAJIT_C && j->link == pc) {
		u64 distance = 0;

		if ((pc & 3) || luajit_runs_builtin(w, base))
			return luajit_take(w, base, 0, WALK_LEAF_VM_BUILTIN);
		if (!luajit_caller_distance(w, pc, &distance))
			return luajit_take(w, base - distance, pc, WALK_LEAF_VM_RETURNED);
	}
	/* the pc is the link: the function is entered from C, or is being left for it */
	if ((pc & 3) && luajit_base_plausible(j, base) && luajit_function(w, base) == LUAJIT_LUA &&
	    j->slots.link == pc && luajit_frame_valid(w, base, j->proto.bytecode) == LUAJIT_LUA)
		return luajit_take(w, base, luajit_pc_at_link(w, base), WALK_LEAF_VM_LINK);

	/* after RET the frame is gone already: its results lie over the function slot */
	if (walk_is_user_address(pc) && !(pc & 3) && !luajit_is_scratch32(w, pc)) {
		u64 distance = 0;

		if (!luajit_caller_distance(w, pc, &distance))
			popped = distance;
	}
	if (LUAJIT_BASE_IS_EXACT &&
	    (luajit_leaf_by_exact_base(w, base, pc, popped) ||
	     luajit_leaf_by_kept_base(w, pc, popped) || luajit_leaf_at_exact_edge(w, base, pc)))
		return 1;
	j->candidate_base[0] = j->saved_base;
	j->candidate_base[1] = w->reg[LUAJIT_REG_PARKED];
	j->candidate_base[2] = base - popped;
	j->candidate_base[3] = j->saved_base - popped;
	j->candidate_base[4] = base;
	for (u32 i = 0; i < 5; i++) {
		u64 candidate = j->candidate_base[i];

		kind = luajit_frame_valid(w, candidate, pc);
		if (kind == LUAJIT_LUA)
			return luajit_take(w, candidate, pc,
					   i < 4 ? WALK_LEAF_VM_SAVED_BASE + i : WALK_LEAF_VM_BASE);
		if (kind == LUAJIT_C && !builtin)
			builtin = candidate;
	}
	if (builtin)
		return luajit_take(w, builtin, 0, WALK_LEAF_VM_ANY_BUILTIN);
	if (pc <= j->stack_limit - j->stack &&
	    (luajit_leaf_at_continuation(w, luajit_left_base(w, base, pc)) ||
	     luajit_leaf_at_continuation(w, w->reg[LUAJIT_REG_NEW_BASE]) ||
	     luajit_leaf_at_continuation(w, base) ||
	     luajit_leaf_at_continuation(w, w->reg[LUAJIT_REG_PARKED])))
		return 1;
	/* C in the interpreter's call makes or leaves a CFRAME of its own (the recorder does) */
	if (w->reg[BPROF_REG_SP] + LUAJIT_MAX_HELPER_BYTES < j->cframe.address &&
	    luajit_leaf_outside_vm(w))
		return 1;
	if (luajit_leaf_of_callback(w) || luajit_leaf_around_hook(w))
		return 1;
	return luajit_leaf_at_edge(w);
}

/*
 * A trace is being left: L->base is that of the trace, then that of the frame restored from it. The
 * pc is being made up, and what is on the native stack are the registers of compiled code.
 */
WALK_STEP int luajit_leaf_at_exit(struct walk *w)
{
	struct luajit_work *j;
	u64 base;
	int kind;

	if (!w)
		return 0;
	j = &w->luajit;
	base = j->saved_base;
	if (!luajit_base_plausible(j, base))
		return 0;
	kind = luajit_function(w, base);
	if (kind != LUAJIT_LUA && kind != LUAJIT_C)
		return 0;
	if (luajit_frame_valid(w, base, j->proto.bytecode) != kind)
		return 0;
	return luajit_take(w, base, 0, WALK_LEAF_EXIT);
}

/* Sets the cursor to the leaf of the state just entered. Returns 0 if it cannot be proved. */
WALK_STEP int luajit_find_leaf(struct walk *w)
{
	struct luajit_work *j;

	if (!w)
		return 0;
	j = &w->luajit;
	luajit_find_helpers(w);
	if (j->jit_base && luajit_leaf_at_trace_end(w))
		return 1;
	if (j->jit_base)
		return luajit_leaf_on_trace(w);
	if (j->vmstate == LUAJIT_VMSTATE_EXIT)
		return luajit_leaf_at_exit(w);
	if (luajit_in_vm(w, w->reg[BPROF_REG_IP]))
		return luajit_leaf_in_vm(w);
	return luajit_leaf_outside_vm(w);
}

/* The leaf of a state found below C code: the C function (or the resume) that it is in. */
WALK_STEP int luajit_find_host_leaf(struct walk *w)
{
	struct luajit_work *j;

	if (!w)
		return 0;
	j = &w->luajit;
	luajit_find_helpers(w);
	if (luajit_frame_valid(w, j->saved_base, 0) == LUAJIT_C)
		return luajit_take(w, j->saved_base, 0, WALK_LEAF_HOST);
	if (luajit_in_vm(w, w->reg[BPROF_REG_IP]))
		return luajit_leaf_in_vm(w);
	return luajit_leaf_outside_vm(w);
}

#endif
